"""Where the markers of tests stand in the source, as pytest has them: on definitions, at parameters, added by hooks."""

from __future__ import annotations

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

    def of(self, item: pytest.Item, catalogue: Catalogue) -> Mapping[Place, Site]:
        """By the places of the test's markers."""
        found: dict[Place, Site] = {}
        for placed in placed_marks(item, catalogue):
            owner, place = placed.owner, placed.place
            numbers = [number for number, mark in enumerate(owner.marks) if mark.name == place.marker]
            found[place] = self._of_owner(item, owner)[numbers[place.index]]
        return found

    def _of_owner(self, item: pytest.Item, owner: Owner) -> list[Site]:
        """Those of all its marks."""
        definition = getattr(
            owner.definition, "__func__", owner.definition
        )  # a method is another object each time
        key = (id(definition), *map(id, owner.marks))
        if key not in self._known:
            sites = self._located(item, definition, owner.marks)
            self._known[key] = (definition, owner.marks, sites)
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
    """The values of a test's `parametrize` that have marks, with these."""
    for node in item.listchain():
        owner = getattr(node, "obj", None)
        for definition in owner.__mro__ if isinstance(owner, type) else [getattr(owner, "__func__", owner)]:
            own = [mark for mark in _own(definition) if mark.name == "parametrize"]
            for mark in own:
                values = mark.args[1] if len(mark.args) > 1 else mark.kwargs.get("argvalues", ())
                sets = list(values) if isinstance(values, (list, tuple)) else []
                for number, value in enumerate(sets):
                    if isinstance(value, ParameterSet) and value.marks:
                        yield (
                            Parameter(definition, mark, own, number, len(sets)),
                            marks_of(list(value.marks)),
                        )
