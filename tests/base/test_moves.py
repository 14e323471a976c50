"""Who is who in two commits: files, classes and functions that moved, and what tests demand. Cases by hand."""

from __future__ import annotations

import pytest

from pytest_modelcheck.base.gone import elsewhere, match_demands, notes_on, without
from pytest_modelcheck.base.moves import find_moves

from ..acceptance.repository import GitRepository

NET = """
from torch import nn

class {name}(nn.Module):
    def __init__(self, width={width}):
        super().__init__()
        self.up = nn.Linear(16, width)
        self.down = nn.Linear(width, 16)

    def forward(self, x):
        return self.down(self.up(x).relu())
"""
A, B = NET.format(name="A", width=32), NET.format(name="B", width=32)
A64 = NET.format(name="A", width=64)
ELSE = "def unlike(things):\n    for thing in things:\n        print(thing, sep='')\n    return len(things)\n"
SMALL = "class Tiny:\n    size = 3\n"

CASES = {
    "a file": ({"a.py": A}, {"lib/a.py": A64}, {"lib/a.py": "a.py"}, {}),
    "not committed, not added": ({"a.py": A}, {"lib/a.py": A}, {"lib/a.py": "a.py"}, {}),
    "a class renamed": ({"a.py": A}, {"a.py": B}, {}, {"a.py": {"B": ("a.py", "A")}}),
    "renamed in a file that moved": (
        {"a.py": A},
        {"b.py": B},
        {"b.py": "a.py"},
        {"b.py": {"B": ("a.py", "A")}},
    ),
    "a class that left a file": (
        {"a.py": A + ELSE},
        {"a.py": ELSE, "b.py": A64},
        {},
        {"b.py": {"A": ("a.py", "A")}},
    ),
    "an empty file of another package": (
        {"p/__init__.py": "", "p/a.py": A + ELSE, "x.py": SMALL},
        {"q/__init__.py": "", "p2/a.py": A + ELSE, "x.py": SMALL},
        {"p2/a.py": "p/a.py"},
        {},
    ),
    "a package": (
        {"p/__init__.py": "", "p/a.py": A},
        {"q/p/__init__.py": "", "q/p/a.py": A64},
        {"q/p/__init__.py": "p/__init__.py", "q/p/a.py": "p/a.py"},
        {},
    ),
    "a shim stays": (
        {"a.py": A + ELSE},
        {"a.py": "from b import A\n" + ELSE, "b.py": A64},
        {},
        {"b.py": {"A": ("a.py", "A")}},
    ),
    "one of two of that name": (
        {"a.py": A + ELSE, "c.py": SMALL.replace("Tiny", "A") + ELSE},
        {"a.py": ELSE, "c.py": ELSE, "b.py": A64},
        {},
        {"b.py": {"A": ("a.py", "A")}},
    ),
    "a file that looks like another": (
        {"x.py": NET.format(name="X", width=3), "a.py": A + ELSE},
        {"a.py": ELSE, "b.py": A64},
        {},
        {"b.py": {"A": ("a.py", "A")}},
    ),
    "two as much alike": ({"a.py": A}, {"a.py": B + NET.format(name="C", width=32)}, {}, {}),
    "nothing alike": ({"a.py": A}, {"a.py": SMALL}, {}, {}),
    "a number is no other number": ({"a.py": ELSE + "WIDTH = 3\n"}, {"a.py": ELSE + "DEPTH = 3\n"}, {}, {}),
}


@pytest.mark.parametrize(("before", "after", "files", "names"), CASES.values(), ids=CASES.keys())
def test_moves(tmp_path, before, after, files, names):
    (tmp_path / "r").mkdir()
    repository = GitRepository(tmp_path / "r")
    repository.hold(before)
    repository.git("add", "-A")
    repository.git("commit", "-qm", "base")
    repository.hold(after, instead_of=before)
    found = find_moves(repository.path, "HEAD", tmp_path, ["test_*.py"])
    assert (found["files"], found["names"]) == (files, names)
    assert repository.git("diff", "--cached", "--name-only") == ""  # the user's index is as it was


def demand(nodeid, source="model=Net", **facts):
    place = {"node": nodeid, "marker": "macs_budget", "index": 0}
    told = {"metric": "macs", "options": {}, "place": place, "max_regression": 0.02, "limit_text": "max 2 %"}
    return {**told, "nodeid": nodeid, "source": source, "level": "fail", "title": "MACs", **facts}


NO_MOVES = {"tests": {}, "names": {}}
ONE = demand("t.py::test_a")
MATCHES = {
    "the same": ([ONE], [ONE], {}, [0], ""),
    "the test is gone": ([ONE], [], {}, [None], ""),
    "its marker is gone": ([ONE], [demand("t.py::test_a", metric="", max_regression=None)], {}, [None], ""),
    "another limit": (
        [ONE],
        [demand("t.py::test_a", limit_text="max 9 %")],
        {},
        [0],
        "limit was max 2 %, is max 9 %",
    ),
    "another option": (
        [ONE],
        [demand("t.py::test_a", options={"phase": "backward"})],
        {},
        [0],
        "options was none",
    ),
    "absolute now": (
        [ONE],
        [demand("t.py::test_a", max_regression=None, limit_text="max 1")],
        {},
        [0],
        "limit was",
    ),
    "another subject": ([ONE], [demand("t.py::test_a", "model=Other")], {}, [0], ""),
    "a file that moved": (
        [ONE],
        [demand("u/t.py::test_a")],
        {"tests": {"u/t.py": "t.py"}},
        [0],
        "tests of u/t.py were in t.py",
    ),
    "unseen by git": ([ONE], [demand("u.py::test_a")], {}, [0], "tests of u.py were in t.py"),
    "a class renamed": (
        [demand("t.py::TestA::test_a")],
        [demand("t.py::TestB::test_a")],
        {},
        [0],
        "TestB::test_a was TestA::test_a",
    ),
    "a function renamed": ([ONE], [demand("t.py::test_b")], {}, [0], "test_b was test_a"),
    "function and subject renamed": (
        [ONE],
        [demand("t.py::test_b", "model=Gpt")],
        {"names": {"Gpt": "Net"}},
        [0],
        "test_b was test_a",
    ),
    "one parameter less": (
        [demand("t.py::test_a[x]", "model=fixture model"), demand("t.py::test_a[y]", "model=fixture model")],
        [demand("t.py::test_a[x]", "model=fixture model")],
        {},
        [0, None],
        "",
    ),
    "another test of the fixture elsewhere": (
        [demand("a/t.py::test_a", "model=fixture model")],
        [demand("b/t.py::test_b", "model=fixture model")],
        {},
        [None],
        "",
    ),
    "one of two markers": (
        [demand("t.py::test_a", "model=A"), demand("t.py::test_a", "model=B")],
        [demand("t.py::test_a", "model=B")],
        {},
        [None, 0],
        "",
    ),
}


@pytest.mark.parametrize(("own", "head", "moves", "wanted", "words"), MATCHES.values(), ids=MATCHES.keys())
def test_each_demand_of_the_base_has_one_counterpart_or_is_gone(own, head, moves, wanted, words):
    matches = match_demands(own, head, {**NO_MOVES, **moves})
    assert [m.head for m in matches] == [None if i is None else head[i] for i in wanted]
    assert words in "\n".join(notes_on(matches))


def test_what_was_not_looked_at_is_not_gone():
    assert without([ONE], ["t.py"]) == []
    assert without([ONE], ["t2.py", "u"]) == [ONE]
    moved = ["u.py::test_a"]  # a file of this tree that this run was not asked for
    assert elsewhere([ONE], moved, {"t.py::test_b"}) == []
    assert elsewhere([ONE], moved, {"u.py::test_b"}) == [ONE]
