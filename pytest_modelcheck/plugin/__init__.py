"""pytest's hooks and nothing else: options, markers, fixtures, collection, call phase, report.

What a suite without checks never needs is imported where it is needed: pytest's start must not pay for it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from .. import progress
from ..checks.registry import SUBJECT, Registry, default_registry
from ..settings import Settings
from . import options
from .fixtures import complexity_snapshot as complexity_snapshot
from .fixtures import heatmap_snapshot as heatmap_snapshot
from .fixtures import modelcheck as modelcheck
from .fixtures import structure_snapshot as structure_snapshot
from .injection import injected, plain_function, wanted_fixtures

if TYPE_CHECKING:
    from pathlib import Path

    from ..base.figures import Base
    from ..demand.plan import Plan
    from ..records.build import RunRecord
    from ..records.recorder import Recorder
    from ..verdict.judge import Verdict
    from .resolve import Resolver

PLAN: pytest.StashKey[Plan] = pytest.StashKey()
PLANNED: pytest.StashKey[int] = pytest.StashKey()  # how many markers the plan is of
RECORDER: pytest.StashKey[Recorder] = pytest.StashKey()
RESOLVER: pytest.StashKey[Resolver] = pytest.StashKey()


class Hooks:
    """Hooks that others may implement."""

    @pytest.hookspec
    def pytest_modelcheck_register(self, registry: Registry) -> None:
        """Add checks (`registry.add`) and report sections (`registry.add_section`)."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    registry = default_registry()
    config.hook.pytest_modelcheck_register(registry=registry)
    for line in _marker_lines(config, registry):
        config.addinivalue_line("markers", line)
    config.pluginmanager.register(
        ModelCheckPlugin(config, registry, options.settings(config)), "modelcheck-run"
    )


def _marker_lines(config: pytest.Config, registry: Registry) -> list[str]:
    """What `pytest --markers` prints; without that option the names are enough."""
    if not config.option.markers:
        return [f"{name}(...): see pytest --markers" for name in (SUBJECT, *registry.names)]
    from ..demand.check import marker_lines

    return marker_lines(registry)


class ModelCheckPlugin:
    """One run of pytest: the process that runs tests measures, the one that writes the report collects."""

    def __init__(self, config: pytest.Config, registry: Registry, settings: Settings) -> None:
        self.config, self.registry, self.settings = config, registry, settings
        self.is_worker = hasattr(config, "workerinput")
        self.described: set[str] = set()
        self.describes = settings.report or bool(settings.base or settings.base_report)
        self.base: Base | None = None
        self.compared = False  # this run with another's, test by test
        self.record: dict[str, Any] | None = None
        self.run: RunRecord | None = None
        self.report_path: Path | None = None
        self.interrupted = False

    # The base

    @pytest.hookimpl(tryfirst=True)  # before xdist starts its workers: they are given what came of it
    def pytest_sessionstart(self) -> None:
        from ..errors import ModelCheckError

        self._show_progress()
        try:
            self.base = self._find_base()
            self.compared = self.base is not None
        except ModelCheckError as error:
            option = "base" if self.settings.base_report is None else "base-report"
            raise pytest.UsageError(f"--modelcheck-{option}: {error}") from error

    def _show_progress(self) -> None:
        """On pytest's own terminal, until the run ends: tests' streams are captured."""
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        before = progress.terminal
        if reporter is not None:
            progress.terminal = reporter._tw._file
            self.config.add_cleanup(lambda: setattr(progress, "terminal", before))

    def _find_base(self) -> Base | None:
        settings = self.settings
        given = getattr(self.config, "workerinput", {}).get("modelcheck_base")
        if given is None and (self.is_worker or (settings.base is None and settings.base_report is None)):
            return None
        if self.config.option.collectonly:
            return None
        from ..base.figures import Base

        if given is not None:
            return Base.from_json(given)
        if settings.base_report is not None:
            return Base.read(settings.base_report)
        from ..base.run import measure_base

        assert settings.base is not None
        return Base(measure_base(self.config, settings.base, settings.base_timeout, self.registry.names))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """xdist's: what a worker is to know, a remote one too."""
        if self.base is not None:
            node.workerinput["modelcheck_base"] = self.base.to_json()

    # Collection

    @pytest.hookimpl(wrapper=True)
    def pytest_pycollect_makeitem(self, collector: Any, obj: object) -> Generator[None, object, object]:
        function = plain_function(obj)
        names = wanted_fixtures(function, collector, self.registry, self.settings) if function else []
        with injected(function, names, pytest.mark.usefixtures):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        if report.passed:
            items = [
                node for node in report.result or () if isinstance(node, pytest.Item) and self.marks(node)
            ]
            if items:
                from ..demand.plan import problems_text

                text = problems_text({item.nodeid: self.plan(item) for item in items})
                if text:
                    return pytest.CollectReport(collector.nodeid, "failed", text, [])
        return report

    def marks(self, item: pytest.Item) -> int:
        """How many of our markers it has."""
        names = {SUBJECT, *self.registry.names}
        return sum(mark.name in names for mark in item.iter_markers())

    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        if self.settings.model is not None:
            from .item import ModelItem

            items.append(ModelItem.from_parent(session, name=f"modelcheck:{self.settings.model}"))

    # What belongs to a test, made when it is first asked for

    def plan(self, item: pytest.Item) -> Plan:
        """What its markers demand; made again where a hook added some after its collection."""
        marks = self.marks(item)
        if PLAN not in item.stash or item.stash[PLANNED] != marks:
            from ..demand.plan import plan_item

            item.stash[PLAN], item.stash[PLANNED] = plan_item(item, self.registry, self.settings), marks
        return item.stash[PLAN]

    def recorder(self, item: pytest.Item) -> Recorder:
        """What it does and sees."""
        if RECORDER not in item.stash:
            from ..records.recorder import Recorder

            registry = self.registry if self.describes else None
            item.stash[RECORDER] = Recorder(item.nodeid, registry, self.described, self.settings)
        return item.stash[RECORDER]

    def resolver(self, item: pytest.Item) -> Resolver:
        """Its subjects."""
        if RESOLVER not in item.stash:
            from .resolve import Resolver

            item.stash[RESOLVER] = Resolver(item, self.settings, self.recorder(item).subject)
        return item.stash[RESOLVER]

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, object, object]:
        from ..model.draws import same_draws

        if fixturedef.argname not in (self.settings.model_fixture, self.settings.inputs_fixture):
            return (yield)
        with same_draws():
            return (yield)

    # Running a test

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        from ..model.draws import seeds_end_here

        with seeds_end_here() if self.compared else nullcontext():
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._forget(item)
        if self._demanded(item):
            self._refuse_missing(item)

    def _forget(self, item: pytest.Item) -> None:
        """A rerun starts afresh."""
        if RECORDER in item.stash:
            del item.stash[RECORDER]
        if RESOLVER in item.stash:
            del item.stash[RESOLVER]

    def _demanded(self, item: pytest.Item) -> bool:
        """Whether a marker demands something; a wrong one that came after collection, which tells of others, fails."""
        plan = self.plan(item) if self.marks(item) else None
        if plan is not None and plan.problems:
            from ..demand.plan import problems_text

            pytest.fail(problems_text({item.nodeid: plan}), pytrace=False)
        return plan is not None and bool(plan.demands)

    def _refuse_missing(self, item: pytest.Item) -> None:
        from ..verdict.judge import Outcome, Verdict
        from .resolve import missing

        texts = []
        for demand in item.stash[PLAN].demands:
            error = missing(demand.source, item, demand.check.name, self.settings)
            if error is not None:
                texts.append(str(error))
                verdict = Verdict(demand.source.label, demand.limit, Outcome.ERROR, error=str(error))
                self.recorder(item).verdict(verdict)
        if texts:
            pytest.fail("\n".join(dict.fromkeys(texts)), pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        if self._demanded(item):
            self._enforce(item)
        try:
            return (yield)
        except Exception as error:
            self._shorten_traceback(error)
            raise
        finally:
            if RECORDER in item.stash and item.stash[RECORDER].owed:
                self._settle(item, item.stash[RECORDER].owed)

    def _shorten_traceback(self, error: Exception) -> None:
        from ..errors import ModelCheckError

        if isinstance(error, ModelCheckError) and not self.config.option.fulltrace:
            from .frames import hide_own

            hide_own(error)

    def _enforce(self, item: pytest.Item) -> None:
        from ..demand.enforce import enforce

        base = self.base
        verdicts = enforce(
            item.stash[PLAN].demands,
            self.resolver(item),
            self.settings,
            self.recorder(item).result,
            (lambda subject, limit: base.value(item.nodeid, subject, limit)) if base else None,
        )
        self._settle(item, verdicts)

    def _settle(self, item: pytest.Item, verdicts: list[Verdict]) -> None:
        """Note all verdicts, and fail the test if one of them does."""
        from ..verdict.message import fails, failure_text

        for verdict in verdicts:
            self._note(item, verdict)
        if any(fails(verdict, self.settings.strict) for verdict in verdicts):
            text = failure_text(
                verdicts, item.nodeid, strict=self.settings.strict, options=self.settings.deciding
            )
            pytest.fail(text, pytrace=False)

    def _note(self, item: pytest.Item, verdict: Verdict) -> None:
        """Into the record, JUnit's properties and, where it does not fail the test, the warnings."""
        from ..errors import ModelCheckWarning
        from ..verdict.judge import Outcome
        from ..verdict.message import explain, fails

        self.recorder(item).verdict(verdict)
        if verdict.measurement is not None:
            item.user_properties.append((f"modelcheck.{verdict.limit.metric}", verdict.measurement.value))
        noteworthy = verdict.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)
        if noteworthy and not fails(verdict, self.settings.strict):
            item.warn(ModelCheckWarning(explain(verdict)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        part = item.stash[RECORDER].drain() if RECORDER in item.stash else {}
        if part:
            from ..records.build import to_json

            report.modelcheck = to_json(part)  # type: ignore[attr-defined]  # travels with the report, xdist included
        return report

    # Collecting and reporting

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not self.is_worker and (self.settings.report or self.run or hasattr(report, "modelcheck")):
            if self.run is None:
                from ..records.build import RunRecord

                self.run = RunRecord()
            status = self.config.hook.pytest_report_teststatus(report=report, config=self.config)[0]
            self.run.log(report.nodeid, report.when or "", status, getattr(report, "modelcheck", None))

    def pytest_keyboard_interrupt(self) -> None:
        self.interrupted = True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if self.is_worker or not (self.run or self.settings.report):
            return
        from ..records.build import RunRecord

        run = self.run or RunRecord()
        record = run.build(int(exitstatus), self.config.rootpath, interrupted=self.interrupted)
        if self.base is not None:
            self.base.tell(record)
        self.record = record
        if self.settings.report:
            self._write(record)
        if self._tells_github(record):
            self._summarise(record)

    def _tells_github(self, record: dict[str, Any]) -> bool:
        import os

        if "GITHUB_ACTIONS" not in os.environ or not (record["checks"] or record["subjects"]):
            return False
        from ..report.github import active

        return active(self.settings.github)

    def _summarise(self, record: dict[str, Any]) -> None:
        import warnings

        from ..errors import ModelCheckWarning
        from ..report.github import write_summary

        try:
            write_summary(record)
        except OSError as error:  # in a container that knows the name of the file and has it not
            warnings.warn(ModelCheckWarning(f"the job summary was not written: {error}"), stacklevel=1)

    def _write(self, record: dict[str, Any]) -> None:
        import warnings

        from ..errors import ModelCheckError, ModelCheckWarning
        from ..report.write import write_report

        try:
            self.report_path = write_report(record, self.settings.output)
        except ModelCheckError as error:
            warnings.warn(ModelCheckWarning(f"the report was not written: {error}"), stacklevel=1)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.run is not None and self.run.checks:
            from ..report.terminal import summary_lines

            terminalreporter.section("modelcheck")
            width, markup = terminalreporter._tw.fullwidth, terminalreporter._tw.hasmarkup
            record = {
                "checks": self.run.checks,
                "run": {"no_result": self.run.lost, "waited": self.run.waited},
            }
            for line in summary_lines(record, width, color=markup):
                terminalreporter.write_line(line)
        if self.record is not None and self.record.get("changes"):
            from ..report.terminal import changes_lines

            for line in changes_lines(self.record):
                terminalreporter.write_line(line)
        if self.record is not None and self._tells_github(self.record):
            from ..report.github import commands

            for line in commands(self.record, self.config.rootpath):
                terminalreporter.ensure_newline()
                terminalreporter.write_line(line)
        if self.report_path is not None:
            terminalreporter.write_line(f"modelcheck report: {self.report_path}")
