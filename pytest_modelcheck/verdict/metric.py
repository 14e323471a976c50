"""What is measured: a metric's name in the record, its unit, its title, and which definition of it counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .units import Unit

Nature = Literal["figure", "time", "distance", "comparison"]


@dataclass(frozen=True)
class Definition:
    """Which definition a figure, a section or a stored file follows: `version`, in force since release `since`.

    Figures of different versions are never compared: one of them was counted differently.
    """

    version: int = 1
    since: str = "0.1"

    def refusal(self, other: int) -> str:
        """Why a figure of version `other` says nothing beside one of this; empty if it does."""
        return "" if other == self.version else f"counted differently since {self.since}: not compared"


FIRST = Definition()
_OPTION = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Metric:
    """One kind of value.

    `nature`: a "figure" is the same in each run of the same code; a "time" is not; a "distance" (an error, a number of
    differing lines) of one run says nothing beside another's; a "comparison" stands for base and head by itself.
    `more` says whether a larger value is "worse" or "better". `title`: for people; it may name options
    ("{transform} shift"). `breach`: a missed limit in words, where the value says little: "structure differs from its
    snapshot".
    """

    name: str
    unit: Unit
    title: str = ""
    nature: Nature = "figure"
    more: Literal["worse", "better"] = "worse"
    breach: str = field(default="", compare=False)
    definition: Definition = field(default=FIRST, compare=False)

    @property
    def words(self) -> str:
        """The title, without options."""
        return _OPTION.sub("", self.title).strip() or self.name.replace("_", " ")

    def told(self, options: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
        """The title, for people, with the options that it names; and the other options."""
        named = _OPTION.findall(self.title)
        if not named or any(options.get(name) is None for name in named):
            return self.words, options
        words = _OPTION.sub(lambda match: str(options[match[1]]), self.title)
        return words, {key: value for key, value in options.items() if key not in named}
