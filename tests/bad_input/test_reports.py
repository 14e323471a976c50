"""report.json from somebody else: it is refused, with the place that is wrong, or all that reads reports reads it."""

import copy
import json
from collections.abc import Iterator

from hypothesis import strategies as st

from pytest_modelcheck.base.figures import Base
from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.demand.markers import read_marker
from pytest_modelcheck.demand.plan import Found, make_plan
from pytest_modelcheck.errors import MeasurementError, ModelCheckError
from pytest_modelcheck.records.compare import compare, regressions, ungated
from pytest_modelcheck.records.load import RecordError, check_record
from pytest_modelcheck.records.merge import merge
from pytest_modelcheck.records.outcome import bad_checks, is_red
from pytest_modelcheck.report.history import history_html, history_markdown, trends
from pytest_modelcheck.report.markdown import comparison_markdown, record_markdown
from pytest_modelcheck.report.page import render
from pytest_modelcheck.settings import Settings
from pytest_modelcheck.verdict.limit import Place

from .properties import holds, said
from .whole import records

REGISTRY = default_registry()
BASE, HEAD = records()


def places(value, path=()) -> Iterator[tuple]:
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for number in range(min(len(value), 3)):
            yield from places(value[number], (*path, number))


PLACES = list(places(HEAD))
DEEP = 60
TEXTS = ["", "x", "\0", "\ud800", "x" * 10_000, "‮abc", "<script>", "::error::x", "../..", "nan", "inf", "-1", "1e5", "data:,x",
         "a.b.c", "tests/test_it.py::test_net", "net", "macs", "forward"]  # fmt: skip
NUMBERS = [
    0,
    -1,
    1,
    2**31,
    2**53 + 1,
    2**63,
    -(2**63),
    10**29,
    0.0,
    -0.0,
    1e308,
    -1e308,
    5e-324,
    0.1,
    True,
    False,
    None,
]


def nested(depth):
    made = "x"
    for number in range(depth):
        made = [made] if number % 2 else {"a": made}
    return made


SHAPES = [[], {}, [[]], [{}], {"": ""}, [None], [1, "x", None], {"error": "x"}, {"error": 1}, {"failed": True}, nested(DEEP), [0] * 5_000,
          {str(number): number for number in range(5_000)}]  # fmt: skip
VALUES = [*TEXTS, *NUMBERS, *SHAPES]


def at(record, place):
    for key in place:
        record = record[key]
    return record


@st.composite
def changes(draw):
    """A place, and what becomes of it."""
    place = draw(st.sampled_from(PLACES))
    how = draw(st.sampled_from(["set", "set", "set", "drop", "twice", "swap", "more", "scale"]))
    return place, how, draw(st.integers(0, len(VALUES) - 1)), draw(st.sampled_from(PLACES))


def spoiled(record, drawn):
    made = copy.deepcopy(record)
    for place, how, value, other in drawn:
        try:
            inside, key = at(made, place[:-1]), place[-1]
            now = inside[key]
            if how == "set":
                inside[key] = copy.deepcopy(VALUES[value])
            elif how == "drop":
                del inside[key]
            elif how == "twice":
                inside[key] = [*now, *copy.deepcopy(now)] if isinstance(now, list) else [now, now]
            elif how == "swap":
                inside[key] = copy.deepcopy(at(HEAD, other))
            elif how == "more":
                now |= {"later": copy.deepcopy(VALUES[value])} if isinstance(now, dict) else {}
            elif isinstance(now, (int, float)) and not isinstance(now, bool):
                inside[key] = now * 10**12
        except (LookupError, TypeError, OverflowError):
            continue  # an earlier one took it away
    return made


def demands(nodeid="tests/test_it.py::test_net"):
    found = []
    for name, kwargs in (
        ("macs_budget", {}),
        ("params_budget", {}),
        ("latency_budget", {}),
        ("peak_memory_budget", {}),
    ):
        marker = read_marker(
            REGISTRY,
            name,
            (),
            {"max_regression": "1%", "model": "net", **kwargs},
            Place(nodeid, name),
            "t.py:3",
        )
        found.append(Found(marker, "t.py:3", 1))
    return make_plan(found, Settings()).demands


DEMANDS = demands()


def as_base(record):
    base = Base(copy.deepcopy(record), REGISTRY)
    base.meet(copy.deepcopy(HEAD["checks"]))
    for demand in DEMANDS:
        try:
            base.value("tests/test_it.py::test_net", demand, DEMANDS)
        except MeasurementError as error:
            said(error)
    base.tell(copy.deepcopy(HEAD))


def as_head(record):
    Base(copy.deepcopy(BASE), REGISTRY).tell(copy.deepcopy(record))


def compared(record):
    for base, head in ((BASE, record), (record, HEAD)):
        found = compare(base, head, REGISTRY)
        risen, loose = regressions(found, {"macs": 0.01}), ungated(found, {"macs": 0.01})
        assert comparison_markdown(found, REGISTRY, risen, loose, base, head, 10_000)


def merged(record):
    try:
        whole = merge(
            {"a": copy.deepcopy(record), "b": copy.deepcopy(HEAD), "c": copy.deepcopy(BASE)}, REGISTRY
        )
    except ModelCheckError as error:
        said(error)
    else:
        render(whole, REGISTRY)


def told(record):
    assert record_markdown(record, REGISTRY, max_bytes=10_000)
    assert is_red(record) in (True, False)
    bad_checks(record)


def followed(record):
    found = trends([BASE, record, HEAD], REGISTRY)
    assert history_markdown(found, REGISTRY, 10_000)
    assert history_html(found, REGISTRY)


def drawn_page(record):
    text = render(record, REGISTRY)
    assert text.count("<script") == text.count("</script>")


READERS = (as_base, as_head, compared, merged, told, followed, drawn_page)


@holds(40, 3_000, drawn=st.lists(changes(), min_size=1, max_size=3), reader=st.sampled_from(READERS))
def test_a_report_is_refused_or_read_by_all(drawn, reader):
    try:
        record = check_record(json.loads(json.dumps(spoiled(HEAD, drawn))), "odd.json", REGISTRY)
    except RecordError as error:
        text = said(error, most=2_000)
        assert text.startswith("odd.json ")
        return
    reader(record)
