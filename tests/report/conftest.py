"""A small record, as a run makes it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.model.subject import Subject, build_subject
from pytest_modelcheck.records.entries import check_entry
from pytest_modelcheck.records.recorder import Recorder
from pytest_modelcheck.records.run import Phase, RunRecord
from pytest_modelcheck.settings import Settings
from pytest_modelcheck.verdict.judge import judge
from pytest_modelcheck.verdict.limit import Limit
from pytest_modelcheck.verdict.measurement import Contributor, Measurement

from ..catalogue import metric, note

NODEID = "tests/test_it.py::test_it"


def build(subject: Subject, **limits: float) -> dict[str, Any]:
    """The record of one test with one budget."""
    recorder = Recorder(NODEID, default_registry().sections, settings=Settings(heatmaps="always"))
    recorder.subject(subject)
    limit = Limit(metric("macs"), where="tests/test_it.py:3", **(limits or {"max": 1000}))
    note(recorder, judge("", limit, Measurement(1200, contributors=(Contributor("0", 900),))), subject)
    recorder.panel(subject, "A panel", "text", "of the user's own")
    run = RunRecord()
    run.add(NODEID, recorder.drain())
    run.log(Phase(NODEID, "call", "failed"))
    return run.build(1, Path("."))


@pytest.fixture(scope="session")
def record() -> dict[str, Any]:
    body = nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU())
    model = nn.Sequential(nn.Conv2d(3, 8, 3), body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    return build(build_subject(model, input_size=(1, 3, 16, 16), name="net"))


def address(path: Path, tab: str) -> str:
    """Of a tab of the first subject on a page."""
    (slug,) = re.findall(r'data-slugs="([^" ]+)', path.read_text("utf-8"))[:1]
    return f"{path.as_uri()}#{slug}/{tab}"


AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")


@pytest.fixture
def barriers() -> Callable[[Any], dict[str, list[str]]]:
    """`barriers(page)`: what axe-core finds serious or critical, by its rule: the elements.

    Without axe-core the test skips, unless MODELCHECK_REQUIRE_BROWSER says that there must be one.
    """
    if not AXE.exists():
        if os.environ.get("MODELCHECK_REQUIRE_BROWSER"):
            pytest.fail("MODELCHECK_REQUIRE_BROWSER is set, but there is no axe-core: run `npm ci`")
        pytest.skip("no axe-core: run `npm ci`")

    def barriers(page: Any) -> dict[str, list[str]]:
        page.evaluate(AXE.read_text("utf-8"))  # a script element would be against the page's policy
        found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
        grave = [rule for rule in found if rule["impact"] in GRAVE]
        return {
            rule["id"]: [f"{node['target']} {node['failureSummary']}" for node in rule["nodes"]]
            for rule in grave
        }

    return barriers


__all__ = ["address", "build", "check_entry"]
