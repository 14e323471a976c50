"""pytest's hooks and nothing else: options, markers, fixtures, collection, call phase, report."""

from __future__ import annotations

import json
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import options
from .checks import Registry, default_registry, marker_lines
from .config import Settings
from .errors import ModelCheckError, ModelCheckWarning, SubjectError
from .injection import injected, plain_function, wanted_fixtures
from .judging import enforce
from .message import explain, fails, failure_text
from .plan import Plan, plan_item, problems_text
from .record import RunRecord, to_json
from .recorder import Recorder
from .resolve import Resolver, missing
from .verdict import Outcome, Verdict

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from .modelcheck import ModelCheck

PLAN = pytest.StashKey[Plan]()
RECORDER = pytest.StashKey[Recorder]()
RESOLVER = pytest.StashKey[Resolver]()


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
    for line in marker_lines(registry):
        config.addinivalue_line("markers", line)
    config.pluginmanager.register(
        ModelCheckPlugin(config, registry, options.settings(config)), "modelcheck-run"
    )


@pytest.fixture
def modelcheck(request: pytest.FixtureRequest) -> ModelCheck:
    """Measure this test's model: a ModelCheck with complexity(), summary(), gradcam(), weights(), structure(), show().

    The model comes from @pytest.mark.modelcheck(model=...) or the fixtures `model` and `example_inputs`;
    `modelcheck(other_model, inputs)` binds another one.
    """
    from .modelcheck import ModelCheck

    recorder, resolver = request.node.stash[RECORDER], request.node.stash[RESOLVER]
    source = request.node.stash[PLAN].source
    try:
        for name in source.fixtures:  # late is good enough for a fixture that another fixture needs
            if name in request.node.fixturenames:
                request.node.funcargs.setdefault(name, request.getfixturevalue(name))
        return ModelCheck._of(resolver(source), recorder)
    except SubjectError as error:
        return ModelCheck._of(None, recorder, error)


@pytest.fixture
def heatmap_snapshot(snapshot: SnapshotAssertion, request: pytest.FixtureRequest) -> SnapshotAssertion:
    """Compare a heatmap with the stored one: `assert modelcheck.gradcam(target=285) == heatmap_snapshot`.

    `heatmap_snapshot(preset="strict" | "default" | "loose")` chooses the tolerance; `--snapshot-update` accepts.
    """
    from .snapshots.fixtures import make_heatmap_snapshot
    from .snapshots.verdicts import record_comparison

    recorder = request.node.stash[RECORDER]
    return make_heatmap_snapshot(snapshot, lambda *seen: record_comparison(recorder, *seen))


class ModelCheckPlugin:
    """One run of pytest: the process that runs tests measures, the one that writes the report collects."""

    def __init__(self, config: pytest.Config, registry: Registry, settings: Settings) -> None:
        self.config, self.registry, self.settings = config, registry, settings
        self.is_worker = hasattr(config, "workerinput")
        self.run = RunRecord()
        self.described: set[str] = set()
        self.report_path: Path | None = None
        self.interrupted = False

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
            items = [node for node in report.result or () if isinstance(node, pytest.Item)]
            for item in items:
                item.stash[PLAN] = plan_item(item, self.registry, self.settings)
            text = problems_text({item.nodeid: item.stash[PLAN] for item in items})
            if text:
                return pytest.CollectReport(collector.nodeid, "failed", text, [])
        return report

    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        if self.settings.model is not None:
            items.append(ModelItem.from_parent(session, name=f"modelcheck:{self.settings.model}"))

    # Running a test

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        plan = item.stash.setdefault(PLAN, Plan())
        recorder = Recorder(item.nodeid, self.registry if self.settings.report else None, self.described)
        item.stash[RECORDER] = recorder
        item.stash[RESOLVER] = Resolver(item, self.settings, recorder.subject)
        lost = [(d, missing(d.source, item, d.check.name, self.settings)) for d in plan.demands]
        for demand, error in lost:
            if error is not None:
                recorder.verdict(Verdict(demand.source.label, demand.limit, Outcome.ERROR, error=str(error)))
        texts = dict.fromkeys(str(error) for _, error in lost if error is not None)
        if texts:
            pytest.fail("\n".join(texts), pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        self._enforce(item)
        return (yield)

    def _enforce(self, item: pytest.Item) -> None:
        plan, recorder = item.stash[PLAN], item.stash[RECORDER]
        if not plan.demands:
            return
        verdicts = enforce(plan.demands, item.stash[RESOLVER], self.settings)
        for verdict in verdicts:
            recorder.verdict(verdict)
            if verdict.measurement is not None:
                item.user_properties.append((f"modelcheck.{verdict.limit.metric}", verdict.measurement.value))
            if not fails(verdict, self.settings.strict) and verdict.outcome in (
                Outcome.FAIL,
                Outcome.INCONCLUSIVE,
            ):
                item.warn(ModelCheckWarning(explain(verdict)))
        if any(fails(verdict, self.settings.strict) for verdict in verdicts):
            pytest.fail(failure_text(verdicts, item.nodeid, strict=self.settings.strict), pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        part = item.stash[RECORDER].drain() if RECORDER in item.stash else {}
        if part:
            report.modelcheck = to_json(part)  # type: ignore[attr-defined]  # travels with the report, xdist included
        return report

    # Collecting and reporting

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.is_worker:
            return
        if report.when == "setup":
            self.run.start(report.nodeid)
        part = getattr(report, "modelcheck", None)
        if part:
            self.run.add(report.nodeid, json.loads(part))
        self._count(report)

    def _count(self, report: pytest.TestReport) -> None:
        if report.when == "???":  # xdist's word for a test whose worker died
            self.run.lost.append(report.nodeid)
        status = self.config.hook.pytest_report_teststatus(report=report, config=self.config)[0]
        if status and self.run.outcomes.get(report.nodeid) not in ("failed", "error"):
            self.run.outcomes[report.nodeid] = status

    def pytest_keyboard_interrupt(self) -> None:
        self.interrupted = True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if self.is_worker or not self.settings.report:
            return
        from .report.write import write_report

        record = self.run.build(int(exitstatus), self.config.rootpath, interrupted=self.interrupted)
        try:
            self.report_path = write_report(record, self.settings.output)
        except (ModelCheckError, OSError) as error:
            warnings.warn(ModelCheckWarning(f"the report was not written: {error}"), stacklevel=1)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.run.checks:
            from .report.terminal import summary_lines

            terminalreporter.section("modelcheck")
            width, markup = terminalreporter._tw.fullwidth, terminalreporter._tw.hasmarkup
            record = {"checks": self.run.checks, "run": {"no_result": self.run.lost}}
            for line in summary_lines(record, width, color=markup):
                terminalreporter.write_line(line)
        if self.report_path is not None:
            terminalreporter.write_line(f"modelcheck report: {self.report_path}")


class ModelItem(pytest.Item):
    """The check of `--modelcheck-model`: no test file needed."""

    def runtest(self) -> None:
        plugin: Any = self.config.pluginmanager.get_plugin("modelcheck-run")
        from .subject import build_subject

        settings: Settings = plugin.settings
        subject = build_subject(settings.model, input_size=settings.input_size, device=settings.device)
        self.stash[RECORDER].subject(subject)
        from .complexity.measure import count

        self.add_report_section("call", "modelcheck", str(count(subject)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ModelCheckError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.config.rootpath, None, self.name
