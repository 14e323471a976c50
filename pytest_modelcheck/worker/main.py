"""The process that measures the base: this tree's tests, measuring only, on that tree's sources.

Started as a file, with a job (JSON) as its argument: until the imports are led to the other tree, it must import
nothing that might be the user's.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any


def main(job_file: str) -> None:
    """Run the job; its record is in `job["result"]` afterwards."""
    job = json.loads(Path(job_file).read_text("utf-8"))
    _end_with_parent(Path(job["root"]), Path(job["tree"]).parent, os.dup(0))
    sys.path[:] = job["path"]
    if "keys" in job:
        from .timing.paired import compare_all

        compare_all(job)
        return

    from .redirect import Redirect

    redirect = Redirect(Path(job["root"]), Path(job["tree"]), job["files"], job["patterns"])
    sys.meta_path.insert(0, redirect)

    import pytest

    from ..plugin.declared import GivenOptions
    from .missing import StandIns

    run = BaseRun()
    pytest.main(job["arguments"], plugins=[run, StandIns(Path(job["tree"])), GivenOptions(job["options"])])
    leaks = redirect.leaks()
    if leaks:
        text = f"modules that should be the base's came from this tree: {', '.join(leaks[:5])}"
        run.record = {"error": text}
    _save(Path(job["result"]), run.record)


def _save(path: Path, record: Any) -> None:
    from ..records.build import to_json

    temporary = path.with_suffix(".part")
    temporary.write_text(to_json(record), "ascii")
    temporary.replace(path)


def _end_with_parent(root: Path, folder: Path, pipe: int) -> None:
    """When the parent is gone, its end of the pipe is closed: take the worktree away, and go too."""

    def wait() -> None:
        os.read(pipe, 1)
        from ..base.git import remove

        try:
            remove(root, folder)
        finally:
            os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


class BaseRun:
    """A pytest plugin: keeps the tests that check a model, skips their bodies, keeps the record."""

    def __init__(self) -> None:
        self.record: dict[str, Any] = {"error": "the tests of the base did not run"}
        self.broken: list[str] = []
        self.timed: list[tuple[str, str]] = []  # limits for which both revisions are to be timed

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.broken.append(f"{report.nodeid}: {str(report.longrepr).strip().splitlines()[-1]}")

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        from dataclasses import replace

        import pytest

        from ..plugin import PLAN
        from ..plugin.item import ModelItem

        plugin = config.pluginmanager.get_plugin("modelcheck-run")
        plugin.describes = plugin.compared = True
        items[:] = [
            i
            for i in items
            if plugin.marks(i) or "modelcheck" in getattr(i, "fixturenames", ()) or isinstance(i, ModelItem)
        ]
        for item in items:
            plan = plugin.plan(item)
            paired = [d for d in plan.demands if _is_paired(d)]
            self.timed += [(item.nodeid, d.limit.where) for d in paired]
            if isinstance(item, pytest.Function):  # methods of unittest.TestCase too
                item.runtest = partial(self._instead, plugin, item, [d.source for d in paired])  # type: ignore[method-assign]
            # times of two processes, minutes apart: a comparison of those is a coin flip
            wanted = tuple(d for d in plan.demands if d.check.against is None)
            item.stash[PLAN] = replace(plan, demands=wanted)

    def _instead(self, plugin: Any, item: Any, sources: list[Any]) -> None:
        """In place of the body, which has nothing to do with the base: note subjects that are only timed."""
        from ..errors import ModelCheckError

        for source in sources:
            with suppress(ModelCheckError):
                plugin.resolver(item)(source)

    def pytest_sessionfinish(self, session: Any, exitstatus: int) -> None:
        from ..records.build import RunRecord

        plugin = session.config.pluginmanager.get_plugin("modelcheck-run")
        record = (plugin.run or RunRecord()).build(int(exitstatus), session.config.rootpath)
        self.record = {**record, "broken": self.broken, "timed": self.timed}


def _is_paired(demand: Any) -> bool:
    from .timing.revision import is_paired

    return is_paired(demand)


if __name__ == "__main__":
    main(sys.argv[1])
