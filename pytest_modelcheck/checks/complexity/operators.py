"""An operator as the counter knows it: how to cost a call, found once per operator."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch

from . import elementwise, fused  # noqa: F401  # fused fills the registry
from .formulas import MACS, OTHER, Arguments, Formula, elements, operator_name
from .traffic import Traffic, everything, traffic_of

if TYPE_CHECKING:  # older torches cannot subscript it
    Overload: TypeAlias = torch._ops.OpOverload[..., object]
    Dispatched: TypeAlias = Overload | torch._ops.HigherOrderOperator


@dataclass(frozen=True)
class Operator:
    """What is known of an operator; with neither formula nor `known` its operations are not counted."""

    name: str
    macs: Formula | None = None
    other: Formula | None = None
    traffic: Traffic | None = None  # None: touches no data
    known: bool = True


def lookup(func: Dispatched) -> Operator | None:
    """How to cost `func` (an overload or a higher-order operator); None: it is made of others, count those."""
    name = operator_name(func)
    listed = _listed(name)
    if listed in MACS:
        return Operator(name, MACS[listed], OTHER.get(listed), everything)
    if isinstance(func, torch._ops.HigherOrderOperator):
        return Operator(name, None, OTHER.get(listed), everything, known=listed in OTHER)
    if listed in elementwise.FREE or _is_view(func) or _is_view_in_place(func):
        return Operator(name)
    if listed in OTHER or listed in elementwise.MOVES:
        return Operator(name, None, OTHER.get(listed), traffic_of(name))
    if torch.Tag.pointwise in func.tags:
        return Operator(name, None, _one_per_output, everything)
    if func._can_decompose():
        return None
    if torch.Tag.reduction in func.tags:
        return Operator(name, None, _one_per_input, everything)
    if name.endswith("_copy") and _is_view_of(name.removesuffix("_copy")):
        return Operator(name, None, None, everything)
    return Operator(name, None, None, everything, known=False)


def _listed(name: str) -> str:
    """The name under which the tables have it: an operator in place costs what the one out of place does."""
    tables = (MACS, OTHER, elementwise.MOVES, elementwise.FREE)
    if name.endswith("_") and not any(name in table for table in tables):
        return name[:-1]
    return name


@functools.cache
def _is_view(func: Overload) -> bool:
    """By its schema; one that is made of others may copy as well: what it is made of says so."""
    views = any(r.alias_info is not None and not r.alias_info.is_write for r in func._schema.returns)
    return views and not func._can_decompose()


@functools.cache
def _is_view_in_place(func: Overload) -> bool:
    name = str(func._schema.name)
    return name.endswith("_") and _is_view_of(name[:-1])


def _is_view_of(name: str) -> bool:
    packet = getattr(torch.ops.aten, name.removeprefix("aten::"), None)
    if not isinstance(packet, torch._ops.OpOverloadPacket):
        return False
    names = packet.overloads()
    return any(_is_view(getattr(packet, overload)) for overload in names)


def _one_per_output(args: Arguments, out: object) -> int:
    return elements(out)


def _one_per_input(args: Arguments, out: object) -> int:
    return elements(args)
