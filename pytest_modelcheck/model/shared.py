"""One model in many tests is measured once: a measurement is shared for as long as it could not be another.

It is kept as long as its module lives, and found by the digest of all that it can depend on (`state/digest.py`): a
model that changed in between, in whatever way, is measured again, and so is one that holds what has no digest.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from torch import nn
from torch.utils.weak import WeakIdKeyDictionary

from .state.digest import digest
from .state.process import moved_generators

if TYPE_CHECKING:
    from .subject import Subject

Made = TypeVar("Made")
Measure: TypeAlias = Callable[..., Made]
Key: TypeAlias = tuple[Measure[Any], str, str]  # what measures, what it depends on, the digest of that
MOST = 64  # measurements of one model in its different states
SHAPES, VALUES, DRAWS = "shapes", "values", "draws"  # each depends on all that those before do
_KEPT: MutableMapping[nn.Module, dict[Key, Any]] = WeakIdKeyDictionary()


def shared(
    *,
    by_shapes: Callable[[Any], bool] = lambda result: False,
    fits: Callable[[Any], bool] = lambda result: True,
    also: Callable[[], object] = lambda: None,
) -> Callable[[Measure[Made]], Measure[Made]]:
    """For a function of a subject and of options: its result is shared by calls that would give the same.

    That is so for the same module in the same state with the same inputs and options. `by_shapes(result)`: the values
    of weights cannot have mattered to it. `fits(result)`: it is small enough to be kept. `also()`: what else it depends
    on. An option `decided` is asked whether it is content with a result that is there.
    """

    def decorate(measure: Measure[Made]) -> Measure[Made]:
        @functools.wraps(measure)
        def measured(subject: Subject, **options: Any) -> Made:
            module, decided = subject.architecture, options.get("decided")
            given = {name: value for name, value in options.items() if name != "decided"}
            kept = _KEPT.setdefault(module, {})
            keys = _Keys(measure, subject, module, (given, also()))
            for key in keys.of({depends for made, depends, _ in kept if made is measure}):
                if key in kept and (decided is None or decided(kept[key])):
                    return copy.copy(kept[key])  # type: ignore[no-any-return]
            before = moved_generators()
            result = measure(subject, **options)
            depends = VALUES if moved_generators() == before else DRAWS
            depends = SHAPES if by_shapes(result) else depends
            for key in keys.of({depends}) if subject.architecture is module and fits(result) else ():
                while len(kept) >= MOST:
                    del kept[next(iter(kept))]
                kept[key] = copy.copy(
                    result
                )  # the caller's is its own: whose it is may be remembered with it
            return result

        return measured

    return decorate


class _Keys:
    """The keys of one call, each made once."""

    def __init__(self, measure: Measure[Any], subject: Subject, module: nn.Module, also: object) -> None:
        self.measure, self.module = measure, module
        inputs = [(given.args, dict(given.kwargs)) for given in (subject.inputs, subject.values) if given]
        self.given = (subject.name, inputs, also)
        self._made: dict[str, str | None] = {}

    def of(self, wanted: set[str]) -> Iterator[Key]:
        """Those of what a result may depend on; none where something has no digest."""
        for depends in (SHAPES, VALUES, DRAWS):
            if depends in wanted:
                if depends not in self._made:
                    values, draws = depends != SHAPES, depends == DRAWS
                    self._made[depends] = digest(self.module, self.given, values=values, draws=draws)
                if (state := self._made[depends]) is not None:
                    yield self.measure, depends, state
