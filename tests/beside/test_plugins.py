"""Beside other plugins of pytest, a run says what it says without them.

Those that only watch run together; each by itself, and each way of pytest-xdist, in the slow tests.
"""

from __future__ import annotations

import pytest

from .differ import differences

ALONE = {
    "anyio": "-p anyio",
    "asyncio": "-p asyncio -o asyncio_default_fixture_loop_scope=function",
    "asyncio, all of it": "-p asyncio -o asyncio_mode=auto -o asyncio_default_fixture_loop_scope=function",
    "benchmark": "-p benchmark",
    "cov": "-p pytest_cov --cov=nets --cov-branch",
    "flaky": "-p flaky --force-flaky",
    "html": "-p metadata -p html -p html_fixtures --html=page.html --self-contained-html",
    "mock": "-p pytest_mock",
    "order": "-p pytest_order",
    "randomly": "-p randomly --randomly-seed=7",
    "repeat": "-p repeat",
    "rerunfailures": "-p rerunfailures --reruns=1",
    "split": "-p pytest-split --splits=1 --group=1",
    "sugar": "-p sugar",
    "timeout, by a signal": "-p timeout --timeout=300",
    "timeout, by a thread": "-p timeout --timeout=300 --timeout-method=thread",
}
WATCHING = ("anyio", "asyncio", "benchmark", "html", "mock", "repeat", "order", "timeout, by a signal")
TOGETHER = {
    "those that watch": " ".join(ALONE[name] for name in WATCHING),
    "sugar, split, a thread": " ".join(ALONE[name] for name in ("sugar", "split", "timeout, by a thread")),
    **{name: ALONE[name] for name in ("cov", "flaky", "randomly", "rerunfailures")},
}
APART = {
    "worksteal": "-n3 --maxprocesses=2 --dist=worksteal",
}
APART_SLOW = {
    "cov": "-n2 -p pytest_cov --cov=nets --cov-branch",
    "loadfile": "-n2 --dist=loadfile",
    "loadgroup": "-n2 --dist=loadgroup",
    "each": "-n1 --dist=each",
    "random, again": "-n2 -p randomly --randomly-seed=3 -p rerunfailures --reruns=1",
    "sugar, timeout": "-n2 -p sugar -p timeout --timeout=300",
    "benchmark": "-n2 -p benchmark",
    "another core of cov": "-p pytest_cov --cov=nets",
    "torch": "-p pytest_torch",
    "torch, many": "-n2 -p pytest_torch",
}


def slow(names):
    return [pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", [*TOGETHER, *slow(name for name in ALONE if name not in TOGETHER)])
def test_nothing_else_is_said(name, suite):
    result = suite.run(*(TOGETHER | ALONE)[name].split(), "--modelcheck-report")
    assert list(differences(suite.alone, suite.told())) == []
    assert result.ret == suite.alone["run"]["exit_status"]


@pytest.mark.parametrize("name", [*APART, *slow(APART_SLOW)])
def test_nothing_else_is_said_by_other_processes(name, suite, monkeypatch):
    if "core" in name:
        monkeypatch.setenv("COVERAGE_CORE", "sysmon")
    result = suite.run(*(APART | APART_SLOW)[name].split(), "--modelcheck-report", subprocess=True)
    assert list(differences(suite.alone, suite.told())) == []
    assert result.ret == suite.alone["run"]["exit_status"]
