"""What a user reads of a change: `[str(c) for c in head.diff(base)]`, line by line."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pytest_modelcheck import ModelCheck

X, V = torch.ones(2, 8, 8, 8), torch.ones(4, 8)
LINEAR, WIDE = (nn.Linear, 8, 8), (nn.Linear, 8, 16)


class Net(nn.Module):
    """A function of the model and its inputs. `modules`: a module, or its class and arguments."""

    def __init__(self, function, **modules):
        super().__init__()
        self._function = function
        for name, given in modules.items():
            setattr(self, name, given[0](*given[1:]) if isinstance(given, tuple) else given)

    def forward(self, *inputs):
        return self._function(self, *inputs)


def weights(*shape):
    return nn.Parameter(torch.ones(*shape))


def reading(function, *shape):
    """A model of a function of its input and one parameter."""
    return Net(lambda net, x: function(x, net.w), w=weights(*(shape or (8, 8))))


def convolved(*settings, groups=1):
    return reading(lambda x, w: F.conv2d(x, w, None, *settings), 8, 8 // groups, 3, 3)


def upsampled(*settings):
    return reading(lambda x, w: F.conv_transpose2d(x, w, None, *settings), 8, 8, 3, 3)


def chunks(first, second):
    def forward(net, x):
        parts = net.fc(x).chunk(2, -1)
        return parts[first] * parts[second].sigmoid()

    return Net(forward, fc=WIDE)


def ordered(first, last=lambda t: t):
    def function(x, w):
        made = {}
        for name in (first, "tanh" if first == "relu" else "relu"):
            made[name] = getattr(x, name)()
        return last(made["relu"] - made["tanh"])

    return reading(function)


def holding(value):
    net = Net(lambda net, x: x * net.scale)
    net.scale = torch.full((8,), value)
    return net


def seeded(seed, bias=None):
    torch.manual_seed(seed)
    net = nn.Sequential(*(nn.Linear(8, 8) for _ in range(3)))
    if bias is not None:
        net[1].bias.data.fill_(bias)
    return net


def cast(on):
    def forward(net, x):
        with torch.autocast("cpu", torch.bfloat16, enabled=on):
            return net.b(net.a(x).relu())

    return Net(forward, a=LINEAR, b=LINEAR)


def tied(is_tied):
    net = nn.Sequential(nn.Linear(8, 8, bias=False), nn.ReLU(), nn.Linear(8, 8, bias=False))
    if is_tied:
        net[2].weight = net[0].weight
    return net


def two(first, second):
    return Net(
        lambda net, x: (x * getattr(net, first)).tanh() * getattr(net, second), a=weights(8), b=weights(8)
    )


def layers(n=8, many=3):
    return nn.Sequential(*(nn.Sequential(nn.Linear(8, n), nn.ReLU(), nn.Linear(n, 8)) for _ in range(many)))


class Pre(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(8), function

    def forward(self, x):
        return self.fn(self.norm(x))


def wrapped():
    return nn.Sequential(*(Pre(nn.Sequential(nn.Linear(8, 8), nn.GELU())) for _ in range(6)))


def plain(activation=nn.GELU):
    return nn.Sequential(*(nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8), activation()) for _ in range(6)))


def normed(*, inside):
    body = {"fc": LINEAR, "norm": (nn.LayerNorm, 8)} if inside else {"fc": LINEAR}
    first = {} if inside else {"norm": (nn.LayerNorm, 8)}
    return Net(
        lambda net, x: net.body(x if inside else net.norm(x)).relu(),
        body=Net(lambda net, x: net.fc(net.norm(x) if inside else x) + x, **body),
        **first,
    )


def encoder(heads=2, **settings):
    return nn.TransformerEncoderLayer(8, heads, 16, batch_first=True, **settings)


def of(base, head):
    """Two functions of the input and a parameter."""
    return lambda: (reading(base), reading(head))


PICTURES = {
    "conv stride": (
        lambda: (convolved(1, 1), convolved(2, 1)),
        "(the model): conv2d stride changed: 1 -> 2",
    ),
    "conv padding": (
        lambda: (convolved(1, 1), convolved(1, 2)),
        "(the model): conv2d padding changed: 1 -> 2",
    ),
    "conv dilation": (
        lambda: (convolved(1, 1, 1), convolved(1, 1, 2)),
        "(the model): conv2d dilation changed: 1 -> 2",
    ),
    "conv groups": (
        lambda: (convolved(1, 1, 1, 1), convolved(1, 1, 1, 2, groups=2)),
        "(the model): parameter w changed: 8×8×3×3 -> 8×4×3×3",
        "(the model): conv2d groups changed: 1 -> 2",
    ),
    "output padding": (
        lambda: (upsampled(2, 1, 0), upsampled(2, 1, 1)),
        "(the model): conv_transpose2d output_padding changed: 0 -> 1",
    ),
    "mean": (
        of(lambda x, w: x.mean((2, 3)), lambda x, w: x.mean((1, 2))),
        "(the model): mean dim changed: [2, 3] -> [1, 2]",
    ),
    "padding of avg_pool2d": (
        of(lambda x, w: F.avg_pool2d(x, 3, 1, 0), lambda x, w: F.avg_pool2d(x, 3, 1, 1)),
        "(the model): avg_pool2d padding changed: 0 -> 1",
    ),
    "kernel of avg_pool2d": (
        of(lambda x, w: F.avg_pool2d(x, 3), lambda x, w: F.avg_pool2d(x, 2)),
        "(the model): avg_pool2d kernel_size changed: 3 -> 2",
    ),
    "max_pool2d": (
        of(lambda x, w: F.max_pool2d(x, 3, 2, 0), lambda x, w: F.max_pool2d(x, 3, 2, 1)),
        "(the model): max_pool2d padding changed: 0 -> 1",
    ),
    "interpolate": (
        of(lambda x, w: F.interpolate(x, None, 2.0), lambda x, w: F.interpolate(x, None, 2.0, "bilinear")),
        "(the model): interpolate mode changed: nearest -> bilinear",
    ),
    "pad": (
        of(lambda x, w: F.pad(x, (1, 1, 1, 1)), lambda x, w: F.pad(x, (1, 1, 1, 1), "reflect")),
        "(the model): pad mode changed: constant -> reflect",
    ),
    "permute": (
        of(lambda x, w: x.permute(0, 2, 3, 1), lambda x, w: x.permute(0, 3, 2, 1)),
        "(the model): permute dims changed: [0, 2, 3, 1] -> [0, 3, 2, 1]",
    ),
    "transpose": (
        of(lambda x, w: x.transpose(1, 2).sum(1), lambda x, w: x.transpose(1, 3).sum(1)),
        "(the model): transpose dim1 changed: 2 -> 3",
    ),
}
ROWS = {
    "softmax": (
        of(lambda x, w: x.softmax(1), lambda x, w: x.softmax(0)),
        "(the model): softmax dim changed: 1 -> 0",
    ),
    "norm": (
        of(lambda x, w: x.norm(2, 1), lambda x, w: x.norm(1, 1)),
        "(the model): norm p changed: 2 -> 1",
    ),
    "roll": (
        of(lambda x, w: x.roll(1, 1), lambda x, w: x.roll(1, 0)),
        "(the model): roll dims changed: [1] -> [0]",
    ),
    "subtraction": (
        of(lambda x, w: x - w[0], lambda x, w: w[0] - x),
        "(the model): operands of sub swapped: input, getitem -> getitem, input",
    ),
    "matrix product": (
        of(lambda x, w: x.T @ x @ w, lambda x, w: w @ (x.T @ x)),
        "(the model): operands of matmul swapped: matmul, w -> w, matmul",
    ),
    "concatenation": (
        of(lambda x, w: torch.cat([x, w]), lambda x, w: torch.cat([w, x])),
        "(the model): operands of cat swapped: input, w -> w, input",
    ),
    "where": (
        of(lambda x, w: torch.where(x > 0, x, w[:4]), lambda x, w: torch.where(x > 0, w[:4], x)),
        "(the model): operands of where swapped: input, getitem -> getitem, input",
    ),
    "clamp": (
        of(lambda x, w: x.clamp(min=x.mean()), lambda x, w: x.clamp(max=x.mean())),
        "(the model): operands of clamp changed: min=mean -> max=mean",
    ),
    "a product commutes": (of(lambda x, w: x * w[0], lambda x, w: w[0] * x),),
    "another output of chunk": (
        lambda: (chunks(0, 1), chunks(0, 0)),
        "(the model): input of sigmoid changed: chunk[1] -> chunk[0]",
    ),
    "keys of the output": (
        of(lambda x, w: {"a": x + 1, "b": x + 2}, lambda x, w: {"c": x + 1, "b": x + 2}),
        "(the model): output form changed: {'a': tensor, 'b': tensor} -> {'b': tensor, 'c': tensor}",
    ),
    "values of the output": (
        of(lambda x, w: {"a": x.exp(), "b": x.sin()}, lambda x, w: {"b": x.exp(), "a": x.sin()}),
        "(the model): outputs swapped: exp, sin -> sin, exp",
    ),
    "container of the output": (
        of(lambda x, w: (x + 1, x + 2), lambda x, w: [x + 1, x + 2]),
        "(the model): output form changed: (tensor, tensor) -> [tensor, tensor]",
    ),
    "a number": (
        of(lambda x, w: x * 0.5, lambda x, w: x * 0.25),
        "(the model): mul other changed: 0.5 -> 0.25",
    ),
    "an index": (
        of(lambda x, w: x[0], lambda x, w: x[1]),
        "(the model): getitem key changed: 0 -> 1",
    ),
    "autocast": (
        lambda: (cast(False), cast(True)),
        "(the model): dtype of 4 operators under autocast changed: float32 -> bfloat16",
    ),
    "a cast": (
        of(lambda x, w: x.relu(), lambda x, w: x.relu().bfloat16()),
        "(the model): operator bfloat16 added",
    ),
    "tied": (
        lambda: (tied(False), tied(True)),
        "2: weight changed: of its own -> tied to 0.weight",
    ),
    "untied": (
        lambda: (tied(True), tied(False)),
        "2: weight changed: tied to 0.weight -> of its own",
    ),
    "swapped parameters": (
        lambda: (two("a", "b"), two("b", "a")),
        "(the model): tensors swapped: a, b -> b, a",
    ),
    "another parameter": (
        lambda: (two("a", "b"), two("a", "a")),
        "(the model): tensor that mul reads changed: b -> a",
    ),
    "alike layers": (
        lambda: (layers(), layers(16)),
        "{0..2}.0: out_features changed: 8 -> 16",
        "{0..2}.2: in_features changed: 8 -> 16",
    ),
    "one layer more": (
        lambda: (layers(), layers(many=4)),
        "3: module added: Sequential (3 modules)",
    ),
    "a module in another one": (
        lambda: (normed(inside=False), normed(inside=True)),
        "body.norm: module LayerNorm moved: norm -> body.norm",
    ),
    "a module renamed": (
        lambda: (Net(lambda n, x: n.head(x), head=LINEAR), Net(lambda n, x: n.fc(x), fc=LINEAR)),
        "fc: module Linear moved: head -> fc",
    ),
    "steps in another order": (
        of(lambda x, w: x.relu().tanh(), lambda x, w: x.tanh().relu()),
        "(the model): operator tanh moved: after relu -> after input",
    ),
    "independent steps in another order": (lambda: (ordered("relu"), ordered("tanh")),),
    "and one more": (
        lambda: (ordered("relu"), ordered("tanh", torch.exp)),
        "(the model): operator exp added",
    ),
    "one step more": (
        of(lambda x, w: x.add(1).add(2).add(3), lambda x, w: x.add(9).add(1).add(2).add(3)),
        "(the model): operator add added",
    ),
    "another function": (
        of(lambda x, w: (x + 1).relu() * 2, lambda x, w: F.gelu(x + 1) * 2),
        "(the model): operator changed: relu -> gelu",
    ),
    "swapped, and a step more": (
        of(lambda x, w: x - w[0], lambda x, w: (w[0] - x).exp()),
        "(the model): operator exp added",
        "(the model): operands of sub swapped: input, getitem -> getitem, input",
    ),
    "a shortcut from elsewhere": (
        of(lambda x, w: F.relu(x).exp() + F.relu(x), lambda x, w: F.relu(x).exp() + x),
        "(the model): operator relu removed",
    ),
    "a module called twice": (
        lambda: (Net(lambda n, x: n.a(x), a=LINEAR), Net(lambda n, x: n.a(n.a(x)), a=LINEAR)),
        "a: call added",
    ),
    "a module made while running": (
        of(lambda x, w: x + 1, lambda x, w: nn.ReLU()(x + 1)),
        "(the model): call of <ReLU> added",
    ),
    "a module that nobody calls": (
        lambda: (Net(lambda n, x: x + 1), Net(lambda n, x: x + 1, drop=nn.Dropout(0.1))),
        "drop: module added: Dropout(p=0.1, inplace=False)",
    ),
    "a buffer": (
        lambda: (
            Net(lambda n, x: x * n.m, m=weights(8)),
            Net(lambda n, x: x * n.m, m=nn.Buffer(torch.ones(8))),
        ),
        "(the model): m changed: parameter 8 -> buffer 8",
    ),
    "an activation": (
        lambda: (nn.Sequential(nn.Linear(8, 8), nn.ReLU()), nn.Sequential(nn.Linear(8, 8), nn.GELU())),
        "1: class changed: ReLU() -> GELU(approximate='none')",
    ),
    "heads": (
        lambda: (encoder(2), encoder(4)),
        "self_attn: num_heads changed: 2 -> 4",
        "self_attn: head_dim changed: 4 -> 2",
    ),
    "a refactor": (
        lambda: (wrapped(), plain()),
        "(the model): same operators, other paths: {0..5}.norm -> {0..5}.0, "
        "{0..5}.fn.0 -> {0..5}.1, {0..5}.fn.1 -> {0..5}.2 (18 modules)",
    ),
    "a refactor and more": (
        lambda: (wrapped(), plain(nn.ReLU)),
        "{0..5}: class changed: Pre (4 modules) -> Sequential (3 modules)",
        "{0..5}.0: module LayerNorm moved: {0..5}.norm -> {0..5}.0",
        "{0..5}.1: module Linear moved: {0..5}.fn.0 -> {0..5}.1",
        "{0..5}.fn: module removed: Sequential (1 module)",
        "{0..5}.2: module added: ReLU()",
    ),
    "nothing": (lambda: (layers(), layers()),),
}


def told(base, head, inputs, **options):
    """The lines, and whether the fingerprints are equal."""
    sides = [ModelCheck(model.eval(), inputs, name="net").structure(**options) for model in (base, head)]
    return [str(change) for change in sides[1].diff(sides[0])], sides[0].fingerprint == sides[1].fingerprint


@pytest.mark.parametrize("case", [*PICTURES.values(), *ROWS.values()], ids=[*PICTURES, *ROWS])
def test_what_a_change_is_called(case):
    make, *words = case
    lines, same = told(*make(), X if case in PICTURES.values() else V)
    assert lines == words
    assert same is not bool(words)


VALUES = {
    "a held tensor": (
        lambda: (holding(1.0), holding(2.0)),
        "(the model): values of the tensor held as scale changed",
    ),
    "all weights": (
        lambda: (seeded(0), seeded(1)),
        "(the model): values of 6 tensors changed: {0..2}.weight, {0..2}.bias",
    ),
    "one of them": (lambda: (seeded(0, 0), seeded(0, 1)), "1: values of bias changed"),
    "none": (lambda: (seeded(0), seeded(0)),),
}


@pytest.mark.parametrize("case", VALUES.values(), ids=VALUES)
def test_values_are_told_with_their_names(case):
    """They are no part of the fingerprint: it is equal for any weights."""
    make, *words = case
    assert told(*make(), V, weights=True) == (words, True)


def test_inputs_that_change_places():
    make = lambda base: Net((lambda net, x, y: x - y) if base else (lambda net, x, y: y - x))  # noqa: E731
    lines, _ = told(make(True), make(False), (V, V.clone()))
    assert lines == ["(the model): operands of sub swapped: input #1, input #2 -> input #2, input #1"]
