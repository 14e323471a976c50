"""For plugins that measure what a suite demands without running it, as the processes at the base do.

`checked_tests(config, items)` gives the tests that check a model. Of each: `demands`, what its markers demand;
`demand_only(demands)` leaves some; `subject(source)` is a subject, made with the test's own fixtures while it runs;
`replace_body(function)` has a function run in place of the test's own code. `compare_runs(config)`, before collection,
says that this run will be compared with another: all is described, and random numbers are alike (`draw_alike(config)`
does that alone); `record_of(config, exit_status)` is what has been measured. `demands_of(test)` is what it demands, as
the record has checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from .models import TrialItem
from .state import nodeid_of, run_of, state_of

if TYPE_CHECKING:
    from ..demand.plan import Demand
    from ..demand.source import Source
    from ..model.subject import Subject
    from ..records.section import Section
    from ..records.types import CheckEntry, Record


class CheckedTest:
    """A collected test that checks a model."""

    def __init__(self, item: pytest.Item) -> None:
        self.item = item

    @property
    def nodeid(self) -> str:
        """Its node id."""
        return nodeid_of(self.item, self.item.config)

    @property
    def demands(self) -> Sequence[Demand]:
        """What its markers demand, and no option leaves out."""
        return [demand for demand in state_of(self.item).plan.demands if not demand.left_out]

    @property
    def sources(self) -> list[Source]:
        """Where its subjects come from: those of its markers, then that of its fixture."""
        plan = state_of(self.item).plan
        return [*(demand.source for demand in self.demands), plan.source]

    def demand_only(self, demands: Iterable[Demand]) -> None:
        """Have nothing but these enforced."""
        state = state_of(self.item)
        state.plan = replace(state.plan, demands=tuple(demands))

    def subject(self, source: Source) -> Subject:
        """A subject of the running test. Raises SubjectError."""
        return state_of(self.item).resolver(source)

    def replace_body(self, function: Callable[[], None]) -> None:
        """Have `function` run in place of the test's own code; methods of unittest.TestCase too."""
        if isinstance(self.item, pytest.Function):
            self.item.runtest = function  # type: ignore[method-assign]
        elif isinstance(self.item, TrialItem):
            self.item.body = None


def checked_tests(config: pytest.Config, items: Iterable[pytest.Item]) -> list[CheckedTest]:
    """Those of `items` that have our markers, ask for `modelcheck`, or need no test file."""
    run = run_of(config)
    return [
        CheckedTest(item)
        for item in items
        if run.marks(item) or "modelcheck" in getattr(item, "fixturenames", ()) or isinstance(item, TrialItem)
    ]


def demands_of(test: CheckedTest) -> list[CheckEntry]:
    """What a test demands, as checks without a figure; one without a metric where it checks a model by no marker."""
    from ..records.entries import check_entry
    from ..verdict.judge import Outcome, Verdict
    from ..verdict.limit import Limit
    from ..verdict.message import tell
    from ..verdict.metric import Metric
    from ..verdict.units import RATIO
    from .announcing import planned_entries

    plan = state_of(test.item).plan
    limit = Limit(Metric("", RATIO))
    by_fixture = Verdict(plan.source.label, limit, Outcome.NOT_RUN, source=plan.source.written)
    return planned_entries(test.nodeid, plan) or [check_entry(test.nodeid, tell(by_fixture))]


def sections_known(config: pytest.Config) -> Mapping[str, Section]:
    """The sections that are registered, by name."""
    return run_of(config).registry.sections


def default_threads(config: pytest.Config) -> int:
    """How many threads an option or ini key says."""
    return run_of(config).settings.threads or 1


def compare_runs(config: pytest.Config) -> None:
    """Have each subject described, and the same numbers drawn, as where this run is compared."""
    run_of(config).describes = True
    draw_alike(config)


def draw_alike(config: pytest.Config) -> None:
    """Have the same random numbers drawn as where this run is compared."""
    run = run_of(config)
    run.compared = True
    run.register("seeding")


def record_of(config: pytest.Config, exit_status: int) -> Record:
    """What has been measured."""
    from ..records.run import RunRecord

    collected = run_of(config).collected or RunRecord()
    return collected.build(exit_status, config.rootpath)
