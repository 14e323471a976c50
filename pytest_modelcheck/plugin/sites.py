"""Where the markers of tests stand in the source, as pytest has them: on definitions, at parameters, added by hooks."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest
from _pytest.mark import ParameterSet

from ..demand.check import Catalogue
from ..records.types import SiteEntry
from ..updating.locate import Locator, Parameter
from ..verdict.limit import Place
from .injection import marks_of
from .markers import Owner, placed_marks

CONFTEST = "conftest.py"
Site = SiteEntry | None
Key = tuple[int, ...]  # a definition and its marks, by identity


class Sites:
    """The calls that made the markers of tests."""

    def __init__(self, config: pytest.Config) -> None:
        self.config, self.locator = config, Locator(config.rootpath)
        self._known: dict[Key, tuple[object, Sequence[pytest.Mark], list[Site]]] = {}  # held: ids come again
        self._made: dict[int, list[SiteEntry]] = defaultdict(list)  # by the identity of a mark

    def learn(self, item: pytest.Item, catalogue: Catalogue) -> None:
        """Find the calls that made the markers of a test: another one may have the same, where they cannot be seen."""
        for placed in placed_marks(item, catalogue):
            self._of_owner(item, placed.owner)

    def of(self, item: pytest.Item, catalogue: Catalogue) -> Mapping[Place, Site]:
        """By the places of the test's markers."""
        found: dict[Place, Site] = {}
        for placed in placed_marks(item, catalogue):
            owner, place = placed.owner, placed.place
            numbers = [number for number, mark in enumerate(owner.marks) if mark.name == place.marker]
            site = self._of_owner(item, owner)[numbers[place.index]]
            found[place] = site or self._elsewhere(placed.mark)
        return found

    def _elsewhere(self, mark: pytest.Mark) -> Site:
        """The one call that made this object, seen where another definition has it: `Base.pytestmark + [...]`."""
        made = self._made[id(mark)]
        return made[0] if made and all(site == made[0] for site in made) else None

    def _of_owner(self, item: pytest.Item, owner: Owner) -> list[Site]:
        """Those of all its marks."""
        definition = getattr(
            owner.definition, "__func__", owner.definition
        )  # a method is another object each time
        key = (id(definition), *map(id, owner.marks))
        if key not in self._known:
            sites = self._located(item, definition, owner.marks)
            self._known[key] = (definition, owner.marks, sites)
            for mark, site in zip(owner.marks, sites, strict=True):
                if site is not None and (mark.args or mark.kwargs):  # a bare one is no call's own
                    self._made[id(mark)].append(site)
        return self._known[key][2]

    def _located(self, item: pytest.Item, definition: object, marks: Sequence[pytest.Mark]) -> list[Site]:
        left: dict[int, list[Site]] = defaultdict(list)
        pairs = self._on(definition, marks) if definition is not None else self._in_parameters(item, marks)
        for mark, site in pairs:
            left[id(mark)].append(site)
        return [
            left[id(mark)].pop(0) if left[id(mark)] else self.locator.added(self._modules(item), mark)
            for mark in marks
        ]

    def _on(self, definition: object, marks: Sequence[pytest.Mark]) -> Iterator[tuple[pytest.Mark, Site]]:
        """Of those that stand on the definition itself; a hook has added the others."""
        there = Counter(map(id, _own(definition)))
        standing = [mark for mark in marks if id(mark) in there]
        yield from zip(standing, self.locator.sites(definition, standing), strict=True)

    def _in_parameters(
        self, item: pytest.Item, marks: Sequence[pytest.Mark]
    ) -> Iterator[tuple[pytest.Mark, Site]]:
        """Of those in `pytest.param(marks=)`."""
        ours = {id(mark) for mark in marks}
        for parameter, known in _parameters(item):
            if ours & set(map(id, known)):
                yield from zip(known, self.locator.of_parameter(parameter, known), strict=True)

    def _modules(self, item: pytest.Item) -> Iterator[ModuleType]:
        """Where a hook or a fixture may stand that adds markers."""
        plugins = [*self.config.pluginmanager.get_plugins(), getattr(item, "module", None)]
        for plugin in plugins:
            if isinstance(plugin, ModuleType):
                file = Path(getattr(plugin, "__file__", None) or "")
                if file.name == CONFTEST or plugin is plugins[-1]:
                    yield plugin


def _own(definition: object) -> list[pytest.Mark]:
    return marks_of(vars(definition).get("pytestmark", ())) if hasattr(definition, "__dict__") else []


def _parameters(item: pytest.Item) -> Iterator[tuple[Parameter, list[pytest.Mark]]]:
    """The values of a test's `parametrize`, and of its fixtures, that have marks, with these."""
    for values, parameter in _parametrized(item):
        sets = list(values) if isinstance(values, (list, tuple)) else []
        for number, value in enumerate(sets):
            if isinstance(value, ParameterSet) and value.marks:
                yield parameter._replace(number=number, size=len(sets)), marks_of(list(value.marks))


def _parametrized(item: pytest.Item) -> Iterator[tuple[object, Parameter]]:
    for node in item.listchain():
        owner = getattr(node, "obj", None)
        for definition in owner.__mro__ if isinstance(owner, type) else [getattr(owner, "__func__", owner)]:
            own = [mark for mark in _own(definition) if mark.name == "parametrize"]
            for mark in own:
                values = mark.args[1] if len(mark.args) > 1 else mark.kwargs.get("argvalues", ())
                yield values, Parameter(definition, mark, own, 0, 0)
    fixtures = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    for fixture in itertools.chain.from_iterable(fixtures.values()):
        yield fixture.params, Parameter(fixture.func, None, (), 0, 0)
