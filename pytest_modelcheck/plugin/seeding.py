"""Random numbers of what subjects need: the same in every run, whatever else runs, unless the user chose a seed.

What a subject needs are the fixtures that it is made of, those that they ask for (in words of `getfixturevalue` too),
and the test's autouse fixtures; in a test that asks for `modelcheck`, to which it can give any model, all its fixtures.
Each draws from a seed of its name. Where the user chose a seed, his stream is left to him; but a test with checks meets
it as if it ran alone: as collection left it, and then its fixtures, also those that are there already.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from types import CodeType
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

import pytest

from ..model.draws import (
    Moment,
    as_at,
    chosen_since,
    go_on,
    moment,
    moved,
    same_draws,
)
from ..model.garbage import uncollected
from .state import state_of

if TYPE_CHECKING:
    from .state import Run

Definition: TypeAlias = pytest.FixtureDef[Any]
SCOPES = ("function", "class", "module", "package", "session")
PLAIN = (str, int, float, bool, type(None))


class Seeding:
    """Hooks around what draws: the import of test files, fixtures, tests."""

    def __init__(self, run: Run) -> None:
        self.run = run
        if run.compared:
            with uncollected():
                import torch  # noqa: F401  # before a test file does: its numbers are to be the same
        self.begin: Moment = moment()
        self.imported: dict[str, Moment] = {}  # by file, with the seeds that its import chose
        self.left: MutableMapping[Definition, Moment] = (
            WeakKeyDictionary()
        )  # as each shared fixture left them
        self.checked: set[pytest.Item] = set()
        self.used: set[Definition] = set()  # by the tests with checks
        self.needed: set[Definition] = set()  # by their subjects
        self.depth = 0  # of fixtures that are needed, and being made
        self.item: pytest.Item | None = None  # the test with checks that runs
        self.met: set[Definition] = set()  # those of its shared fixtures whose draws it has behind it

    @property
    def _is_told(self) -> bool:
        """Whether it is known from the beginning that subjects are described, or compared."""
        return self.run.describes or self.run.compared

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Models that are made while their file is imported; where another run is compared with this one."""
        if not self._is_told or not isinstance(collector, pytest.Module):
            return (yield)
        with as_at(self.begin, keep=True), same_draws("import"):
            report = yield
            self.imported[collector.nodeid] = {**self.begin, **chosen_since(self.begin)}
            return report

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if not self._is_told:
            self.begin = moment()
        for item in session.items:
            names = getattr(item, "fixturenames", ())
            if self.run.marks(item) or "modelcheck" in names:
                self.checked.add(item)
                self.used.update(_definitions(item, names))
                self.needed.update(_needed(item))
        self.used |= self.needed

    def _begin(self, item: pytest.Item) -> Moment:
        module = item.getparent(pytest.Module)
        return self.imported.get(module.nodeid, self.begin) if module is not None else self.begin

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        if item not in self.checked:
            return (yield)
        self.item = item
        self.met.clear()
        try:
            with as_at(self._begin(item)):
                return (yield)
        finally:
            self.item = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        __tracebackhide__ = True  # of what others' hooks raise
        if self.item is not None:
            self._go_on(self.item, self._begin(self.item), "function")
        return (yield)

    def _go_on(self, item: pytest.Item, begin: Moment, scope: str) -> None:
        """Meet what the test's fixtures left that are there already; `scope`: theirs is as wide, at least."""
        there = set(_definitions(item, getattr(item, "fixturenames", ())))
        wide = [
            made for made in self.left if made in there and SCOPES.index(made.scope) >= SCOPES.index(scope)
        ]
        fresh = [made for made in wide if made.cached_result is not None and made not in self.met]
        self.met.update(fresh)
        if fresh:
            go_on(begin, self.left[fresh[-1]])

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: Definition, request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        __tracebackhide__ = True  # of a fixture that raises
        if fixturedef not in self.used and not self.depth:
            return (yield)
        with self._alone(fixturedef, request._pyfuncitem), self._seeded(fixturedef, request):
            before = moment()
            value = yield
            after = moment()
            self.left.pop(fixturedef, None)
            if fixturedef.scope != "function" and moved(before, after):
                self.left[fixturedef] = after  # the last one made comes last
                self.met.add(fixturedef)
            return value

    @contextmanager
    def _alone(self, fixturedef: Definition, item: pytest.Item) -> Iterator[None]:
        """A shared fixture that a test without checks happens to ask for first is made as for one with checks."""
        scope, begin = fixturedef.scope, self._begin(item)
        if item is self.item:
            self._go_on(item, begin, scope)
            yield
        elif scope == "function":
            yield
        else:
            self.met.clear()
            with as_at(
                {**begin, **chosen_since(begin)}, keep=True
            ):  # seeds that plugins choose for each test
                self._go_on(item, begin, scope)
                yield

    @contextmanager
    def _seeded(self, fixturedef: Definition, request: pytest.FixtureRequest) -> Iterator[None]:
        """A fixture that a subject needs, and all that it asks for while it is made."""
        if fixturedef not in self.needed and not self.depth:
            yield
            return
        from ..model.loading import loading_watched  # and torch, whose first numbers are to be the same too

        self.depth += 1
        try:
            with same_draws(_seed_name(fixturedef, request)), loading_watched():
                yield
        finally:
            self.depth -= 1


def _definitions(node: pytest.Item, names: Iterable[str]) -> list[Definition]:
    """All fixtures of these names that the test sees, overridden ones too."""
    manager = node.session._fixturemanager
    return [definition for name in names for definition in manager.getfixturedefs(name, node) or ()]


def _needed(item: pytest.Item) -> set[Definition]:
    """The fixtures that the test's subjects need."""
    plan, names = state_of(item).plan, list(getattr(item, "fixturenames", ()))
    if "modelcheck" in names:
        roots = [*names, *(_mentioned(getattr(item, "obj", None)) if "request" in names else ())]
    else:
        asked = [name for demand in plan.demands for name in demand.source.fixtures]
        roots = [*asked, *item.session._fixturemanager._getautousenames(item)]
    found: set[Definition] = set()
    while roots:
        for definition in _definitions(item, [roots.pop()]):
            if definition not in found:
                found.add(definition)
                roots += _asked(definition)
    return found


def _asked(definition: Definition) -> Iterator[str]:
    """The names of fixtures that a fixture asks for, or perhaps does by `request.getfixturevalue`."""
    yield from definition.argnames
    if "request" in definition.argnames:
        yield from _mentioned(definition.func)
        yield from (value for value in definition.params or () if isinstance(value, str))


def _mentioned(function: object) -> Iterator[str]:
    """The strings in a function's code."""
    codes = [getattr(getattr(function, "__func__", function), "__code__", None)]
    while codes:
        for value in getattr(codes.pop(), "co_consts", ()):
            if isinstance(value, str):
                yield value
            elif isinstance(value, CodeType):
                codes.append(value)


def _seed_name(fixturedef: Definition, request: pytest.FixtureRequest) -> str:
    """Name, parameter, and how many fixtures of the name it overrides: not the file, which may move."""
    name, param = fixturedef.argname, getattr(request, "param", None)
    same = _definitions(request._pyfuncitem, [name])
    overridden = same.index(fixturedef) if fixturedef in same else 0
    known = (
        param if isinstance(param, PLAIN) else getattr(param, "__name__", getattr(request, "param_index", 0))
    )
    return f"fixture {name} {known!r} {overridden}"
