"""Tests that check nothing: what the plugin does for each of them, counted in calls of its functions."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest_modelcheck

from .projects import plain

OURS = str(Path(pytest_modelcheck.__file__).parent) + os.sep
MOST = 8  # calls for one test: two looks at its function and folder, two hooks


def calls(project, count) -> int:
    """Of functions of the plugin in a run of so many tests."""
    seen = 0
    folder = project.pytester.mkdir(f"of_{count}")
    plain(folder, count)

    def watch(frame, event, argument):
        nonlocal seen
        seen += event == "call" and frame.f_code.co_filename.startswith(OURS)

    earlier = sys.getprofile()
    sys.setprofile(watch)
    try:
        project.run("-q", str(folder)).assert_outcomes(passed=count)
    finally:
        sys.setprofile(earlier)
    return seen


def test_a_test_without_checks_costs_a_few_calls(project):
    few, many = calls(project, 10), calls(project, 60)
    assert many - few <= MOST * 50
