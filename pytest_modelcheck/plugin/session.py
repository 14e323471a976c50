"""The beginning of a session: the base is measured, or handed to xdist's workers; progress goes to the terminal."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from .. import progress

if TYPE_CHECKING:
    from ..base.figures import Base
    from ..base.rerun import Rerun
    from .state import Run

# The exit statuses of runs that came to their end.
ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


class Session:
    """Hooks that run once."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.rerun: Rerun | None = None
        self.commit: str | None = None  # that is to be measured
        self.collected: list[pytest.Item] = []
        self.unseen: list[str] = []  # node ids of what could not be collected, or was skipped as a whole

    @pytest.hookimpl(tryfirst=True)  # before xdist starts its workers: they are given what came of it
    def pytest_sessionstart(self) -> None:
        self._show_progress()
        if self.run.settings.report and self.run.runs_tests and not self.run.is_worker:
            from ..report.write import remove_report
            from ..snapshots.replacement import remove_replacements

            self.run.makes_folder = not self.run.settings.output.exists()
            remove_report(self.run.settings.output)
            remove_replacements(self.run.settings.output)
        if not self.run.runs_tests:
            return
        with self._usage_errors():
            self.run.base = self._given_base()
            self._measure_later()
        self.run.compared = self.run.base is not None or self.commit is not None
        if self.run.describes:
            self.run.register("seeding")

    def _measure_later(self) -> None:
        """A base that is to be measured waits until this tree's tests are collected.

        xdist's workers are to be given it before they start: for them it is measured now.
        """
        run, settings = self.run, self.run.settings
        if run.is_worker or run.base is not None or settings.base is None:
            return
        from ..base.run import find_base
        from .rerun import rerun

        self.rerun = rerun(run)
        self.commit = find_base(self.rerun, settings.base)
        if getattr(run.config.option, "dist", "no") != "no":
            self._measure()

    def _measure(self) -> None:
        from ..base.figures import Base
        from ..base.run import measure_base

        assert self.rerun is not None
        assert self.commit is not None
        registry, stay = self.run.registry, ExitStack()
        self.run.config.add_cleanup(stay.close)
        record, asking = measure_base(self.rerun, self.commit, registry, stay)
        self.run.base = base = Base(record, registry, asking)
        base.read_trailers(self.run.config.rootpath)

    @contextmanager
    def _usage_errors(self) -> Iterator[None]:
        from ..errors import ModelCheckError

        try:
            yield
        except ModelCheckError as error:
            option = "base" if self.run.settings.base_report is None else "base-report"
            raise pytest.UsageError(f"--modelcheck-{option}: {error}") from error
        except OSError as error:  # no room, or no right to write
            raise pytest.UsageError(
                f"--modelcheck-base: the base cannot be checked out: {error}.\n"
                "It lies in the temporary folder while it is measured: make room there, or name another one (TMPDIR)"
            ) from error

    @pytest.hookimpl(wrapper=True)  # around syrupy's, which looks for unused snapshots
    def pytest_sessionfinish(self, exitstatus: int) -> Generator[None, object, object]:
        run = self.run
        is_ours = run.is_awake or run.collected is not None or run.uncollected
        if not (is_ours and hasattr(run.config, "_syrupy")):
            return (yield)
        from ..snapshots.unused import careful, store_ours

        files = [run.config.rootpath / report.nodeid.partition("::")[0] for report in run.uncollected]
        concerned = run.is_awake or run.collected is not None or store_ours(files)
        ended = exitstatus in ENDED and run.runs_tests
        with careful(files, cut_short=concerned and not ended):
            return (yield)

    def _show_progress(self) -> None:
        """On pytest's own terminal, until the run ends: tests' streams are captured."""
        reporter: Any = self.run.config.pluginmanager.get_plugin("terminalreporter")
        before = progress.terminal
        if reporter is not None:
            progress.terminal = reporter._tw._file
            self.run.config.add_cleanup(lambda: setattr(progress, "terminal", before))

    def _given_base(self) -> Base | None:
        """The base that another process measured, or that a report holds."""
        run, settings = self.run, self.run.settings
        given = getattr(run.config, "workerinput", {}).get("modelcheck_base")
        if given is None and (run.is_worker or settings.base_report is None):
            return None
        from ..base.figures import Base

        if given is not None:
            return Base.from_json(given, run.registry)
        assert settings.base_report is not None
        base = Base.read(settings.base_report, run.registry)
        base.read_trailers(run.config.rootpath)
        return base

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Heard before any test with checks was met: files that cannot be imported may hold them."""
        if report.failed:
            self.run.uncollected.append(report)
        if not report.passed:
            self.unseen.append(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """xdist's: what a worker is to know, a remote one too."""
        if self.run.base is not None:
            node.workerinput["modelcheck_base"] = self.run.base.to_json()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """xdist's: a worker has ended, and says what the tests demand that it collected."""
        told = getattr(node, "workeroutput", {}).get("modelcheck_demands")
        if self.run.base is not None and told is not None and not self.run.base.seen:
            self.run.base.meet(**json.loads(told))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, None, None]:
        self.collected = list(items)  # those too that are deselected now
        return (yield)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        goes_on = not session.testsfailed or session.config.option.continue_on_collection_errors
        if self.rerun is not None and self.run.base is None and goes_on:
            with self._usage_errors():
                self._measure()
        if self.run.base is not None:
            self._meet(self.run.base)

    def _meet(self, base: Base) -> None:
        from ..records.plain import to_json
        from .measuring import checked_tests, demands_of

        tests = checked_tests(self.run.config, self.collected)
        demands = [entry for test in tests for entry in demands_of(test)]
        base.meet(demands, self.unseen)
        if self.run.is_worker:
            told = {"demands": demands, "unseen": self.unseen}
            self.run.config.workeroutput["modelcheck_demands"] = to_json(told)  # type: ignore[attr-defined]
