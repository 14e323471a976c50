"""Subjects as the page shows them: who is told what."""

from pytest_modelcheck.records.causes import causes
from pytest_modelcheck.report.subjects import page_subjects

from ..catalogue import REGISTRY
from ..records.conftest import record
from ..records.test_causes import against, changed, failure, model


def test_a_failure_of_models_that_broke_alike_is_told_once_with_its_own():
    names = ["a", "b", "c"]
    made = record(
        *(model(name, f"t.py::{name}", "t.py::all") for name in names),
        failures=[failure(f"t.py::{name}") for name in (*names, "all")],
        changes=against(*map(changed, names)),
    )
    found = causes(made, REGISTRY)
    assert len(found) == 1
    told = {s.name: [f["nodeid"] for f in s.failures] for s in page_subjects(made, found, REGISTRY)}
    assert told == {"a": ["t.py::a", "t.py::all"], "b": ["t.py::b"], "c": ["t.py::c"]}
