"""Running tests with checks: what their markers demand is enforced before their bodies run."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

import pytest

from .announcing import Announcements
from .bodies import before_body, expects_failure
from .log import inert
from .state import PROPERTY, nodeid_of, state_of

if TYPE_CHECKING:
    from ..demand.enforce import Ask
    from ..demand.plan import Demand
    from ..errors import ModelCheckWarning
    from ..records.types import TestPart
    from ..verdict.judge import BaseValue, Verdict
    from ..verdict.message import Told
    from .state import Run

WHOLE = 2  # -vv: whole texts of others' errors


class Running:
    """Hooks of a test's run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.announcements = Announcements(run)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """After pytest looked whether the test is skipped, before its fixtures."""
        self.announcements.ahead(item)
        state_of(item).begin()
        self._refuse_missing(item, self._demands(item))

    def _demands(self, item: pytest.Item) -> Sequence[Demand]:
        """What its markers demand; a wrong one that came after collection, which tells of others, fails."""
        if not self.run.marks(item):
            return ()
        plan = state_of(item).plan
        if plan.problems:
            from ..demand.plan import problems_text

            pytest.fail(problems_text({item.nodeid: plan}), pytrace=False)
        return plan.demands

    def _refuse_missing(self, item: pytest.Item, demands: Sequence[Demand]) -> None:
        if not demands:
            return
        from ..verdict.judge import Outcome
        from .resolve import missing

        texts = []
        for demand in demands:
            error = (
                None
                if demand.left_out
                else missing(demand.source, item, demand.check.name, self.run.settings)
            )
            if error is not None:
                texts.append(str(error))
                self._note(item, demand.unmeasured(Outcome.ERROR, str(error)))
        if texts:
            pytest.fail("\n".join(dict.fromkeys(texts)), pytrace=False)

    @pytest.hookimpl(wrapper=True, trylast=True)  # within pytest's own: what it skips or expects to fail
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        __tracebackhide__ = True  # of what others' hooks raise
        demands = self._demands(item)
        before = partial(self._enforce, item, demands) if demands else None
        try:
            with before_body(item, before) if before is not None else nullcontext():
                return (yield)
        except Exception as error:
            self._shorten_traceback(error)
            raise
        finally:
            recorder = state_of(item).recorded
            if recorder is not None and recorder.owed:
                # where limits are written, it matters whether the body fails: that goes first
                is_over = self.run.settings.updates and sys.exc_info()[1] is not None
                self._settle(item, recorder.owed, fails=not is_over)

    def _shorten_traceback(self, error: Exception) -> None:
        from ..errors import ModelCheckError

        if isinstance(error, ModelCheckError) and not self.run.config.option.fulltrace:
            from .frames import hide_own

            hide_own(error)

    def _enforce(self, item: pytest.Item, demands: Sequence[Demand]) -> None:
        from ..demand.enforce import enforce

        state, base = state_of(item), self.run.base

        def at_base(demand: Demand) -> BaseValue:
            assert base is not None
            return base.value(nodeid_of(item, self.run.config), demand, demands)

        def accept(demand: Demand, verdict: Verdict) -> Verdict:
            assert base is not None
            return base.accept(item.nodeid, demand, verdict, demands)

        def ask(demand: Demand) -> Ask:
            assert base is not None
            return base.asked(nodeid_of(item, self.run.config), demand, demands)

        verdicts = enforce(
            demands,
            state.resolver,
            self.run.settings,
            state.recorder.result,
            at_base if base is not None else None,
            accept if base is not None else None,
            ask if base is not None else None,
        )
        if self.run.settings.updates and not expects_failure(item):
            state.recorder.owed += verdicts  # the body is to run too
        else:
            self._settle(item, verdicts)

    def _settle(self, item: pytest.Item, verdicts: Sequence[Verdict], *, fails: bool = True) -> None:
        """Note all verdicts, and fail the test if one of them does."""
        from ..verdict.judge import Outcome
        from ..verdict.message import fails as is_bad
        from ..verdict.message import failure_line, failure_text

        settings = self.run.settings
        told = [self._note(item, verdict) for verdict in verdicts]
        if fails and any(is_bad(verdict, settings.strict) for verdict in verdicts):
            text = failure_text(told, item.nodeid, strict=settings.strict, options=settings.deciding)
            state = state_of(item)
            state.failure = failure_line(told, strict=settings.strict)
            state.is_by_limits = not any(verdict.outcome is Outcome.ERROR for verdict in verdicts)
            state.raised = pytest.fail.Exception(text, pytrace=False)
            raise state.raised

    def _note(self, item: pytest.Item, verdict: Verdict) -> Told:
        """Into the record, JUnit's properties and, where it does not fail the test, the warnings."""
        from ..errors import ModelCheckWarning
        from ..verdict.judge import Outcome
        from ..verdict.message import fails, tell

        told = tell(verdict, whole=getattr(self.run.config.option, "verbose", 0) >= WHOLE)
        state_of(item).recorder.verdict(told)
        if verdict.measurement is not None:
            name = f"{PROPERTY}{verdict.limit.metric.name}"
            item.user_properties.append((name, verdict.measurement.value))
        noteworthy = verdict.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)
        if noteworthy and not fails(verdict, self.run.settings.strict):
            self._warn(item, ModelCheckWarning(told.text))
        return told

    def _warn(self, item: pytest.Item, warning: ModelCheckWarning) -> None:
        """Where warnings are errors (`-W error`) the test fails with its text, without a traceback of ours."""
        try:
            item.warn(warning)
        except type(warning) as raised:
            pytest.fail(str(raised), pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = inert((yield))
        if report.failed and call.excinfo is not None:
            from .failing import shorten_crash

            shorten_crash(report, call.excinfo.value, state_of(item))
        part = self._part(item, report.when == "setup")
        if report.failed and call.excinfo is not None and call.excinfo.value is state_of(item).raised:
            part["is_by_limits"] = state_of(item).is_by_limits
        if part:
            from ..records.plain import to_json

            report.modelcheck = to_json(part)  # type: ignore[attr-defined]  # travels with the report, xdist included
        if call.when == "teardown":  # as pytest lets go of what the test's fixtures made
            state_of(item).forget()
        return report

    def _part(self, item: pytest.Item, begins: bool) -> TestPart:
        """What the record is to know of the phase that ended."""
        recorder = state_of(item).recorded
        part = (recorder.drain() if recorder is not None else None) or {}
        return {**part, **self.announcements.at_setup(item)} if begins else part
