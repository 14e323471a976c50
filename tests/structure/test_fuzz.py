"""Random graphs, and one thing changed in each: equal fingerprints are no differences, other ones are never none."""

import dataclasses
import random

import pytest

from pytest_modelcheck.checks.structure.graph import Graph, Node, Scope
from pytest_modelcheck.checks.structure.node import ModuleNode
from pytest_modelcheck.checks.structure.result import Structure

OPERATORS = {
    "relu": 1,
    "gelu": 1,
    "sub": 2,
    "add": 2,
    "matmul": 2,
    "chunk": 1,
    "cat": 3,
    "clamp": 2,
    "linear": 1,
}
PLACES = ("input", "other", "third")
SHAPE = (2, 8)


class Sketch:
    """Nodes with names, whose order is free as long as each comes after what it reads."""

    def __init__(self, random_, size, scopes):
        self.random = random_
        self.modules = [("", "Net", {}), *((f"{n}", "Block", {"depth": 1}) for n in range(scopes))]
        self.nodes = [["input", 0, [], [], {"position": n}, "float32"] for n in range(2)]
        for number in range(2, size):
            self.nodes.append(self.node(number))

    def node(self, number):
        pick = self.random
        operator = pick.choice([*OPERATORS])
        inputs = [self.source(number) for _ in range(OPERATORS[operator])]
        params = ["weight"] * (operator == "linear")
        attributes = {"value": pick.randrange(2)} if pick.random() < 0.3 else {}
        return [operator, pick.randrange(len(self.modules)), inputs, params, attributes, "float32"]

    def source(self, number):
        source = self.random.randrange(max(0, number - 4), number)
        slots = 2 if self.nodes[source][0] == "chunk" else 1
        return [source, self.random.randrange(slots)]

    def structure(self):
        names = [name for name, _, _ in self.modules]
        scopes = tuple(Scope(name, kind, 0, 0 if n else -1) for n, (name, kind, _) in enumerate(self.modules))
        modules = tuple(
            ModuleNode(name, kind, int(bool(n)), "", 0, 0, False, (("weight", (8, 8)),), dict(settings), ())
            for n, (name, kind, settings) in enumerate(self.modules)
        )
        nodes = [self.made(names, *facts) for facts in self.nodes]
        read = {source for node in nodes for source, _ in node.inputs}
        ends = tuple((n, 0) for n in range(len(nodes)) if n not in read)
        places = tuple(f"[{n}]" for n in range(len(ends)))
        shapes = tuple(SHAPE for _ in ends)
        nodes.append(Node("output", 0, ends, {}, (), shapes, ("float32",) * len(ends), places=places))
        return Structure("net", modules, Graph(tuple(nodes), scopes))

    @staticmethod
    def made(names, operator, scope, inputs, params, attributes, dtype):
        many = 2 if operator == "chunk" else 1
        sources = tuple((source, slot) for source, slot in inputs)
        read = tuple((f"{names[scope]}.{name}".lstrip("."), (8, 8)) for name in params)
        places = (*PLACES[: len(sources)], *params)
        return Node(
            operator, scope, sources, attributes, read, (SHAPE,) * many, (dtype,) * many, places=places
        )


def another_attribute(sketch, number):
    sketch.nodes[number][4] = {"value": 7}


def another_operator(sketch, number):
    kinds = [name for name, many in OPERATORS.items() if many == len(sketch.nodes[number][2])]
    sketch.nodes[number][0] = sketch.random.choice(kinds)
    sketch.nodes[number][3] = []
    for node in sketch.nodes:
        node[2] = [[source, slot * (sketch.nodes[source][0] == "chunk")] for source, slot in node[2]]


def another_source(sketch, number):
    inputs = sketch.nodes[number][2]
    inputs[sketch.random.randrange(len(inputs))] = sketch.source(number)


def swapped(sketch, number):
    sketch.nodes[number][2].reverse()


def another_dtype(sketch, number):
    sketch.nodes[number][5] = "float16"


def another_module(sketch, number):
    sketch.nodes[number][1] = sketch.random.randrange(len(sketch.modules))


def another_setting(sketch, number):
    sketch.modules[-1][2]["depth"] = 2


def another_class(sketch, number):
    sketch.modules[-1] = (sketch.modules[-1][0], "Other", {})


def another_name(sketch, number):
    sketch.modules[-1] = ("renamed", *sketch.modules[-1][1:])


def more(sketch, number):
    for node in sketch.nodes:
        node[2] = [[source + (source >= number), slot] for source, slot in node[2]]
    sketch.nodes.insert(number, sketch.node(number))


def fewer(sketch, number):
    sketch.nodes.pop(number)
    for at, node in enumerate(sketch.nodes):
        kept = [[source - (source >= number), slot] for source, slot in node[2]]
        node[2] = [
            [source, slot * (sketch.nodes[source][0] == "chunk")] if source < at else [0, 0]
            for source, slot in kept
        ]


def later(sketch, number):
    """An operator and the next one, where that does not read it, change places: no difference."""
    if number + 1 < len(sketch.nodes) and all(s != number for s, _ in sketch.nodes[number + 1][2]):
        place = {number: number + 1, number + 1: number}
        nodes = sketch.nodes
        nodes[number], nodes[number + 1] = nodes[number + 1], nodes[number]
        for node in nodes:
            node[2] = [[place.get(source, source), slot] for source, slot in node[2]]


CHANGES = (
    another_attribute,
    another_operator,
    another_source,
    swapped,
    another_dtype,
    another_module,
    another_setting,
    another_class,
    another_name,
    more,
    fewer,
    later,
)


def pair(seed, changes):
    random_ = random.Random(seed)
    size, scopes = random_.randrange(6, 24), random_.randrange(1, 4)
    sides = [Sketch(random.Random(seed), size, scopes) for _ in range(2)]
    for change in random_.choices(changes, k=random_.randrange(1, 4)):
        change(sides[1], random_.randrange(2, len(sides[1].nodes)))
    return sides[0].structure(), sides[1].structure()


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_equal_fingerprints_are_no_differences_and_other_ones_are_some(change):
    for seed in range(60):
        base, head = pair(seed, CHANGES if seed % 3 else (change,))
        same = base.fingerprint == head.fingerprint
        assert (head.diff(base) == []) is same, seed
        assert (base.diff(head) == []) is same, seed


def test_no_difference_of_one_thing_is_left_to_the_general_word():
    """A change of one operator or module is told as what it is."""
    for seed in range(200):
        change = CHANGES[seed % len(CHANGES)]
        base, head = pair(seed, (change,))
        words = [str(one) for one in head.diff(base)]
        assert "(the model): data flow changed" not in words, (seed, change.__name__)


def test_a_pair_is_equal_to_its_copy():
    base, _ = pair(1, CHANGES)
    assert base.diff(dataclasses.replace(base)) == []
