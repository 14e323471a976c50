"""A function of the user's own that a model holds counts by what it does: the same in every Python and process.

Each Python runs this file, and finds what the others found.
"""

import sys

import pytest
import torch

from pytest_modelcheck.checks.structure.trace.values import canonical


def relative(x):
    x *= 2
    x[:2] -= 1
    return x @ x


def looped(x):
    while x.sum() > 1:
        x = x / 2
    return x


def guarded(x):
    try:
        return x.a
    except AttributeError:
        return x.b * 2
    finally:
        x.close(7)


def without_gradients(x):
    with torch.no_grad():
        return x * 2


def branched(x):
    if (x.a and x.b > 1) or not x.c:  # noqa: SIM108
        x = x * 2
    else:
        x = x * 3
    return x.relu()


def early(x):
    if x is None:
        return None
    if not x.training:
        return x
    return x * 2


def inherited(x):
    return super(type(x), x).forward(x + 1)


def inner(x):
    def scaled(y, factor=3):
        return y * factor + 2

    return scaled(x)


def stacked(x):
    out = []
    for layer in x.layers:
        out += [layer(y) * 2 for y in x.parts if y > 1]
    return torch.cat(out, dim=1)


FUNCTIONS = {
    "arithmetic": (lambda x: x * 2 + 1 - 3 / x // 5 % 6**x, "97fdea0fffb8"),
    "bits": (lambda x: x << 1 >> 2 & 3 | 4 ^ x, "f25413d7f091"),
    "comparisons": (lambda x: (x < 1, x >= 2, x != 3, x == 4), "87a75b24f9f5"),
    "a choice": (lambda x: x if x.sum() > 0 else -x, "a95c12ff4053"),
    "signs": (lambda x: (+x, -x, ~x, not x), "19d59eed383d"),
    "parts": (lambda x: (x[:2], x[2:], x[1:3], x[0], x[None]), "519740f3bf9d"),
    "nothing": (lambda x, y=None: x if y is None else x * (y is not None), "e1583cf8f7c7"),
    "a list": (lambda x: sum([y * 3 + 1 for y in x.children()], 0), "8d99700ae709"),
    "lists in lists": (lambda x: [[y * 3 for y in z.parts(2)] for z in x.children(1)], "75f501e72b7b"),
    "a set and a dict": (
        lambda x: ({a + 1 for a in x.a}, {k.b: v * 2 for k, v in x.items(5)}),
        "a425cd7b1e86",
    ),
    "a generator": (lambda x: sum(y * 3 for y in x.children(4)), "beeadf790433"),
    "a generator in a list": (lambda x: [y * 3 for y in (z + 1 for z in x.children(4))], "87f627a92dcd"),
    "a function at once": (lambda x: (lambda y: y * 2)(x + 1), "f150e88c88f7"),
    "names of arguments": (lambda x: torch.cumsum(x, dim=1), "5afacc1a32f6"),
    "one of several": (lambda x: x.mode in {"a", "b", "c"}, "3e284211a9e2"),
    "text": (lambda x: f"{x.a!r:>5} {x.b}", "3b0380bd7fd8"),
    "methods": (lambda x: x.view(-1).relu().size, "bc4242c5524d"),
    "a range": (lambda x: (0 < x.a < 1 and x.b) or x.c, "ab030cfb396d"),
    "in place": (relative, "f4db7368655f"),
    "a loop": (looped, "6f63ecad05c9"),
    "a guard": (guarded, "09c6304853aa"),
    "a context": (without_gradients, "22743ac4350d"),
    "a branch": (branched, "3e84f6aaeba9"),
    "an early end": (early, "5370dea31d24"),
    "a parent's": (inherited, "3075a347e5de"),
    "a function within": (inner, "deb6de34390b"),
    "a list in a loop": (stacked, "4d902b8a6961"),
}
COPIED = {"a range", "a loop", "a guard", "a context", "a branch"}  # 3.10 does not say what it has copied


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_python_finds_the_same(name):
    if name in COPIED and sys.version_info < (3, 11):
        pytest.skip("Python 3.10 does not say where in a line a step comes from")
    function, found = FUNCTIONS[name]
    assert canonical(function) == f"function {found}"


CHANGED = {
    "operator": (lambda x: x * 2, lambda x: x / 2),
    "in place": (relative, lambda x: x @ x),
    "constant": (lambda x: x * 2, lambda x: x * 3),
    "comparison": (lambda x: x if x > 0 else -x, lambda x: x if x >= 0 else -x),
    "which part": (lambda x: x[:2], lambda x: x[2:]),
    "name of an argument": (lambda x: torch.cumsum(x, dim=1), lambda x: torch.cumsum(x, axis=1)),
    "how often": (lambda x: x.relu().relu(), lambda x: x.relu()),
    "order": (lambda x: x * 2 + 3, lambda x: x * 3 + 2),
    "in a list": (lambda x: [y * 2 for y in x.parts], lambda x: [y * 3 for y in x.parts]),
    "what a list goes over": (lambda x: [y * 2 for y in x.parts], lambda x: [y * 2 for y in x.others]),
    "a parent's": (inherited, lambda x: super(type(x), x).extra_repr(x + 1)),
}


@pytest.mark.parametrize(("one", "other"), CHANGED.values(), ids=CHANGED)
def test_what_does_something_else_is_another(one, other):
    assert canonical(one) != canonical(other)


def test_names_of_its_own_are_no_part_of_it():
    def doubled(x):
        return [y * 2 for y in x]

    def twice(z):
        return [part * 2 for part in z]

    assert canonical(doubled) == canonical(twice)
