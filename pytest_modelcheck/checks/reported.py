"""Reported: a result that a section of the report tells of, and that a notebook shows as the report does."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, get_origin

from ..drawing.notebook import in_notebook
from ..records.plain import plain

if TYPE_CHECKING:
    from ..records.section import Drawn, Section


class Reported:
    """A result of a check; `section` is the name of what the report tells it in."""

    section: ClassVar[str]

    def to_dict(self) -> Mapping[str, Any]:
        """As the record holds it."""
        raise NotImplementedError

    def _also(self) -> Iterable[Reported]:
        """What it holds that has a panel of its own."""
        return ()

    def _repr_html_(self) -> str:
        shown: Sequence[Reported] = [self, *self._also()]
        styles = [style for one in shown for style in _panel(one).styles]
        return in_notebook(map(_drawn, shown), styles)


@functools.cache
def _sections() -> Mapping[str, Section]:
    from .registry import default_registry

    return default_registry().sections


def _panel(result: Reported) -> Drawn:
    panel = _sections()[result.section].panel
    assert panel is not None
    return panel


def _drawn(result: Reported) -> str:
    """Its panel, of a section that holds nothing else: no test, no check. `still`: no script will draw a picture."""
    section = _sections()[result.section]
    entry = plain({**result.to_dict(), "nodeid": None})
    content = [entry] if get_origin(section.type) is list else entry
    subject = {"id": "", "checks": [], section.name: content}
    context = {"s": subject, "thin": 0, "costs": {}, "spreads": [], "still": True}
    return _panel(result).render(content, context)
