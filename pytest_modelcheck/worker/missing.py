"""A name that this tree's tests import and the base's sources do not have: the other tests of the file still count."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from ..errors import ModelCheckError

Report = pytest.CollectReport

_NOT_THERE = re.compile(r"ImportError: cannot import name '(\w+)' from '([\w.]+)'")


class Missing:
    """Stands in a module of the base for what is new; whoever calls it is told so."""

    def __init__(self, name: str) -> None:
        self.__name__ = self.__qualname__ = name

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise ModelCheckError(f"{self.__name__} is new: the base has no such name")


class StandIns:
    """A pytest plugin of the base's run: a file that fails for such a name is collected again, with a `Missing`."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, Report, Report]:
        report = yield
        if report.failed and stand_in(str(report.longrepr), self.tree):
            again: Report = collector.ihook.pytest_make_collect_report(collector=collector)
            return again
        return report


def stand_in(failure: str, tree: Path) -> bool:
    """Put a `Missing` where an ImportError, told in `failure`, found nothing; False if that is not the trouble."""
    found = _NOT_THERE.search(failure)
    module = sys.modules.get(found[2]) if found else None
    file = getattr(module, "__file__", None)
    if found is None or file is None or not Path(file).resolve().is_relative_to(tree):
        return False
    if hasattr(module, found[1]):
        return False
    setattr(module, found[1], Missing(f"{found[2]}.{found[1]}"))
    return True
