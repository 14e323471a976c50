"""Formulas of the user's: what they give is looked at before it is counted."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...errors import MeasurementError


def checked_amount(formula: Callable[..., Any]) -> Callable[[Any, Any], int]:
    """One that must give a whole number from 0 on. Raises TypeError where it does not take (args, out)."""
    _refuse_other_arguments(formula)

    @functools.wraps(formula)
    def checked(args: Any, out: Any) -> int:
        value = formula(args, out)
        amount = _whole(value)
        if amount is None:
            raise _unusable(formula, value, "a whole number from 0 on")
        return amount

    return checked


def checked_pair(formula: Callable[..., Any]) -> Callable[[Any, Any], tuple[Any, Any]]:
    """One that must give what is read and what is written: tensors, or bytes. Raises TypeError as above."""
    _refuse_other_arguments(formula)

    @functools.wraps(formula)
    def checked(args: Any, out: Any) -> tuple[Any, Any]:
        value = formula(args, out)
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise _unusable(formula, value, "a pair: what is read, and what is written")
        return _side(formula, value[0]), _side(formula, value[1])

    return checked


def _side(formula: Callable[..., Any], value: Any) -> Any:
    if isinstance(value, (Tensor, tuple, list, dict, torch.ScriptObject)):
        return value
    amount = _whole(value)
    if amount is None:
        raise _unusable(formula, value, "tensors, or a number of bytes from 0 on")
    return amount


def _whole(value: Any) -> int | None:
    if isinstance(value, float):
        return int(value) if value.is_integer() and value >= 0 else None
    try:
        amount = operator.index(value)
    except (TypeError, ValueError, RuntimeError):
        return None
    return amount if amount >= 0 and not isinstance(value, bool) else None


def _unusable(formula: Callable[..., Any], value: object, wanted: str) -> MeasurementError:
    code = getattr(inspect.unwrap(formula), "__code__", None)
    place = f" at {code.co_filename}:{code.co_firstlineno}" if code else ""
    name = getattr(formula, "__name__", "")
    return MeasurementError(f"the formula {name!r}{place} gave {value!r:.80}; it must give {wanted}")


def _refuse_other_arguments(formula: Callable[..., Any]) -> None:
    try:
        inspect.signature(formula).bind(None, None)
    except ValueError:  # it has no signature
        return
    except TypeError as error:
        raise TypeError(f"a formula takes two arguments, (args, out): {error}") from error
