"""What can be asked of any model without a limit: the tests of `--modelcheck-model`, and what `init` writes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from ..errors import MissingExtraError


@dataclass(frozen=True)
class Mark:
    """A marker as a user would write it."""

    name: str
    args: Sequence[object] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)


def _none(check: Any) -> Sequence[Mark]:
    return ()


@dataclass(frozen=True)
class Trial:
    """A test of a model, by the name `name`.

    It has the markers `marks`, and then runs `body` with a ModelCheck, which returns what it saw, the gist in the first
    line, and raises ModelCheckError where something is wrong. Without either it is no test, and only says what `init`
    writes: `budgets(check)` are markers that today's figures meet; `snapshot` a method of ModelCheck whose result a
    fixture of ours compares with a stored file, and that fixture. `words`: what else `--modelcheck-only` may call it.
    `packages` are needed, and come with the extra `extra`.
    """

    name: str
    body: Callable[[Any], str] | None = None
    marks: Sequence[Mark] = ()
    words: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    extra: str = ""
    budgets: Callable[[Any], Sequence[Mark]] = _none
    snapshot: tuple[str, str] | None = None

    @property
    def is_test(self) -> bool:
        """Whether there is something to run."""
        return self.body is not None or bool(self.marks)

    @property
    def has_budgets(self) -> bool:
        """Whether `init` has markers to write."""
        return self.budgets is not _none

    @property
    def missing(self) -> str:
        """Which package is not installed, and the command that installs it; "" where all are there."""
        for package in self.packages:
            if find_spec(package) is None:
                return str(MissingExtraError(package, self.extra, self.name))
        return ""
