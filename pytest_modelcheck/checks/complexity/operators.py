"""An operator as the counter knows it: how to cost a call, found once per operator."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch

from . import algebra, elementwise, fused, movement  # noqa: F401  # they fill the registry
from .formulas import MACS, OTHER, REGISTERED_TRAFFIC, Arguments, Formula, OneList, elements, operator_name
from .traffic import Traffic, everything, traffic_of

if TYPE_CHECKING:  # older torches cannot subscript it
    Overload: TypeAlias = torch._ops.OpOverload[..., object]
    Dispatched: TypeAlias = Overload | torch._ops.HigherOrderOperator


_REDUCTION = getattr(torch.Tag, "reduction", None)  # torch 2.6 has no such tag


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
    macs = MACS.get(listed) or _torchs_own(func, listed)
    if macs or isinstance(func, torch._ops.HigherOrderOperator):
        known = macs is not None or listed in OTHER or name in REGISTERED_TRAFFIC
        return Operator(name, macs, OTHER.get(listed), traffic_of(name), known)
    if name.startswith(
        "prim::"
    ):  # questions about a tensor (its layout, its device), unknown to the dispatcher
        return Operator(name)
    if listed in movement.FREE or _is_view(func) or _is_view_in_place(func):
        return Operator(name)
    if listed in OTHER or listed in movement.MOVES or name in REGISTERED_TRAFFIC:
        return Operator(name, None, OTHER.get(listed), traffic_of(name))
    if _is_pointwise(func):
        return Operator(name, None, _one_per_output, everything)
    if func._can_decompose():
        return None
    if _REDUCTION in func.tags:
        return Operator(name, None, _one_per_input, everything)
    if name.startswith("aten::_foreach_"):
        return Operator(name, None, _one_per_element, traffic_of(name))
    if name.endswith("_copy") and _is_view_of(name.removesuffix("_copy")):
        return Operator(name, None, None, everything)
    return Operator(name, None, None, everything, known=False)


def _listed(name: str) -> str:
    """The name under which the tables have it: an operator in place costs what the one out of place does."""
    tables = (MACS, OTHER, movement.MOVES, movement.FREE)
    if name.endswith("_") and not any(name in table for table in tables):
        return name[:-1]
    return name


def _torchs_own(func: Dispatched, listed: str) -> Formula | None:
    """A formula for torch's own counter, where there is none of ours: it counts two FLOPs for each product."""
    counter = sys.modules.get("torch.utils.flop_counter")  # else nobody can have registered one
    formula = counter.flop_registry.get(getattr(func, "overloadpacket", func)) if counter else None
    if formula is None or any(listed in table for table in (OTHER, movement.MOVES, movement.FREE)):
        return None
    schema = getattr(func, "_schema", None)
    keywords = [a.name for a in schema.arguments if a.kwarg_only and not a.is_out] if schema else []

    def macs(args: Arguments, out: object) -> int:
        positional = len(args) - len(keywords)
        named = dict(zip(keywords, args[positional:], strict=True))
        return int(formula(*args[:positional], **named, out_val=out)) // 2

    return macs


def _is_pointwise(func: Overload) -> bool:
    return torch.Tag.pointwise in func.tags or _is_pointwise_elsewhere(func)


@functools.cache
def _is_pointwise_elsewhere(func: Overload) -> bool:
    """Some have the tag out of place alone, and torch's own primitives have none."""
    library, name = str(func._schema.name).split("::", 1)
    if library == "aten" and not name.endswith("_"):
        return False
    packet = getattr(torch.ops.aten, name.removesuffix("_"), None)
    if library not in ("aten", "prims") or not isinstance(packet, torch._ops.OpOverloadPacket):
        return False
    overloads = (getattr(packet, overload) for overload in packet.overloads())
    alike = (o for o in overloads if library == "prims" or o._overloadname == func._overloadname)
    return any(torch.Tag.pointwise in overload.tags for overload in alike)


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


def _one_per_element(args: OneList, out: object) -> int:
    """Of a list of tensors."""
    return sum(map(elements, args[0]))
