"""What a reviewer reads of a changed structure: few lines, and what they say of checkpoints."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.records.plain import plain

from ..catalogue import REGISTRY, compared_section


class Net(nn.Module):
    """A model of a function of it and its inputs."""

    def __init__(self, function, **modules):
        super().__init__()
        self._function = function
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, *inputs):
        return self._function(self, *inputs)


def linear(wide=8, **settings):
    return nn.Linear(8, wide, **settings)


def content(model, inputs):
    given = {"input_size": inputs} if isinstance(inputs, tuple) else {"inputs": inputs}
    return plain(ModelCheck(model.eval(), **given).structure().to_dict())


def told(base, head, inputs=(2, 8)):
    """The headline, the line on checkpoints, and those on modules."""
    found = compared_section("structure", content(base, inputs), content(head, inputs))
    changes = REGISTRY.sections["structure"].changes
    headline = changes.headline(found)
    lines = [str(line) for line in changes.lines(found, 12)]
    loads = [line for line in lines if line.startswith("a checkpoint")]
    return headline.text if headline else "", *loads, *(line for line in lines if line not in loads)


def blocks(activation, n=3):
    def block():
        return Net(
            lambda s, x: x + (F.relu(s.fc(x)) if activation is None else s.act(s.fc(x))),
            fc=linear(),
            **({} if activation is None else {"act": activation()}),
        )

    return nn.Sequential(*(block() for _ in range(n)))


class Written(nn.Module):
    """Two layers and what is between them, by names; `Sequential` does the same."""

    def __init__(self, first="up", second="down", wide=8, container="layers", n=3):
        super().__init__()
        made = [
            Net(
                lambda s, x: getattr(s, second)(getattr(s, first)(x).relu()),
                **{first: linear(wide), second: nn.Linear(wide, 8)},
            )
            for _ in range(n)
        ]
        setattr(self, container, nn.ModuleList(made))
        self._container = container

    def forward(self, x):
        for layer in getattr(self, self._container):
            x = layer(x)
        return x


def sequence(n=3):
    return nn.Sequential(*(nn.Sequential(linear(), nn.ReLU(), linear()) for _ in range(n)))


def tied(is_tied):
    net = Net(lambda s, x: s.head(s.body(s.emb(x))), emb=linear(8), body=linear(), head=linear(8))
    if is_tied:
        net.head.weight = net.emb.weight
    return net


def pair(swapped, **tensors):
    def forward(s, x):
        a, b = (s.b, s.a) if swapped else (s.a, s.b)
        return (x * a).tanh() * b

    return Net(forward, a=nn.Parameter(torch.ones(8)), b=nn.Parameter(torch.ones(8)))


def chunks(*order):
    def forward(s, x):
        parts = s.fc(x).chunk(2, -1)
        return parts[order[0]] * parts[order[1]].sigmoid()

    return Net(forward, fc=linear(16))


def buffered(n=2, persistent=True, trained=False):
    net = Net(lambda s, x: s.fc(x * s.mask[:1]), fc=linear())
    if trained:
        net.mask = nn.Parameter(torch.ones(n, 8))
    else:
        net.register_buffer("mask", torch.ones(n, 8), persistent=persistent)
    return net


SAME = "the same operators in the same order; "
LOADS = "a checkpoint of the base loads: yes"
LOST = "a checkpoint of the base does not load: "

CASES = {
    "a function for a module": (
        lambda: (blocks(nn.ReLU), blocks(None)),
        f"{SAME}3 paths differ",
        LOADS,
        "(the model itself): same operators, other paths: {0..2}.act -> {0..2} (3 modules)",
    ),
    "and back": (
        lambda: (blocks(None, 1), blocks(nn.ReLU, 1)),
        f"{SAME}1 path differs",
        LOADS,
        "(the model itself): same operators, other paths: 0 -> 0.act",
    ),
    "torch's relu for the module": (
        lambda: (Net(lambda s, x: s.act(x), act=nn.ReLU()), Net(lambda s, x: x.relu())),
        f"{SAME}1 path differs",
        LOADS,
        "(the model itself): same operators, other paths: act -> (the model)",
    ),
    "a container renamed": (
        lambda: (Written(), Written(container="blocks")),
        f"{SAME}9 paths differ",
        f"{LOST}12 keys renamed (first: layers.0.up.weight -> blocks.0.up.weight)",
        "blocks: module ModuleList moved: layers -> blocks",
    ),
    "a layer renamed and widened": (
        lambda: (Written(), Written(first="fc", wide=16)),
        "changes 6 nodes of the graph",
        f"{LOST}6 keys renamed (first: layers.0.up.weight -> layers.0.fc.weight), 9 of another shape "
        "(first: layers.0.up.weight -> layers.0.fc.weight, 8×8 -> 16×8)",
        "layers.{0..2}.down: in_features 8 -> 16 (3 modules)",
        "layers.{0..2}.fc: module Linear moved: layers.{0..2}.up -> layers.{0..2}.fc, "
        "out_features 8 -> 16 (3 modules)",
    ),
    "another way to write it": (
        lambda: (Written(), sequence()),
        f"{SAME}9 paths differ",
        f"{LOST}12 keys renamed (first: layers.0.up.weight -> 0.0.weight)",
        "(the model itself): same operators, other paths: layers.{0..2}.up -> {0..2}.0, "
        "layers.{0..2} -> {0..2}.1, layers.{0..2}.down -> {0..2}.2 (9 modules)",
    ),
    "all of it in one more module": (
        lambda: (
            Net(lambda s, x: s.c(s.b(s.a(x))), a=linear(), b=linear(), c=linear()),
            Net(
                lambda s, x: s.net(x),
                net=Net(lambda s, x: s.c(s.b(s.a(x))), a=linear(), b=linear(), c=linear()),
            ),
        ),
        f"{SAME}3 paths differ",
        f"{LOST}6 keys renamed (first: a.weight -> net.a.weight)",
        "(the model itself): same operators, other paths: * -> net.* (3 modules)",
    ),
    "two alike layers, named anew in another order": (
        lambda: (
            Net(lambda s, x: s.b(s.a(x)), a=linear(), b=linear()),
            Net(lambda s, x: s.last(s.first(x)), last=linear(), first=linear()),
        ),
        f"{SAME}2 paths differ",
        f"{LOST}4 keys renamed (first: a.weight -> first.weight)",
        "first: module Linear moved: a -> first",
        "last: module Linear moved: b -> last",
    ),
    "two layers change places": (
        lambda: (
            Net(lambda s, x: s.b(s.a(x)), a=linear(), b=linear()),
            Net(lambda s, x: s.a(s.b(x)), a=linear(), b=linear()),
        ),
        "",
        LOADS,
        "b: call moved: after a -> after input",
    ),
    "tied": (lambda: (tied(False), tied(True)), "", LOADS, "head: weight of its own -> tied to emb.weight"),
    "untied": (lambda: (tied(True), tied(False)), "", LOADS, "head: weight tied to emb.weight -> of its own"),
    "parameters change places": (
        lambda: (pair(False), pair(True)),
        "",
        LOADS,
        "(the model itself): tensors swapped: a, b -> b, a",
    ),
    "another parameter": (
        lambda: (pair(False), Net(lambda s, x: (x * s.a).tanh() * s.a, **vars(pair(False))["_parameters"])),
        "",
        LOADS,
        "(the model itself): tensor that mul reads b -> a",
    ),
    "a parameter renamed": (
        lambda: (
            Net(lambda s, x: x * s.w, w=nn.Parameter(torch.ones(8))),
            Net(lambda s, x: x * s.gamma, gamma=nn.Parameter(torch.ones(8))),
        ),
        "",
        f"{LOST}1 key renamed (w -> gamma)",
        "(the model itself): name of a parameter w -> gamma",
    ),
    "another output of chunk": (
        lambda: (chunks(0, 1), chunks(0, 0)),
        "",
        LOADS,
        "(the model itself): input of sigmoid chunk[1] -> chunk[0]",
    ),
    "operators of one name": (
        lambda: (
            Net(lambda s, x: (x * 2).exp() - (x * 3).exp()),
            Net(lambda s, x: (lambda a, b: b - a)((x * 2).exp(), (x * 3).exp())),
        ),
        "",
        LOADS,
        "(the model itself): operands of sub swapped: exp #1, exp #2 -> exp #2, exp #1",
    ),
    "a buffer": (
        lambda: (buffered(), buffered(4)),
        "changes 1 node of the graph",
        f"{LOST}1 key of another shape (mask 2×8 -> 4×8)",
        "(the model itself): buffer mask 2×8 -> 4×8",
    ),
    "a buffer in no checkpoint": (
        lambda: (buffered(persistent=False), buffered(4, persistent=False)),
        "changes 1 node of the graph",
        LOADS,
        "(the model itself): buffer mask 2×8 -> 4×8",
    ),
    "a parameter is a buffer now": (
        lambda: (buffered(trained=True), buffered()),
        "",
        LOADS,
        "(the model itself): mask parameter 2×8 -> buffer 2×8",
    ),
    "biases": (
        lambda: (
            nn.Sequential(linear(bias=False), linear(bias=False)),
            nn.Sequential(linear(bias=True), linear(bias=True)),
        ),
        "changes 2 nodes of the graph",
        f"{LOST}2 keys missing (first: 0.bias)",
        "{0,1}: parameter bias added: 8 (2 modules)",
    ),
    "layers taken away": (
        lambda: (nn.Sequential(*map(linear, [8] * 4)), nn.Sequential(*map(linear, [8] * 3))),
        "removes 1 node from the graph",
        f"{LOST}2 keys unexpected (first: 3.weight)",
        "3: module removed: Linear(in_features=8, out_features=8, bias=True)",
    ),
    "another dtype": (
        lambda: (Net(lambda s, x: x.tanh()), Net(lambda s, x: x.tanh().double() if s.training else x.tanh())),
        "",
    ),
    "nothing": (lambda: (blocks(nn.ReLU), blocks(nn.ReLU)), ""),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_a_reviewer_reads(case):
    make, *words = case
    assert told(*make()) == tuple(words)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_no_change_is_told_by_hashes_and_none_is_lost(case):
    """On the way back there is something to say as well, and never a fingerprint."""
    make, _, *lines = case
    base, head = make()
    found = told(head, base)
    assert bool(lines) == (len(found) > 1)
    assert "fingerprint" not in str(found)


class Translates(nn.Linear):
    def _load_from_state_dict(self, *arguments):
        super()._load_from_state_dict(*arguments)


class Raises(nn.Linear):
    def state_dict(self, *arguments, **options):
        raise RuntimeError("not today")


class Nested(nn.Linear):
    def state_dict(self, *arguments, **options):
        return {"model": super().state_dict(*arguments, **options), 3: "x"}


class Extra(nn.Linear):
    def get_extra_state(self):
        return {"more": 1}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (nn.Linear, f"{LOST}2 keys renamed (first: a.weight -> b.weight)"),
        (Extra, f"{LOST}3 keys renamed (first: a.weight -> b.weight)"),
        (
            Translates,
            f"{LOST}2 keys renamed (first: a.weight -> b.weight); unless Translates can translate, "
            "with loading code of its own",
        ),
    ],
)
def test_models_with_checkpoints_of_their_own(kind, words):
    base, head = Net(lambda s, x: s.a(x), a=kind(8, 8)), Net(lambda s, x: s.b(x), b=kind(8, 8))
    assert told(base, head)[1] == words


@pytest.mark.parametrize("kind", [Raises, Nested])
def test_a_checkpoint_of_a_form_of_its_own_is_not_judged(kind):
    assert not [line for line in told(kind(8, 8), kind(8, 4)) if "checkpoint" in line]


def test_what_would_be_loaded_into_another_layer_is_told():
    """Two convolutions change their names and nothing else: all keys and shapes are there, of the wrong ones."""
    layers = [nn.Conv2d(3, 3, 1, groups=3), nn.Conv2d(3, 3, 1, groups=3, padding=1)]
    base, head = (nn.Sequential(*order) for order in (layers, layers[::-1]))
    assert told(base, head, (1, 3, 8, 8))[1] == (
        "a checkpoint of the base loads, but into other places: 4 keys renamed (first: 0.weight -> 1.weight)"
    )


def test_records_that_know_no_keys_say_nothing_of_checkpoints():
    sides = [content(model, (2, 8)) for model in (Written(), Written(first="fc"))]
    del sides[0]["state"]
    for module in sides[0]["modules"]:
        del module["buffers"]
    found = compared_section("structure", *sides)
    assert found["structure"]
    assert not found["checkpoint"]


def test_of_a_model_that_does_not_run_the_keys_are_known():
    class Broken(nn.Linear):
        def forward(self, x):
            raise RuntimeError("not today")

    from pytest_modelcheck.checks.structure.measure import describe
    from pytest_modelcheck.model.subject import build_subject

    sides = [
        plain(describe(build_subject(Broken(8, n), input_size=(2, 8), name="net")).to_dict()) for n in (8, 9)
    ]
    found = compared_section("structure", *sides)
    assert found["checkpoint"]["reshaped"] == 2


def residual(norm_first):
    """Stages of growing width whose norm stands before the layer of the shortcut, or behind it."""

    def stage(n, m):
        layers = [nn.BatchNorm1d(n), nn.ReLU(), nn.Linear(n, m)]
        shortcut = nn.Sequential(*(layers if norm_first else [nn.Linear(n, m), nn.BatchNorm1d(m)]))
        return Net(lambda s, x: s.main(x) + s.shortcut(x), main=nn.Linear(n, m), shortcut=shortcut)

    return nn.Sequential(*(stage(8 * 2**k, 16 * 2**k) for k in range(3)))


def test_a_layer_of_another_stage_is_not_the_one_that_went_here():
    _, loads, *lines = told(residual(False), residual(True))
    renamed = "6 keys renamed (first: 0.shortcut.0.weight -> 0.shortcut.2.weight)"
    assert (
        loads
        == f"{LOST}{renamed}, 15 missing (first: 0.shortcut.0.weight), 15 unexpected (first: 0.shortcut.1.weight)"
    )
    assert not [line for line in lines if " moved" in line]


def test_what_is_read_is_named_as_its_module_names_it():
    def net(activated):
        def forward(s, x):
            seen = s.norm(x).relu()
            return s.fc(seen) + (seen if activated else x)

        return nn.Sequential(*(Net(forward, norm=nn.LayerNorm(8), fc=linear()) for _ in range(2)))

    (line,) = [line for line in told(net(False), net(True)) if "input of" in line]
    assert line == "{0,1}: input of add fc, the module's input -> fc, relu (2 modules)"


def test_operators_that_went_together_are_told_together():
    gelu = Net(lambda s, x: 0.5 * x * (1 + torch.tanh(x + x.pow(3))))
    lines = told(
        Net(lambda s, x: s.act(x), act=gelu), Net(lambda s, x: s.act(x), act=Net(lambda s, x: F.gelu(x)))
    )
    assert "act: operators mul (2 times), pow, add (2 times), tanh removed, operator gelu added" in lines
