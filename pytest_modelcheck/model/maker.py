"""Whose a result is, where no test keeps account of it: made by hand, in a fixture of the user's own, in a notebook."""

from __future__ import annotations

import weakref
from contextlib import suppress
from functools import partial
from typing import Any

from .subject import Subject

_SUBJECTS: dict[
    int, tuple[weakref.ref[object], Subject]
] = {}  # by the result's identity, as long as it lives


def remember(result: object, subject: Subject) -> None:
    """Note that `result` is of `subject`."""
    forget = partial(_forget, _SUBJECTS, id(result))  # bound: globals may be gone at the interpreter's end
    with suppress(TypeError):  # of a kind without weak references: no snapshot compares one
        _SUBJECTS[id(result)] = weakref.ref(result, forget), subject


def _forget(known: dict[int, Any], key: int, gone: object) -> None:
    known.pop(key, None)


def subject_of(result: object) -> Subject | None:
    """The subject that was noted; None for any other object."""
    found = _SUBJECTS.get(id(result))
    return found[1] if found is not None and found[0]() is result else None
