"""Base and head with the head's weights in both, by what the worker and the run exchange."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.outputs import base
from pytest_modelcheck.checks.outputs.check import DriftBudget
from pytest_modelcheck.checks.outputs.compare import compare
from pytest_modelcheck.checks.outputs.metrics import DRIFT
from pytest_modelcheck.checks.outputs.words import words
from pytest_modelcheck.errors import MeasurementError
from pytest_modelcheck.model.subject import Subject
from pytest_modelcheck.verdict.judge import Outcome, judge
from pytest_modelcheck.verdict.message import explain, headline, value_text

from .planted import Planted, made
from .planted_kinds import PLANTED_KINDS

SAME = "the same, bit for bit (head's weights in both)"
APART = "as they stand (the base's own inputs)"
A, B = torch.arange(6.0).reshape(2, 3), torch.linspace(5, 9, 6).reshape(2, 3)
CODE = [p for p in PLANTED_KINDS if p.change in ("softmax over the batch", "a layer more", "the norm first")]


def subject(model: nn.Module, *inputs: Tensor) -> Subject:
    return ModelCheck(model, inputs).subject


def told(head: Subject, old: Subject) -> tuple[str, str]:
    """The line of every run, and how far both are apart as they stand."""
    (entry,) = base.between(head, base.facts(old), base.facts(head), asks(old))["drift"]
    return words(entry), entry["stands"]


def asks(old: Subject) -> Callable[[str, dict], dict]:
    """Over files, as the run and the worker do."""
    return lambda section, given: filed(base.answer_head(old, filed(given)))


def filed(value: object) -> dict:
    with io.BytesIO() as file:
        torch.save(value, file)
        file.seek(0)
        return torch.load(file, weights_only=True)


def refuse(section: str, given: object) -> dict:
    raise AssertionError("the worker is asked though all is the same")


def test_nobody_is_asked_where_all_is_the_same():
    model, inputs = made("cells")
    head, old = subject(model, *inputs), subject(copy.deepcopy(model), *inputs)
    calls: list[int] = []
    for side in (head, old):
        side.module.register_forward_hook(lambda *_: calls.append(1))
    (entry,) = base.between(head, base.facts(old), base.facts(head), refuse)["drift"]
    assert words(entry) == SAME
    assert len(calls) == 2  # one forward each


def test_layers_renamed_have_the_heads_weights():
    class New(type(made("cells")[0])):
        def __init__(self) -> None:
            super().__init__()
            self.top = self._modules.pop("head")

        def forward(self, x: Tensor) -> Tensor:
            self.head = lambda state: self.top(state)  # a module would be another layer
            return super().forward(x)

    old, inputs = made("cells")
    line, stands = told(subject(New(), *inputs), subject(old, *inputs))
    assert line == SAME
    assert stands.startswith("as they stand (the base's own 6 tensors): apart by ")


@pytest.mark.parametrize("planted", CODE, ids=[p.change for p in CODE])
def test_names_the_module_that_changed(planted: Planted):
    model, inputs = made(planted.model)
    new = copy.deepcopy(model)
    torch.manual_seed(3)
    planted.plant(new)
    assert told(subject(new, *inputs), subject(model, *inputs))[0].endswith(f"; first at {planted.named}")


def test_weights_alone_are_told_as_such():
    model, inputs = made("masked")
    new = copy.deepcopy(model)
    new.v.weight.data.mul_(1.01)
    line, stands = told(subject(new, *inputs), subject(model, *inputs))
    assert line == SAME
    assert stands.startswith("as they stand (the base's own 1 tensor): apart by ")


class Two(nn.Module):
    """Of two layers; `tied`: by their weight, or whole."""

    def __init__(self, tied: str = "") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)
        if tied == "weight":
            self.b.weight = self.a.weight
        if tied == "layer":
            self.b = self.a

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x).relu())


@pytest.mark.parametrize(
    ("now", "before", "same", "notes"),
    [
        ("weight", "", True, ()),
        ("layer", "", True, ()),
        ("layer", "weight", True, ()),
        ("", "weight", False, ("weights here alone: b.weight",)),
        ("", "layer", False, ("weights here alone: b.weight, b.bias",)),
        ("weight", "weight", True, ()),
        ("layer", "layer", True, ()),
    ],
)
def test_tied_weights_have_all_their_names(now, before, same, notes):
    drift = base.drift_from_base(subject(Two(now), A), asks(subject(Two(before), A + 1)))
    assert (drift.bit_for_bit, drift.notes) == (same, notes)


def test_buffers_that_code_makes_are_code_and_named():
    def model(mean: float) -> nn.Module:
        torch.manual_seed(0)
        made = nn.Sequential(nn.Linear(3, 3))
        made.register_buffer("mean", torch.tensor(mean), persistent=False)
        made.forward = lambda x: made[0](x - made.mean)
        return made

    drift = base.drift_from_base(subject(model(0.5), A), asks(subject(model(0.0), A)))
    assert (drift.max_error > 0, drift.stands) == (True, "")
    assert drift.notes == ("buffers that code makes, with other values here: mean",)


class Scaled(nn.Module):
    """Sensitive to each of its arguments."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc = nn.Linear(3, 3)

    def forward(self, a, b=None, scale=1.0, how=None):
        made = self.fc(a) * scale
        made = made if b is None else made - b
        return made if how is None else {"up": made + 1, "down": made - 1}[how["way"]]


class Opaque:
    pass


@pytest.mark.parametrize(
    ("now", "before", "stands"),
    [
        ((A, None, 3.0), (A, None, 2.0), APART),
        ({"a": A, "scale": 2.0}, {"a": A, "scale": 3.0}, APART),
        ({"a": A, "how": {"way": "up"}}, {"a": A, "how": {"way": "down"}}, APART),
        ((A, B), {"b": B, "a": A}, ""),
        ({"b": B, "a": A}, {"a": A, "b": B}, ""),
        ((A, B), {"b": A, "a": B}, APART),
        ((A, B), (A,), APART),
        ((A,), (A, B), APART),
    ],
)
def test_the_inputs_are_the_heads(now, before, stands):
    line, said = told(ModelCheck(Scaled(), now).subject, ModelCheck(Scaled(), before).subject)
    assert (line, said.partition(":")[0]) == (SAME, stands)


def test_what_cannot_be_sent_stays_and_is_told():
    class Taking(Scaled):
        def forward(self, a, what):
            return super().forward(a) * len(vars(what))

    one, other = Opaque(), Opaque()
    one.size = other.size = 1
    head, old = (ModelCheck(Taking(), given).subject for given in ((A, {"own": one}["own"]), (A + 1, other)))
    drift = base.drift_from_base(head, asks(old))
    assert drift.bit_for_bit
    assert drift.notes == ("arguments that stay the base's own: 1 (Opaque)",)
    with pytest.raises(MeasurementError, match=r"the argument '1' \(Opaque\) cannot be sent"):
        base.drift_from_base(head, asks(ModelCheck(Taking(), {"a": A, "what": other}).subject))


def test_a_base_that_does_not_take_them_fails():
    class One(Scaled):
        def forward(self, a):
            return super().forward(a)

    head, old = ModelCheck(Scaled(), (A, B)).subject, ModelCheck(One(), (A,)).subject
    with pytest.raises(MeasurementError, match="at the base: the model does not take this tree's inputs"):
        base.drift_from_base(head, asks(old))
    assert told(head, old)[0].startswith("cannot be compared: at the base: the model does not take")


class Cast(nn.Module):
    """Of any kind of tensor, another."""

    def __init__(self, kind: torch.dtype, by: float = 1.0) -> None:
        super().__init__()
        self.kind, self.by = kind, by

    def forward(self, x: Tensor) -> Tensor:
        return (x.to(torch.float32) * self.by).to(self.kind)


KINDS = (torch.float8_e4m3fn, torch.float8_e5m2, torch.float16, torch.uint16, torch.uint32, torch.uint64)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_of_number_is_compared(kind):
    given = torch.tensor([[1, 2, 3, 4]]).to(kind)
    head = subject(Cast(kind), given)
    assert base.facts(head)["reason"] == ""
    assert told(head, subject(Cast(kind), given.clone()))[0] == SAME
    drift = ModelCheck(Cast(kind), (given,)).drift(Cast(kind, 2.0))
    assert (drift.max_error, drift.outputs[0].dtype) == (1.0, str(kind).removeprefix("torch."))
    assert not drift.vacuous
    assert not ModelCheck(Cast(kind), (given,)).drift("repeated").vacuous
    constant = ModelCheck(Cast(torch.float8_e5m2), (torch.ones(3),)).drift("repeated")
    assert constant.vacuous == "'output' is 1 everywhere"


def test_an_error_of_ours_is_the_reason_in_the_line(monkeypatch):
    monkeypatch.setattr(base, "silence", lambda outputs: 1 / 0)
    old = subject(Cast(torch.float32), A)
    found = base.facts(old)
    assert found["reason"] == "an error of pytest-modelcheck: ZeroDivisionError: division by zero"
    (entry,) = base.between(old, found, found, refuse)["drift"]
    assert words(entry).startswith("cannot be compared: at the base: an error of pytest-modelcheck: Zero")


@pytest.mark.parametrize(
    ("forward", "line"),
    [
        (lambda x: x.argsort(-1), "25 % of their entries; first at (the model itself)"),
        (lambda x: x > 0, "8.33 % of their entries; first at (the model itself)"),
        (
            lambda x: torch.where(x.abs() == 1, x * 0, x),
            "equal, but not bit for bit: a zero has another sign, or a dtype is another",
        ),
        (lambda x: x, "2.0e0 of their scale, top-1 the same for 3 of 4; first at (the model itself)"),
    ],
)
def test_one_wording_of_a_drift(forward, line):
    """In each run's line, in the verdict and in print."""
    given = torch.linspace(-1, 1, 12).reshape(4, 3)
    head, old = nn.Module(), nn.Module()
    head.forward = lambda x: forward(x)
    old.forward = lambda x: forward(torch.where(x == x.max(), -x, x))
    drift = base.drift_from_base(subject(head, given), asks(subject(old, given)))
    found = told(subject(head, given), subject(old, given))[0]
    assert found == line
    assert str(drift).partition(": ")[2] == found
    assert DriftBudget().read(drift, SimpleNamespace(metric=DRIFT)).aka == found


def test_complex_numbers_are_apart_by_magnitude():
    given = torch.tensor([[3 + 4j, 1j, 0, complex("nan")]])
    shifted = torch.tensor([[3 + 4j, 1j, 3 - 4j, complex("nan")]])
    (row,) = compare({"z": given}, {"z": shifted})
    assert (row.max_error, row.mean_error, row.equal) == (1.0, 0.25, 0.75)
    assert (row.where, row.nan) == ((0, 2), (1, 1))
    assert [row.is_same for row in compare({"z": given}, {"z": given.clone()})] == [True]
    signed = given.clone()
    signed[0, 2] = complex(0.0, -0.0)
    assert [(row.is_same, row.equal) for row in compare({"z": given}, {"z": signed})] == [(False, 1.0)]
    assert [row.equal for row in compare({"z": given}, {"z": given.real})] == [0.5]


@pytest.mark.parametrize(
    ("forward", "shown", "note"),
    [
        (lambda x: torch.where(x == 0, -x, x), "not bit for bit", "output: equal, but not bit for bit: "),
        (lambda x: x[:, :2], "no match", "output: shape 1x2 there, 1x3 here"),
    ],
)
def test_what_no_number_tells_of_is_said_in_words(forward, shown, note):
    head, old = nn.Module(), nn.Module()
    head.forward, old.forward = (lambda x: x), forward
    drift = ModelCheck(head, (torch.tensor([[0.0, 1.0, 2.0]]),)).drift(old)
    check = DriftBudget()
    (limit,) = check.read_marker((0,), {"against": "repeated"}).limits
    verdict = judge("net", limit, check.read(drift, limit))
    lines = explain(replace(verdict, trailer="drift")).splitlines()
    assert verdict.outcome is Outcome.FAIL
    assert f" {shown} " in lines[1]
    assert any(note in line for line in lines)
    assert not [line for line in lines if "e-30" in line or "inf" in line or "over by" in line]
    assert value_text(verdict.measurement, verdict) == shown
    assert "e-30" not in str(verdict) + headline(verdict)
