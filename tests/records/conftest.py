"""Entries of records, written by hand."""

from __future__ import annotations

from typing import Any

import pytest


def subject(name: str = "net", signature: str = "", **facts: Any) -> dict[str, Any]:
    """A subject of one test."""
    entry = {"name": name, "type": "Net", "inputs": ["1×3"], "training": False, "definitions": {}}
    entry |= {"signature": signature or name, "nodeids": ["t.py::test"], "demands": []}
    return {**entry, **facts}


def place(node: str = "t.py::test", marker: str = "modelcheck", index: int = 0) -> dict[str, Any]:
    """Where a marker stands."""
    return {"node": node, "marker": marker, "index": index}


def check(metric: str = "macs", value: Any = 1, **facts: Any) -> dict[str, Any]:
    """A check that passed."""
    entry = {"nodeid": "t.py::test", "place": place(), "metric": metric, "options": {}, "source": ""}
    entry |= {"definition": 1, "subject": "net", "signature": "net", "title": metric, "value": value}
    entry |= {"unit": "MACs", "level": "fail", "limit_reason": "", "outcome": "pass", "message": ""}
    entry |= {"reason": "", "caveat": "", "protocol": "", "contributors": [], "changes": [], "where": ""}
    return {**entry, "value_text": "", "limit_text": "max 5", "headroom": None, **facts}


def panel(title: str = "mine", content: object = "words", **facts: Any) -> dict[str, Any]:
    """A user's panel."""
    entry = {"nodeid": "t.py::test", "subject": "net", "signature": "net", "title": title, "kind": "text"}
    return {**entry, "content": content, **facts}


def run(exit_status: int = 0, **facts: Any) -> dict[str, Any]:
    """A run."""
    entry = {"exit_status": exit_status, "interrupted": False, "seconds": 1.5, "tests": {"passed": 1}}
    return {**entry, "no_result": [], "waited": 0.25, **facts}


def record(*subjects: Any, checks: Any = (), **facts: Any) -> dict[str, Any]:
    """A record."""
    made = {"schema_version": 2, "created": "2024-01-01T00:00:00+00:00", "environment": {}, "run": run()}
    return {**made, "subjects": list(subjects), "checks": list(checks), "panels": [], **facts}


@pytest.fixture(scope="session")
def base() -> dict[str, Any]:
    """A record as a run makes it, of one small model."""
    from torch import nn

    from ..base.conftest import make_record, stack

    return make_record(net=stack(nn.ReLU()))
