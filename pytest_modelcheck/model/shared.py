"""One model in many tests is measured once: a measurement is shared for as long as it cannot be another.

It is kept as long as its module lives. Only what is the same each time is shared, never a time.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from torch import nn
from torch.utils.weak import WeakIdKeyDictionary

from .state.digest import digest

if TYPE_CHECKING:
    from .subject import Subject

Made = TypeVar("Made")
Key: TypeAlias = tuple[
    Callable[..., Any], bool, str
]  # what measures, whether values belong to the state, the state
MOST = 32  # measurements of one model in different states
_KEPT: MutableMapping[nn.Module, dict[Key, Any]] = WeakIdKeyDictionary()


def shared(
    by_shapes: Callable[[Any], bool] = lambda result: False,
) -> Callable[[Callable[..., Made]], Callable[..., Made]]:
    """For a function of a subject and of options: its result is shared by calls that would give the same.

    That is so for the same module in the same state with the same inputs and options; `by_shapes(result)` says that
    the values of weights cannot have mattered to it.
    """

    def decorate(measure: Callable[..., Made]) -> Callable[..., Made]:
        @functools.wraps(measure)
        def measured(subject: Subject, **options: Any) -> Made:
            module = subject.architecture
            given = None if subject.inputs is None else (subject.inputs.args, dict(subject.inputs.kwargs))
            kept = _KEPT.setdefault(module, {})

            def key(values: bool) -> Key | None:
                state = digest(module, (options, given, subject.name), values=values)
                return None if state is None else (measure, values, state)

            quick = key(False)
            if quick in kept:
                return kept[quick]  # type: ignore[no-any-return]
            exact = key(True) if any(values for _, values, _ in kept) else None
            if exact in kept:
                return kept[exact]  # type: ignore[no-any-return]
            result = measure(subject, **options)
            if subject.architecture is module and (
                where := quick if by_shapes(result) else exact or key(True)
            ):
                while len(kept) >= MOST:
                    del kept[next(iter(kept))]
                kept[where] = result
            return result

        return measured

    return decorate
