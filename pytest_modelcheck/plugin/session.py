"""The beginning of a session: the base is measured, or handed to xdist's workers; progress goes to the terminal."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from .. import progress

if TYPE_CHECKING:
    from ..base.figures import Base
    from .state import Run

# The exit statuses of runs that came to their end.
ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


class Session:
    """Hooks that run once."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @pytest.hookimpl(tryfirst=True)  # before xdist starts its workers: they are given what came of it
    def pytest_sessionstart(self) -> None:
        from ..errors import ModelCheckError

        self._show_progress()
        if self.run.settings.report and not (self.run.is_worker or self.run.config.option.collectonly):
            from ..report.write import remove_report
            from ..snapshots.replacement import remove_replacements

            remove_report(self.run.settings.output)
            remove_replacements(self.run.settings.output)
        try:
            self.run.base = self._find_base()
            self.run.compared = self.run.base is not None
        except ModelCheckError as error:
            option = "base" if self.run.settings.base_report is None else "base-report"
            raise pytest.UsageError(f"--modelcheck-{option}: {error}") from error
        if self.run.describes and not self.run.config.option.collectonly:
            self.run.register("seeding")

    @pytest.hookimpl(wrapper=True)  # around syrupy's, which looks for unused snapshots
    def pytest_sessionfinish(self, exitstatus: int) -> Generator[None, object, object]:
        run = self.run
        is_ours = run.is_awake or run.collected is not None or run.uncollected
        if not (is_ours and hasattr(run.config, "_syrupy")):
            return (yield)
        from ..snapshots.unused import careful, store_ours

        files = [run.config.rootpath / report.nodeid.partition("::")[0] for report in run.uncollected]
        concerned = run.is_awake or run.collected is not None or store_ours(files)
        ended = exitstatus in ENDED and not run.config.option.collectonly
        with careful(files, cut_short=concerned and not ended):
            return (yield)

    def _show_progress(self) -> None:
        """On pytest's own terminal, until the run ends: tests' streams are captured."""
        reporter: Any = self.run.config.pluginmanager.get_plugin("terminalreporter")
        before = progress.terminal
        if reporter is not None:
            progress.terminal = reporter._tw._file
            self.run.config.add_cleanup(lambda: setattr(progress, "terminal", before))

    def _find_base(self) -> Base | None:
        run, settings = self.run, self.run.settings
        given = getattr(run.config, "workerinput", {}).get("modelcheck_base")
        asked = not run.is_worker and (settings.base is not None or settings.base_report is not None)
        if run.config.option.collectonly or (given is None and not asked):
            return None
        from ..base.figures import Base

        if given is not None:
            return Base.from_json(given, run.registry)
        if settings.base_report is not None:
            base = Base.read(settings.base_report, run.registry)
        else:
            from ..base.run import measure_base
            from .rerun import rerun

            assert settings.base is not None
            base = Base(measure_base(rerun(run), settings.base, run.registry), run.registry)
        base.read_trailers(run.config.rootpath)
        return base

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Heard before any test with checks was met: files that cannot be imported may hold them."""
        if report.failed:
            self.run.uncollected.append(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """xdist's: what a worker is to know, a remote one too."""
        if self.run.base is not None:
            node.workerinput["modelcheck_base"] = self.run.base.to_json()

    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        if self.run.settings.model is not None:
            from .item import ModelItem

            self.run.wake()
            items.append(ModelItem.from_parent(session, name=f"modelcheck:{self.run.settings.model}"))
