"""What comparing costs: it grows with the operators, not with their square."""

import sys

import pytest

from pytest_modelcheck.checks.structure.compare.diff import Comparison
from pytest_modelcheck.checks.structure.compare.merge import merged
from pytest_modelcheck.checks.structure.graph import Graph, Node, Scope
from pytest_modelcheck.checks.structure.node import ModuleNode
from pytest_modelcheck.checks.structure.result import Structure

FEW, MANY = 500, 4_000  # 8 times as many: 64 times as long, if each were compared with each


def chain(steps):
    """A structure of one module that runs these, (operator, number), one after the other."""
    nodes = [Node("input", 0, shapes=((2, 8),), dtypes=("float32",))]
    for operator, number in [*steps, ("output", 0)]:
        source = ((len(nodes) - 1, 0),)
        attributes = {"value": number}
        nodes.append(Node(operator, 0, source, attributes, (), ((2, 8),), ("float32",), places=("input",)))
    modules = (ModuleNode("", "Net", 0, "", 0, 0, False, ()),)
    return Structure("net", modules, Graph(tuple(nodes), (Scope("", "Net"),)))


def alike(n):
    return [("add", 1)] * n


def layers(n):
    return [(word, 0) for word in ("linear", "relu", "add", "norm")] * (n // 4)


def unlike(n):
    return [("add", number) for number in range(n)]


CHANGES = {
    "one more": lambda steps: [*steps[: len(steps) // 2], ("tanh", 0), *steps[len(steps) // 2 :]],
    "many": lambda steps: [("exp", 0) if n % 50 == 7 else step for n, step in enumerate(steps)],
    "halves": lambda steps: steps[len(steps) // 2 :] + steps[: len(steps) // 2],
    "all": lambda steps: [("sin", -n) for n in range(len(steps))],
}


def calls_made(steps, change):
    """Calls of Python functions that comparing takes: the same on any machine."""
    base, head = chain(steps), chain(change(steps))
    made = 0

    def count(frame, event, argument):
        nonlocal made
        made += event == "call"

    sys.setprofile(count)
    try:
        compared = Comparison(base, head)
        changes = compared.changes
        merged(compared)
    finally:
        sys.setprofile(None)
    assert (changes == []) is (base.fingerprint == head.fingerprint)
    return made


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("steps", [alike, layers, unlike])
def test_a_comparison_grows_with_the_operators(steps, change):
    assert calls_made(steps(MANY), change) < 2 * MANY / FEW * calls_made(steps(FEW), change)


def test_equal_structures_are_not_compared(monkeypatch):
    base, head = chain(layers(FEW)), chain(layers(FEW))
    monkeypatch.setattr(Comparison, "_match", lambda *_: pytest.fail("compared"))
    assert head.diff(base) == []
