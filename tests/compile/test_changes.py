"""torch.compile in records: the panel, and between two of them the breaks that are new, by line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_modelcheck.checks.compile.changes import COMPARISON
from pytest_modelcheck.checks.compile.result import Break, Compiled, Fallback, Recompile
from pytest_modelcheck.checks.compile.section import COMPILE
from pytest_modelcheck.records.plain import plain

PRINT = Break(
    "prints", "/src/net.py", 12, "body.0", count=2, kind="print", code="print(x)", function="forward"
)
ITEM = Break("item", "/src/net.py", 30, "", kind="item", code="x.item()", function="forward")
OURS = Compiled("net", graphs=3, breaks=(PRINT, ITEM), sizes=((5, 4),))


def changes(old: Compiled, new: Compiled) -> Any:
    sides = [{"compile": [plain(one.to_dict())]} for one in (old, new)]
    return COMPARISON.compare(sides[0], sides[1], {}, [])


def told(found: Any) -> list[str]:
    return [str(line) for line in COMPARISON.lines(found, 5)]


def test_lines_that_only_moved_are_no_change() -> None:
    assert changes(OURS, replace(OURS, breaks=(replace(PRINT, line=15), replace(ITEM, line=33)))) == {
        "compile": []
    }


def test_a_new_break_is_told_at_its_line() -> None:
    found = changes(replace(OURS, graphs=2, breaks=(PRINT,)), OURS)
    (row,) = found["compile"]
    assert [(one["file"], one["line"]) for one in row["new"]] == [("/src/net.py", 30)]
    assert (row["gone"], row["graphs"], row["graph_breaks"]) == ([], [2, 3], [2, 3])
    assert told(found) == [
        "torch.compile: 2 graphs -> 3, 2 graph breaks -> 3",
        "/src/net.py:30: x.item(): new graph break: item",
    ]


def test_one_that_comes_more_often_is_told_with_how_much_more() -> None:
    (row,) = changes(OURS, replace(OURS, breaks=(replace(PRINT, count=5), ITEM)))["compile"]
    assert [one["count"] for one in row["new"]] == [3]


def test_a_function_that_is_skipped_now_is_told() -> None:
    skipped = Fallback("forward", "/src/net.py", 9, "graph break in loop", root=True)
    assert "runs eagerly as a whole now" in told(changes(OURS, replace(OURS, fallback=(skipped,))))[1]


def test_other_sizes_are_not_compared() -> None:
    assert changes(replace(OURS, sizes=(), breaks=()), OURS) == {"compile": []}


def test_the_panel_shows_lines_and_guards() -> None:
    guard = Recompile(
        "size mismatch at index 0", ((5, 4),), "", function="forward", automatic=True, hint="dynamic=True"
    )
    skipped = Fallback("forward", "/src/net.py", 9, "graph break in loop", root=True)
    whole = Compiled("net", graphs=1, dynamic=False)
    shown = (
        replace(OURS, guards=(guard,), fallback=(skipped,)),
        whole,
        replace(whole, reason="torch refuses <it>"),
    )
    entries = [{**plain(one.to_dict()), "nodeid": "test_net.py::test"} for one in shown]
    assert COMPILE.panel is not None
    panel = str(COMPILE.panel.render(entries, {"thin": 0}))
    for words in (
        *(
            "/src/net.py:12",
            "x.item()",
            "automatic dynamic",
            "runs eagerly as a whole",
            "All of the model is one graph",
        ),
        "Not compilable: torch refuses &lt;it&gt;",
    ):
        assert words in panel
