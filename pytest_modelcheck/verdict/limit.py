"""What one marker demands of one metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .metric import Metric
from .units import RATIO, Unit


@dataclass(frozen=True)
class Place:
    """Where a marker stands: the node id of the test, class or module that has it, the marker's name, and which one of
    that name it is there.
    """

    node: str = ""
    marker: str = ""
    index: int = 0


@dataclass(frozen=True)
class Limit:
    """A range in base units, or (`max_regression`) a share above the base.

    `options` are the measuring options, `reason` is the user's own word for why the limit is what it is, `where` is
    the marker's file and line (for people), `place` says the same in a way that edits do not move. `replaces`: limits
    farther from the test that hold no more. `written`: by kind, bounds as the user wrote them (`Unit.spelled`).
    A bound that is still to be written into the marker is without end.
    """

    metric: Metric
    max: float | None = None
    min: float | None = None
    max_regression: float | None = None
    level: str = "fail"
    options: Mapping[str, object] = field(default_factory=dict)
    where: str = ""
    place: Place = Place()
    reason: str = ""
    replaces: tuple[str, ...] = ()
    written: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def unit(self) -> Unit:
        """The metric's."""
        return self.metric.unit

    @property
    def is_blank(self) -> bool:
        """Whether it is only measured: the figure is to be written into the marker."""
        return self.max == math.inf or self.min == -math.inf

    @property
    def shown(self) -> Unit:
        """The one in which it was written: what is told beside it is told in the same."""
        spelled = next(filter(None, self.written.values()), "")
        return self.unit.written(spelled)

    @property
    def bounds(self) -> Sequence[str]:
        """The kinds of bound that it sets."""
        given = {"max": self.max, "min": self.min, "max_regression": self.max_regression}
        return [kind for kind, value in given.items() if value is not None]

    def without(self, kind: str) -> Limit:
        """The limit without one of its bounds."""
        left: dict[str, Any] = {kind: None}
        return replace(self, **left)

    def __str__(self) -> str:
        if self.max_regression is not None:
            return f"max {RATIO.format(self.max_regression)} {self._from} the base"
        return self._bounds("min", "max")

    @property
    def short(self) -> str:
        """For a column: "<= 1.7 GMACs", ">= 30 %", "<= +2 % of base"."""
        if self.max_regression is not None:
            share = RATIO.format(self.max_regression)
            return f"<= {share} from base" if self._from == "from" else f"<= +{share} of base"
        return self._bounds(">=", "<=")

    @property
    def _from(self) -> str:
        """A distance is one from the base; what has a value at the base may lie above that."""
        return "from" if self.metric.nature == "distance" else "above"

    def _bounds(self, least: str, most: str) -> str:
        if self.unit.none and self.max == 0:
            return self.unit.none
        bounds = [("min", least, self.min), ("max", most, self.max)]
        return ", ".join(
            f"{word} {self.written.get(kind) or self._amount(value)}"
            for kind, word, value in bounds
            if value is not None
        )

    def _amount(self, value: float) -> str:
        return self.unit.format(value) if math.isfinite(value) else "to be written"

    @property
    def has_line(self) -> bool:
        """Whether a line below the relative limit decides, so that what is as large as the limit is not missed."""
        return self.max_regression is not None and self.max is not None
