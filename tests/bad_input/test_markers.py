"""Markers: whatever stands in their brackets, they are understood, or a sentence says what is wrong, at collection."""

from hypothesis import strategies as st

from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.demand.markers import UNREADABLE, read_marker
from pytest_modelcheck.demand.plan import Found, make_plan, problems_text
from pytest_modelcheck.settings import Settings
from pytest_modelcheck.verdict.limit import Place

from .properties import holds
from .values import ANY, Rude

REGISTRY = default_registry()
CHECKS = [*REGISTRY.checks, "modelcheck"]


def keywords(name):
    check = REGISTRY.checks.get(name)
    known = (
        list(check.signature().parameters)
        if check
        else ["model", "inputs", "input_size", "dtype", "device", "name", "reason"]
    )
    return [*known, "maximum", "Max", "self", "", "\ud800"]


@st.composite
def markers(draw):
    """A name, arguments and keywords."""
    name = draw(st.sampled_from(CHECKS))
    args = draw(st.lists(ANY, max_size=3))
    kwargs = draw(st.dictionaries(st.sampled_from(keywords(name)), ANY, max_size=4))
    return name, args, kwargs


@holds(300, 20_000, drawn=st.lists(markers(), min_size=1, max_size=3))
def test_a_marker_is_understood_or_told(drawn):
    found = []
    for number, (name, places, named) in enumerate(drawn):
        args, kwargs = [one.value for one in places], {key: one.value for key, one in named.items()}
        marker = read_marker(REGISTRY, name, args, kwargs, Place("t.py::test", name, number), "t.py:1")
        assert all(problem.startswith(name) for problem in marker.problems)
        rude = any(isinstance(one, Rude) or hasattr(one, "tolist") for one in (*args, *kwargs.values()))
        assert rude or UNREADABLE not in str(marker.problems)
        assert marker.check is None or marker.problems or marker.limits
        found.append(Found(marker, "t.py:1", 1))
    plan = make_plan(found, Settings())
    text = problems_text({"t.py::test": plan})
    assert bool(text) == any(one.marker.problems for one in found)
    assert len(text) < 20_000
    for demand in plan.demands if not text else ():
        assert demand.identity
        assert demand.source.written
        assert demand.source.label
        assert str(demand.limit)
