"""What belongs to a run, and to a test: typed, and found in pytest's stash."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pytest

from ..demand import SUBJECT

if TYPE_CHECKING:
    from pathlib import Path

    from ..base.figures import Base
    from ..checks.registry import Registry
    from ..demand.plan import Plan
    from ..records.recorder import Recorder
    from ..records.run import RunRecord
    from ..records.types import BoundEntry, Record
    from ..settings import Settings
    from ..updating.update import Updates
    from .resolve import Resolver

    Bounds = Callable[[Sequence[pytest.Item]], dict[str, list[BoundEntry]]]


PROPERTY = "modelcheck."  # beginning of the names of our properties in JUnit's file


SHOWING = ("collectonly", "setuponly", "showfixtures", "show_fixtures_per_test", "cacheshow")  # options


class Run:
    """One run of pytest: the process that runs tests measures, the one that writes the report collects."""

    def __init__(self, config: pytest.Config, registry: Registry, settings: Settings) -> None:
        self.config, self.registry, self.settings = config, registry, settings
        self.is_worker = hasattr(config, "workerinput")
        self.names = frozenset((SUBJECT, *registry.names))
        self.described: set[str] = set()
        self.describes = settings.report or bool(settings.base or settings.base_report)
        self.base: Base | None = None
        self.compared = False  # this run with another's, test by test
        self.collected: RunRecord | None = None
        self.record: Record | None = None
        self.report_path: Path | None = None
        self.makes_folder = False  # whether the report's folder was not there before
        self.interrupted = False
        self.bounds: Bounds | None = None  # what tests demand of figures, where limits are written
        self.updates: Updates | None = None  # what became of that
        self.troubles: list[str] = []  # what was asked for and could not be done
        self.uncollected: list[pytest.CollectReport] = []  # files that failed
        self.is_awake = False  # whether a test with checks was met
        self.parts: Mapping[str, Callable[[Run], object]] = {}  # by the name under which each is registered
        self.woken: tuple[str, ...] = ()  # the parts that only matter to tests with checks

    def register(self, *names: str) -> None:
        """Register parts of the plugin that are not registered yet."""
        manager = self.config.pluginmanager
        for name in names:
            if not manager.has_plugin(f"modelcheck-{name}"):
                manager.register(self.parts[name](self), f"modelcheck-{name}")

    def wake(self) -> None:
        """A test with checks was met: register what only matters to these."""
        if not self.is_awake:
            self.is_awake = True
            self.register(*self.woken)

    @property
    def runs_tests(self) -> bool:
        """Not where pytest only shows something, or sets tests up (`--setup-plan` too)."""
        return not any(getattr(self.config.option, name, None) for name in SHOWING)

    def marks(self, item: pytest.Item) -> int:
        """How many of our markers it has."""
        return sum(mark.name in self.names for mark in item.iter_markers())


class ItemState:
    """What belongs to one test, made when it is first asked for."""

    def __init__(self, run: Run, item: pytest.Item) -> None:
        self.run, self.item = run, item
        self._plan: Plan | None = None
        self._marks = -1
        self.recorded: Recorder | None = None
        self.describes: set[str] = set()  # signatures, first of all tests
        self._resolver: Resolver | None = None
        self.failure = ""  # in one line: why we fail it, or what the last comparison of ours was that failed
        self.explained = ""  # what that comparison's text begins with
        self.raised: BaseException | None = None  # with what we fail it
        self.is_by_limits = False  # whether that is for limits that were missed, and for nothing else

    @property
    def plan(self) -> Plan:
        """What its markers demand; made again where a hook added some after its collection."""
        marks = self.run.marks(self.item)
        if self._plan is None or self._marks != marks:
            from .markers import plan_item

            run = self.run
            self._plan, self._marks = plan_item(self.item, run.registry, run.settings), marks
        return self._plan

    @plan.setter
    def plan(self, plan: Plan) -> None:
        self._plan, self._marks = plan, self.run.marks(self.item)

    @property
    def recorder(self) -> Recorder:
        """What it does and sees."""
        if self.recorded is None:
            from ..records.recorder import Recorder

            run, base = self.run, self.run.base
            sections = run.registry.sections if run.describes else None
            nodeid = nodeid_of(self.item, run.config)
            known = (partial(base.between, nodeid), partial(base.ask, nodeid)) if base is not None else ()
            self.recorded = Recorder(nodeid, sections, run.described, run.settings, *known)
        return self.recorded

    @property
    def resolver(self) -> Resolver:
        """Its subjects."""
        if self._resolver is None:
            from .resolve import Resolver

            self._resolver = Resolver(self.item, self.run.settings, self.recorder.subject)
        return self._resolver

    def begin(self) -> None:
        """A rerun starts afresh: what the last attempt saw and described goes with it."""
        self.forget()
        self.run.described -= self.describes
        self.describes.clear()
        properties = self.item.user_properties
        properties[:] = [known for known in properties if not known[0].startswith(PROPERTY)]

    def forget(self) -> None:
        """When it is over."""
        if self.recorded is not None:
            self.describes |= self.recorded.describes
            self.recorded.release()
        self.recorded = self._resolver = None
        self.failure, self.explained, self.raised, self.is_by_limits = "", "", None, False


RUN: pytest.StashKey[Run] = pytest.StashKey()
_STATE: pytest.StashKey[ItemState] = pytest.StashKey()


def run_of(config: pytest.Config) -> Run:
    """The run of this configuration."""
    return config.stash[RUN]


def nodeid_of(node: pytest.Item | pytest.TestReport, config: pytest.Config) -> str:
    """Its node id, the same in every run: without the group that xdist's `--dist=loadgroup` puts behind it."""
    nodeid, option = node.nodeid, config.option
    is_grouped = getattr(option, "dist", "") == "loadgroup" or getattr(option, "loadgroup", False)
    at = nodeid.rfind("@") if is_grouped else -1
    return nodeid[:at] if at > max(nodeid.rfind("]"), nodeid.rfind("::")) else nodeid


def state_of(item: pytest.Item) -> ItemState:
    """The state of a test."""
    if _STATE not in item.stash:
        item.stash[_STATE] = ItemState(run_of(item.config), item)
    return item.stash[_STATE]
