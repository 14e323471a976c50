"""`modelcheck.drift`: how far answers are apart, and where that begins."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.outputs.check import DriftBudget
from pytest_modelcheck.errors import MeasurementError, SubjectError

from .neutral import NEUTRAL, Neutral
from .planted import PLANTED, SELF, Planted, made
from .planted_kinds import NEUTRAL_KINDS, PLANTED_KINDS


@pytest.fixture(autouse=True)
def one_thread():
    """Several wait for each other where a machine has other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def of(forward: Callable[..., object], *inputs: Tensor) -> ModelCheck:
    """A model that is one function."""
    model = nn.Module()
    model.forward = forward  # type: ignore[method-assign]
    return ModelCheck(model, inputs or (torch.randn(4, 6),))


def test_names_the_module_that_changed():
    """In one test, since each costs little more than two forwards of a small network."""
    wrong = [
        f"{p.model}, {p.change}: {name} in place of {p.named}"
        for p in (*PLANTED, *PLANTED_KINDS)
        if (name := named(p)) != p.named
    ]
    assert len(PLANTED) >= 40
    assert len(PLANTED_KINDS) >= 20
    assert wrong == []


def named(planted: Planted) -> str | None:
    model, inputs = made(planted.model)
    other = copy.deepcopy(model)
    torch.manual_seed(3)
    planted.plant(other)
    return ModelCheck(other, inputs).drift(model).first_module


def test_names_none_where_the_same_is_written_otherwise():
    wrong = [
        f"{n.model}, {n.change}: {name}"
        for n in (*NEUTRAL, *NEUTRAL_KINDS)
        if (name := first_of(n)) is not None
    ]
    assert len(NEUTRAL) >= 20
    assert len(NEUTRAL_KINDS) >= 10
    assert wrong == []


def first_of(neutral: Neutral) -> str | None:
    model, inputs = made(neutral.model)
    other = copy.deepcopy(model)
    rewritten = neutral.rewrite(other)
    other = rewritten.eval() if isinstance(rewritten, nn.Module) else other
    drift = ModelCheck(other, inputs).drift(model)
    assert not drift.incomparable
    assert drift.max_error < 1e-5
    return drift.first_module


class Amplifier(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x - 1000) * 1e3


class Noisy(nn.Module):
    """Its one layer is a bit off, and what follows amplifies that."""

    def __init__(self, off: float) -> None:
        super().__init__()
        self.layer, self.loud, self.head = nn.Linear(6, 64), Amplifier(), nn.Linear(64, 3)
        self.off = off

    def forward(self, x: Tensor) -> Tensor:
        y = (self.layer(x) * 1e-3 + 1000) * (1 + self.off)
        return self.head(self.loud(y).tanh())


def test_who_amplifies_rounding_is_not_the_first():
    torch.manual_seed(0)
    noisy, quiet = Noisy(1e-7), Noisy(0.0)
    quiet.load_state_dict(noisy.state_dict())
    drift = ModelCheck(noisy, torch.randn(4, 6)).drift(quiet)
    assert drift.max_error > 1e-5
    assert drift.by_module()["loud"] > 1e-3
    assert drift.first_module != "loud"
    loud = copy.deepcopy(quiet)
    loud.loud.forward = lambda x: (x - 1000) * 1100  # which does not only amplify
    assert ModelCheck(loud, torch.randn(4, 6)).drift(quiet).first_module == "loud"


@pytest.mark.parametrize(
    ("forward", "other", "error"),
    [
        (lambda x: x, lambda x: x + 0.0, 0.0),
        (lambda x: x / x.abs().max(), lambda x: x / x.abs().max() + 0.25, 0.25),
        (lambda x: x, lambda x: torch.where(x == x.max(), math.nan, x), math.inf),
        (lambda x: x > 0, lambda x: (x > 0) ^ (x == x.max()), 1 / 24),
        (lambda x: x.argsort(), lambda x: x.argsort().flip(0), None),
        (lambda x: x, lambda x: x[:, :5], math.inf),
        (lambda x: {"a": x, "b": x * 0 + x}, lambda x: {"a": x}, math.inf),
    ],
)
def test_errors(forward, other, error):
    x = torch.randn(4, 6)
    drift = of(forward, x).drift(of(other, x))
    if error is None:
        assert 0 < drift.max_error == 1 - drift.outputs[0].equal
    else:
        assert drift.max_error == pytest.approx(error)


def test_zero_is_bit_for_bit():
    x = torch.randn(4, 6).clamp(min=0)
    plain, signed = of(lambda x: x, x), of(lambda x: torch.where(x == 0, -0.0, x), x)
    assert plain.drift(plain).bit_for_bit
    assert plain.drift(signed).max_error == 0.0
    assert not plain.drift(signed).bit_for_bit
    holes = of(lambda x: torch.where(x == 0, math.nan, x), x)
    assert holes.drift(holes).bit_for_bit
    assert holes.drift(holes).outputs[0].nan == (int((x == 0).sum()),) * 2


@pytest.mark.parametrize(
    ("forward", "why"),
    [
        (lambda x: torch.zeros(4, 2), "'output' is 0 everywhere"),
        (lambda x: x * math.nan, "'output' is NaN everywhere"),
        (lambda x: x[:0], "'output' is empty"),
        (lambda x: None, "there is no tensor among them"),
        (lambda x: torch.arange(4.0), "they are the same for any input"),
        (lambda x: (torch.zeros(3), x * math.inf), "'0' is 0 everywhere, '1' is infinite or NaN everywhere"),
        (
            lambda x: nn.functional.linear(x, torch.zeros(5, 6), torch.arange(5.0)),
            "they are the same for any input",
        ),
        (lambda x: torch.full((4,), 2), "they are the same for any input"),
    ],
)
def test_vacuous(forward, why):
    check = of(forward)
    assert check.drift(check).vacuous == why
    assert of(lambda x: x).drift(of(lambda x: x)).vacuous == ""
    assert of(lambda x: x.sum()).drift(of(lambda x: x.sum())).vacuous == ""


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: (x + torch.eye(6)[2] * 6).argmax(1),
        lambda x: (x * 1e-6 + 0.5).softmax(-1),
        lambda x: (torch.zeros(3), x),
        lambda x: (x * math.nan, x),
        lambda x: x.mean(),
        lambda x: torch.where(x < 0, -math.inf, x),
    ],
)
def test_what_hardly_says_anything_still_says_it(forward):
    """One class for all examples, scores that barely vary, one output of two, a loss."""
    torch.manual_seed(0)
    check = of(forward)
    assert check.drift(check).vacuous == ""


def test_agreement_of_classes():
    torch.manual_seed(0)
    x = torch.randn(8, 5)
    assert of(lambda x: x, x).drift(of(lambda x: -x, x)).agreement == 0.0
    assert of(lambda x: x, x).drift(of(lambda x: x + 1, x)).agreement == 1.0
    assert of(lambda x: x.mean(1), x).drift(of(lambda x: x.mean(1), x)).agreement is None
    assert of(lambda x: {"boxes": x}, x).drift(of(lambda x: {"boxes": x}, x)).agreement is None


@pytest.mark.parametrize(
    ("against", "least", "most"),
    [
        ("bfloat16", 1e-4, 0.1),
        ("float16", 1e-6, 0.01),
        ("float64", 0, 1e-5),
        ("autocast", 1e-4, 0.1),
        ("channels_last", 0, 1e-5),
        ("one_by_one", 0, 1e-5),
        ("repeated", 0, 0),
        ("export", 0, 1e-5),
    ],
)
def test_variants_leave_no_trace(against, least, most):
    model, inputs = made("resnet")
    before = {name: (t.data_ptr(), t.dtype, t.stride(), t.clone()) for name, t in model.state_dict().items()}
    state = torch.get_rng_state()
    drift = ModelCheck(model, inputs).drift(against)
    assert least <= drift.max_error <= most
    assert drift.first_module is None
    for name, tensor in model.state_dict().items():
        pointer, dtype, stride, values = before[name]
        assert (tensor.data_ptr(), tensor.dtype, tensor.stride()) == (pointer, dtype, stride)
        assert torch.equal(tensor, values)
    assert torch.equal(torch.get_rng_state(), state)


def test_variants_see_what_they_are_for():
    x = torch.randn(4, 6)
    normed = of(lambda x: (x - x.mean(0)) / x.std(), x).drift("one_by_one")
    assert normed.max_error > 0.1
    assert normed.first_module == SELF
    drawn = of(lambda x: x + torch.randn_like(x), x)
    assert drawn.drift("repeated").max_error > 0.1
    assert drawn.drift(drawn).bit_for_bit
    loud = of(lambda x: (x + 1e4) - 1e4, x)
    assert loud.drift("bfloat16").max_error > 0.1


def test_dropout_is_off():
    model, inputs = made("mixer")
    model.train()
    check = ModelCheck(model, inputs)
    assert check.drift("repeated").bit_for_bit
    assert model.training


@pytest.mark.parametrize(
    ("against", "text"),
    [
        ("bflaot16", "against='bflaot16' is not one of 'base', 'bfloat16'"),
        (3, "against= takes an nn.Module, a ModelCheck or one of 'base', 'bfloat16'"),
        ("base", "there is no base: "),
    ],
)
def test_what_cannot_be_compared_with(against, text):
    with pytest.raises(MeasurementError, match=text):
        of(lambda x: x).drift(against)


def test_one_by_one_wants_a_batch():
    with pytest.raises(MeasurementError, match="Give inputs with a batch of at least two"):
        of(lambda x: x, torch.randn(1, 6)).drift("one_by_one")


def test_one_by_one_opens_lists_and_leaves_losses_out():
    images = [torch.randn(6), torch.randn(6)]
    found = ModelCheck(Function(lambda images: [{"scores": image * 2} for image in images]), (images,))
    assert found.drift("one_by_one").bit_for_bit
    loss = of(lambda x: {"loss": x.square().mean(), "y": x * 2}).drift("one_by_one")
    assert [row.path for row in loss.outputs] == ["y"]
    assert "loss (one number of the whole batch)" in loss.notes[0]


@pytest.mark.parametrize(
    ("forward", "text"),
    [
        (lambda x: x.mean(), "each output is one number of the whole batch"),
        (lambda x: x.T, "'output' is 6x4 of the batch, 24x1 of calls of one"),
        (lambda x: x[:, 0].squeeze(), "'output' is 4 of the batch, one number of calls of one"),
        (lambda x: x[3], "does not run one by one: .* the first axis is taken for the batch"),
    ],
)
def test_one_by_one_wants_the_batch_first(forward, text):
    with pytest.raises(MeasurementError, match=text):
        of(forward).drift("one_by_one")


class Function(nn.Module):
    def __init__(self, function: Callable[..., object]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: object, **kwargs: object) -> object:
        return self.function(*args, **kwargs)


class Counting(nn.Module):
    """It remembers its last call."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.last = nn.Linear(6, 4), None

    def forward(self, x: Tensor) -> Tensor:
        last, self.last = self.last, self.layer(x)
        return self.last if last is None else self.last + last


KINDS = {
    "scripted": lambda: (
        torch.jit.script(nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4))),
        torch.randn(4, 6),
    ),
    "keywords": lambda: (Function(lambda *, x, scale: x * scale), {"x": torch.randn(4, 6), "scale": 2.0}),
    "whole numbers": lambda: (Function(lambda x: x.argmax(1)), torch.randn(4, 6)),
    "a dict": lambda: (Function(lambda t: {"a": t.float().cos(), "b": [t]}), torch.arange(12).view(4, 3)),
    "a cache": lambda: (Counting(), torch.randn(4, 6)),
    "no batch norm statistics": lambda: (nn.Sequential(nn.BatchNorm1d(6)).train(), torch.randn(4, 6)),
}


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@pytest.mark.parametrize("kind", KINDS)
def test_variants_of_other_kinds_of_models(kind):
    model, inputs = KINDS[kind]()
    check, before = ModelCheck(model, inputs), {n: t.clone() for n, t in model.state_dict().items()}
    for against in ("bfloat16", "float64", "autocast", "channels_last", "one_by_one"):
        assert check.drift(against).max_error < 0.02, against
    assert check.drift("repeated").bit_for_bit is (kind != "a cache")
    assert all(
        torch.equal(t, before[n]) and t.dtype is before[n].dtype for n, t in model.state_dict().items()
    )


def test_who_does_not_run_in_another_way_says_so():
    inverse = of(lambda x: torch.linalg.inv(x.T @ x + torch.eye(6, dtype=x.dtype)))
    with pytest.raises(
        MeasurementError, match=r"does not run in bfloat16\.\n.*Low precision dtypes not supported"
    ):
        inverse.drift("bfloat16")
    if not torch.cuda.is_available():
        with pytest.raises(MeasurementError, match=r"there is none here\.\nSkip this test where"):
            inverse.drift("cuda")
    with pytest.raises(MeasurementError, match=r"torch\.export does not run it: "):
        of(lambda x: x if x.sum() > 0 else -x).drift("export")


def test_meta_has_no_values():
    check = ModelCheck(nn.Linear(2, 2, device="meta"), torch.randn(1, 2))
    for ask in (lambda: check.drift("bfloat16"), check.outputs):
        with pytest.raises(SubjectError, match="no values to compare"):
            ask()


def test_other_kinds_of_outputs():
    x = torch.randn(4, 6)
    check = of(lambda x: SimpleNamespace(a=1), x)
    assert "SimpleNamespace" in check.drift(check).notes[0]
    listed = of(lambda x: [{"scores": row} for row in x], x).drift("one_by_one")
    assert [row.path for row in listed.outputs] == [f"{n}.scores" for n in range(4)]
    assert listed.bit_for_bit


def test_curve_by_module():
    model, inputs = made("resnet")
    other = copy.deepcopy(model)
    other.layers[1].bn1.eps = 1e-2
    drift = ModelCheck(other, inputs).drift(model)
    curve = drift.by_module()
    assert list(curve)[:2] == ["stem", "layers.0.conv1"]
    before = list(curve).index("layers.1.bn1")
    assert max(list(curve.values())[:before]) == 0.0
    assert curve["layers.1.bn1"] > 1e-4
    assert curve[SELF] == pytest.approx(drift.outputs[0].spread, rel=0.7)
    assert str(drift).endswith("; first at layers.1.bn1")


def test_what_is_compiled_in_place_runs_as_written():
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    model = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 3))
    model.compile(backend=backend)
    model[1].compile(backend=backend)
    check = ModelCheck(model, torch.randn(4, 6))
    assert check.drift("bfloat16").by_module()["1"] > 0
    for against in ("autocast", "one_by_one", "repeated"):
        check.drift(against)
    check.outputs()
    assert not graphs


def test_a_module_in_a_marker_is_told_by_its_class():
    (problem,) = DriftBudget().read_marker((0,), {"against": nn.Sequential(nn.Linear(2, 2))}).problems
    assert "(Sequential); modelcheck.drift(module) compares" in problem
    assert "\n" not in problem
