"""Slugs: readable, unique, and safe in an id and in an address whatever a subject is called."""

import re

import pytest

from pytest_modelcheck.records.section import Origin
from pytest_modelcheck.report.addresses import check_slugs, module_address, slugs

from ..records.conftest import check

HOSTILE = [
    "",
    "   ",
    "../..",
    '"><script>',
    "a/b#c?d%20",
    "javascript:alert(1)",
    "\n\0\x1b",
    "模型",
    "é" * 300,
]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["SmallCNN", "resnet18", "a.b_c-d"], ["SmallCNN", "resnet18", "a.b_c-d"]),
        (["net[64]", "net[128]"], ["net-64", "net-128"]),
        (["net (1x3x8x8)", "net (1x3x9x9)"], ["net-1x3x8x8", "net-1x3x9x9"]),
        (["a b", "a: b", "a-b"], ["a-b", "a-b-2", "a-b-3"]),
        (["a-b-2", "a b", "a:b", "a/b"], ["a-b-2", "a-b", "a-b-3", "a-b-4"]),
        (["a b", "a:b", "a-b-2"], ["a-b", "a-b-2", "a-b-2-2"]),
        (["net", "net"], ["net", "net-2"]),
        (["", "model"], ["model", "model-2"]),
        (["main", "overview", "without a subject"], ["main-2", "overview-2", "without-a-subject-2"]),
    ],
)
def test_a_subjects_slug(names, expected):
    assert slugs(names) == expected


def test_hostile_names_are_safe_and_told_apart():
    found = slugs(HOSTILE)
    assert len(set(found)) == len(found) == len(HOSTILE)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,90}", slug) for slug in found)


def test_twenty_thousand_of_one_name_take_no_time():
    assert len({*slugs(["?" * n for n in range(20_000)])}) == 20_000


def test_a_checks_slug_says_metric_and_options():
    checks = [
        check("flops", options={"phase": "forward"}),
        check("flops", options={"phase": "backward"}),
        check("flops", options={"phase": "forward"}),
        check("operator_calls", options={"operator": "aten::relu"}),
        check("latency", options={"phase": "forward", "statistic": "median", "threads": 2}),
        check('"><b>', options={"x": "</script>"}),
    ]
    assert check_slugs(checks) == [
        "flops",
        "flops-backward",
        "flops-2",
        "operator_calls-aten-relu",
        "latency-median-threads-2",
        "b-script",
    ]


@pytest.mark.parametrize(
    ("origin", "address"),
    [
        (Origin("body.0", "new", "graph", "body.0"), "net/graph/body.0"),
        (Origin("layers.{0..11}", "new", "graph", "layers.0"), "net/graph/layers.0"),
        (Origin("(the model itself)", "bias gone", "graph"), "net/graph"),
        (Origin("", "values differ", "weights"), "net/weights"),
        (Origin("a/b#c", "new", "cost", "a/b#c"), "net/cost/a%2Fb%23c"),
    ],
)
def test_a_module_that_changed_has_the_address_of_where_it_is_shown(origin, address):
    assert module_address("net", origin) == address
