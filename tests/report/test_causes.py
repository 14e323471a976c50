"""Causes in words: who broke, which modules, what came of it, and the command."""

import shlex

import pytest

from pytest_modelcheck.records.causes import Cause, causes
from pytest_modelcheck.records.gone import NO_LONGER
from pytest_modelcheck.report.causes import (
    besides,
    commands,
    effect,
    effects,
    gist,
    heaviest,
    origin_words,
    origins,
    subject_words,
)

from ..catalogue import REGISTRY
from ..records.conftest import check, place, record, run, subject
from ..records.test_causes import against, changed, errored, failure, missed, model

FLOPS = {"metric": "flops", "title": "FLOPs", "unit": "FLOPs"}
RELATIVE = {
    **FLOPS,
    "value": 410,
    "base": 100,
    "max_regression": 0.02,
    "limit_text": "max 2 % above the base",
}
MAPS = {"metric": "heatmap", "title": "heatmap (default)", "headroom": None}


def sentences(made):
    """All that is said of each cause, as page and Markdown have it."""
    return [_sentence(cause) for cause in causes(made, REGISTRY)]


def _sentence(cause):
    named, more = origins(cause)
    modules = [*map(origin_words, named), *([more] if more else [])]
    modules += [f"{one.size} x {one.name} {one.share:.3g}" for one in heaviest(cause)]
    told = f"{subject_words(cause)}: {', '.join(modules)}" if modules else subject_words(cause)
    return f"{told} -> {', '.join(effects(cause, REGISTRY))}"


EFFECTS = {
    "relative": (RELATIVE, "FLOPs +310 % (limit +2 %)"),
    "from nothing": ({**RELATIVE, "base": 0}, "FLOPs 410 FLOPs (max 2 % above the base)"),
    "no number but words": (
        {"title": "drift", "value": 2e-308, "instead": "not bit for bit", "limit_text": "max 0 %"},
        "drift: not bit for bit (max 0 %)",
    ),
    "absolute": ({**FLOPS, "value": 12e6, "limit_text": "max 11 MFLOPs"}, "FLOPs 12 MFLOPs (max 11 MFLOPs)"),
    "at least": (
        {"title": "coverage", "unit": "as a share of 1", "value": 0.67, "limit_text": "min 90 %"},
        "coverage 67 % (min 90 %)",
    ),
    "a unit of others": (
        {
            "title": "blocks",
            "unit": "blocks",
            "value": 3,
            "value_text": "3 blocks",
            "limit_text": "max 2 blocks",
        },
        "blocks 3 blocks (max 2 blocks)",
    ),
    "a time": (
        {"title": "latency", "unit": "seconds", "value": 0.012, "value_text": "12 ms (11 ms to 13 ms) wall"},
        "latency 12 ms (max 5)",
    ),
    "a slowdown": (
        {"metric": "latency_regression", "title": "slowdown", "value": 0.12, "max_regression": 0.05},
        "slowdown +12 % (limit +5 %)",
    ),
    "a snapshot": (
        {"metric": "structure_snapshot", "title": "structure snapshot", "value": 9, "unit": "lines"},
        "structure differs from its snapshot",
    ),
    "no snapshot yet": (
        {"metric": "structure_snapshot", "value": None, "error": "there is no snapshot yet; create it"},
        "structure snapshot: there is no snapshot yet; create it",
    ),
    "a map of another shape": (
        {**MAPS, "value": None, "error": "shape     1x4 expected, 1x8 measured\nthe new file: x"},
        "heatmap: shape 1x4 expected, 1x8 measured",
    ),
    "an error": (
        {**FLOPS, "outcome": "error", "value": None, "error": "it cannot be traced. Here is why:\n  long"},
        "FLOPs: it cannot be traced",
    ),
    "an error of an older record": (
        {**FLOPS, "outcome": "error", "value": None, "reason": "no verdict: the test failed"},
        "FLOPs: no verdict: the test failed",
    ),
    "gone": (
        {**FLOPS, "value": None, "reason": NO_LONGER},
        "FLOPs: was gated at the base, is not now",
    ),
    "no number": ({**FLOPS, "value": "nan", "outcome": "error", "error": ""}, "FLOPs: not measured"),
    "infinite": ({**RELATIVE, "value": "inf"}, "FLOPs: not measured"),
}


@pytest.mark.parametrize(("facts", "words"), EFFECTS.values(), ids=EFFECTS)
def test_an_effect(facts, words):
    assert effect(missed(**facts), REGISTRY) == words


def test_models_that_changed_alike_in_one_sentence():
    widths = [f"net[{width}]" for width in (32, 64, 128, 256, 512)]
    checks = [missed(w, n, **{**RELATIVE, "value": 200 + n}) for n, w in enumerate(widths, 1)]
    made = record(*map(model, widths), checks=checks, changes=against(*map(changed, widths)))
    assert sentences(made) == [
        "net[32], net[64], net[128] and 2 more: body.0 stride 2 -> 1 -> FLOPs +105 % (limit +2 %) at worst"
    ]


def test_errors_with_one_reason_are_told_once():
    titles = ("FLOPs", "MACs", "parameters", "peak memory")
    made = record(model("net"), checks=[errored(title=title, error="no formula") for title in titles])
    assert sentences(made) == ["net -> FLOPs, MACs, parameters and 1 more: no formula"]


def test_tests_that_failed_alike_are_told_once_and_by_name_under_a_subject():
    failures = [failure(f"t.py::test[{n}]", message="assert 1 == 2") for n in range(20)]
    tests = [one["nodeid"] for one in failures]
    made = record(model("net", *tests), failures=failures)
    assert sentences(made) == ["net -> test[0], test[1], test[2] and 17 more: assert 1 == 2"]
    torn = record(failures=[failure("t.py::test", "teardown", "OSError: still open")])
    assert sentences(torn) == ["t.py::test -> teardown: OSError: still open"]


def test_a_file_that_does_not_import():
    made = record(failures=[failure("t.py", "collect", "ModuleNotFoundError: No module named 'x'", "t.py:1")])
    (cause,) = causes(made, REGISTRY)
    words = "t.py -> cannot be collected: ModuleNotFoundError: No module named 'x'"
    assert _sentence(cause) == words
    assert commands(cause, made) == [("run it again", "pytest t.py")]


def parts(prefix, cost, size):
    return [{"module": prefix.format(n), "value": cost} for n in range(size)]


def test_without_a_base_the_heaviest_modules_are_told_equal_siblings_as_one():
    modules = [
        *parts("layers.{}.self_attn", 30, 12),
        *parts("layers.{}.linear1", 25, 12),
        *parts("a{}", 1, 1),
    ]
    facts = {**FLOPS, "value": 1000, "limit": 900, "limit_text": "max 900 FLOPs", "modules": modules}
    shown = [{**part, "share": part["value"] / 1000} for part in modules[:10]]
    made = record(model("net"), checks=[missed(**facts, contributors=shown)])
    assert sentences(made) == [
        "net: 12 x layers.{0..11}.self_attn 0.36, 12 x layers.{0..11}.linear1 0.3, 1 x a0 0.001 "
        "-> FLOPs 1 kFLOPs (max 900 FLOPs)"
    ]
    (few,) = causes(
        record(model("net"), checks=[missed(**{**facts, "modules": None}, contributors=shown)]), REGISTRY
    )
    assert [(one.name, one.size) for one in heaviest(few)] == [("layers.{0..9}.self_attn", 10)]


def test_no_module_is_too_heavy_where_a_value_is_too_small():
    shown = [{"module": "a", "value": 2, "share": 1}]
    made = record(model("net"), checks=[missed(value=2, limit=5, limit_text="min 5", contributors=shown)])
    assert heaviest(causes(made, REGISTRY)[0]) == []


def test_changed_modules_are_told_instead_of_heavy_ones():
    shown = [{"module": "heavy", "value": 9, "share": 1}]
    told = [changed("net", path=f"m{n}", what=f"w{n}") for n in range(5)]
    rows = [row for one in told for row in one["structure"]]
    made = record(
        model("net"),
        checks=[missed(value=9, contributors=shown)],
        changes=against({**told[0], "structure": rows}),
    )
    assert sentences(made)[0].startswith("net: m0 w0 2 -> 1, m1 w1 2 -> 1, m2 w2 2 -> 1, 2 more modules -> ")


def test_besides_is_what_else_differs_what_is_worse_first():
    first = {"renamed": [], "missing": ["a"], "unexpected": [], "reshaped": []}
    keys = {"renamed": 0, "missing": 1, "unexpected": 0, "reshaped": 0, "first": first, "loaders": []}
    weights = {"changed": 1, "of": 2, "tensors": []}
    entry = changed("net", weights=weights, checkpoint={"loads": False, **keys})
    made = record(model("net"), checks=[missed()], changes=against(entry))
    told = besides(causes(made, REGISTRY)[0], REGISTRY)
    assert told == ["a checkpoint of the base does not load", "1 of 2 tensors hold other values"]


def of(*nodeids, options=(), **facts):
    """The commands for checks of these tests."""
    checks = [missed(nodeid=nodeid, **facts) for nodeid in nodeids]
    made = record(model("net"), checks=checks, run=run(1, options=list(options)))
    return commands(Cause([model("net")], None, (), checks, ()), made)


COMMANDS = {
    "a test": (["t.py::test"], "pytest t.py::test"),
    "quoted": (["t.py::test[a b'c]"], "pytest 't.py::test[a b'\"'\"'c]'"),
    "many parameters": ([f"t.py::test[{n}]" for n in range(20)], "pytest t.py::test"),
    "many tests": ([f"t.py::Test::test_{n}" for n in range(20)], "pytest t.py"),
    "many files": ([f"tests/a/t{n}.py::test" for n in range(20)], "pytest tests/a"),
    "many folders": ([f"d{n}/t.py::test" for n in range(20)], "pytest"),
    "a name like an option": (["--evil.py::test"], "pytest ./--evil.py::test"),
}


@pytest.mark.parametrize(("nodeids", "command"), COMMANDS.values(), ids=COMMANDS)
def test_the_command(nodeids, command):
    assert of(*nodeids) == [("run it again", command)]


def test_the_command_has_the_options_that_decide_and_no_others():
    (one,) = of("t.py::test", options=["--modelcheck-base=a b", "--modelcheck-strict", "-p", "evil"])
    assert one.text == "pytest t.py::test '--modelcheck-base=a b' --modelcheck-strict"


def test_snapshots_are_accepted_by_a_command_of_their_own():
    marker = place(marker="structure_snapshot")
    told = of("t.py::test[1]", options=["--modelcheck-base=main"], place=marker)
    assert [one.text for one in told] == [
        "pytest 't.py::test[1]' --modelcheck-base=main",
        "pytest 't.py::test[1]' --snapshot-update",
    ]
    budget = of("t.py::test", place=place(marker="my_snapshot"), demand="a demand")
    assert len(budget) == 1  # a marker that is called so stores nothing


def test_a_limit_that_is_gone_has_no_test_to_run_but_a_line_for_a_commit():
    told = of("t.py::test[a b]", "t.py::other", value=None, reason=NO_LONGER)
    (one,) = told
    assert one.text == (
        "Modelcheck-Accept: 't.py::test[a b]' removed: <why>\nModelcheck-Accept: t.py::other removed: <why>"
    )


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("", ""),
        ("\n\n  one   two \nthree", "one two"),
        ("One. Two. Three.", "One"),
        ("torch 2.1 is needed.", "torch 2.1 is needed"),
        ("x" * 3, "xxx"),
    ],
)
def test_the_gist(text, first):
    assert gist(text) == first


HOSTILE = ["<script>alert(1)</script>", "a\nb\x1b[31m", "$(rm -rf ~)", "`id`", "x" * 5000, ""]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_words_and_no_commands(name):
    entry = subject(name, signature="s", nodeids=[f"t.py::{name}"])
    checks = [check(outcome="fail", signature="s", nodeid=f"t.py::{name}", title=name, limit_text=name)]
    crash = [failure(f"t.py::{name}", "teardown", name, name)]
    made = record(entry, checks=checks, failures=crash, changes=against(changed(name, path=name, what=name)))
    (cause,) = causes(made, REGISTRY)
    assert subject_words(cause) == name
    assert effects(cause, REGISTRY)
    (again,) = commands(cause, made)
    assert shlex.split(again.text) == ["pytest", f"t.py::{name}"]
