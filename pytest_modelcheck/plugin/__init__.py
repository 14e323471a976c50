"""pytest's entry: options, markers, fixtures, and the parts of the plugin, each registered when it is needed.

options      what the command line and ini files say
spotting     looks whether a test has to do with us; the first one wakes the rest
collection   gives tests their fixtures, reads markers, tells mistakes
seeding      has what subjects need draw the same random numbers in every run
running      enforces what a test's markers demand
explaining   says what failed comparisons with snapshots are about
reporting    collects what tests saw; record, terminal, GitHub
models       the tests of --modelcheck-model
session      the base revision, xdist
updating     writes limits into the source
state        what belongs to a run, and to a test

What a suite without checks never needs is imported where it is needed: pytest's start must not pay for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest

from ..checks.registry import default_registry
from ..demand import SUBJECT
from ..errors import RegistrationError
from ..model import begun as begun  # now: conftest files may seed python's generator
from . import options
from .fixtures import complexity_snapshot as complexity_snapshot
from .fixtures import heatmap_snapshot as heatmap_snapshot
from .fixtures import modelcheck as modelcheck
from .fixtures import output_snapshot as output_snapshot
from .fixtures import structure_snapshot as structure_snapshot
from .session import Session
from .spotting import SNAPSHOTS, Spotting
from .state import RUN, Run

if TYPE_CHECKING:
    from ..checks.registry import Registry


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
    try:
        config.hook.pytest_modelcheck_register(registry=registry)
    except RegistrationError as error:
        raise pytest.UsageError(f"pytest_modelcheck_register: {error}") from error
    for line in _marker_lines(config, registry):
        config.addinivalue_line("markers", line)
    run = config.stash[RUN] = Run(config, registry, options.settings(config))
    options.refuse_unknown(run.settings.only, lambda: [*registry.words, *SNAPSHOTS])
    run.parts = _PARTS
    awake = ("collection", "seeding", "running", "explaining")
    run.woken = awake if run.is_worker else (*awake, "reporting")
    run.register("session", "spotting")
    if run.settings.model:
        run.register("models")
    if run.settings.updates:
        run.register("updating")
    distributes = not run.is_worker and getattr(config.option, "dist", "no") != "no"
    if distributes or (run.describes and not run.is_worker):
        run.register("reporting")


def _collection(run: Run) -> object:
    from .collection import Collection

    return Collection(run)


def _seeding(run: Run) -> object:
    from .seeding import Seeding

    return Seeding(run)


def _running(run: Run) -> object:
    from .running import Running

    return Running(run)


def _explaining(run: Run) -> object:
    from .explaining import Explaining

    return Explaining(run)


def _reporting(run: Run) -> object:
    from .reporting import Reporting

    return Reporting(run)


def _models(run: Run) -> object:
    from .models import Models

    return Models(run)


def _updating(run: Run) -> object:
    from .updating import Updating

    updating = Updating(run)
    run.bounds = updating.bounds
    return updating


_PARTS: Mapping[str, Callable[[Run], object]] = {
    "session": Session,
    "models": _models,
    "spotting": Spotting,
    "collection": _collection,
    "seeding": _seeding,
    "running": _running,
    "explaining": _explaining,
    "reporting": _reporting,
    "updating": _updating,
}


def _marker_lines(config: pytest.Config, registry: Registry) -> list[str]:
    """What `pytest --markers` prints; without that option the names are enough."""
    if not config.option.markers:
        return [f"{name}(...): see pytest --markers" for name in (SUBJECT, *registry.names)]
    from ..demand.markers import marker_lines

    return marker_lines(registry.checks.values())
