"""How the record holds a drift, and what base and head say of their answers."""

from __future__ import annotations

from typing import Any

from typing_extensions import NotRequired, TypedDict

from ...records.types import Number


class DriftRow(TypedDict):
    """One tensor of the output on both sides. Errors are relative to its largest magnitude on this side; of whole
    numbers and truth values they are the share of elements that differ. `nan`, `inf`: how many, the other's first.
    `problem`: why it has no error ("shape 1x10 there, 1x12 here").
    """

    path: str
    shape: list[int]
    dtype: str
    max_error: Number
    mean_error: Number
    equal: Number
    nan: list[int]
    inf: list[int]
    problem: str


class ModuleError(TypedDict):
    """A call of a module, by its name or "(the model itself)", in the order in which calls end: how far its output is
    apart, the root mean square relative to the output's; `error` is estimated from a projection. `received`: the same
    of its inputs.
    """

    module: str
    call: int
    error: Number
    received: Number


class DriftEntry(TypedDict):
    """What `Drift.to_dict()` gives. `against`: a variant ("bfloat16"), "base", or what the other module is.

    `positions`: how many have an arg-max, of which `agreed` have the same. `incomparable`: why there is no error at
    all; `vacuous`: why agreement proves nothing. `notes`: what to know besides (weights without a partner). `stands`:
    of a base whose weights, buffers or inputs are not this tree's, how far both are apart as they stand, in words.
    `shown`: both outputs side by side (`pictures.side_by_side`). `nodeid` is None for what no test asked for.
    """

    against: str
    max_error: Number
    mean_error: Number
    agreement: Number
    positions: int
    agreed: int
    bit_for_bit: bool
    first_module: str | None
    modules: list[ModuleError]
    outputs: list[DriftRow]
    vacuous: str
    incomparable: str
    notes: list[str]
    stands: str
    shown: list[Any]
    nodeid: NotRequired[str | None]


class AnswersEntry(TypedDict):
    """What a subject answers as it stands, in digests: equal ones on two sides are equal bit for bit.

    `weights`: of parameters, and of buffers that a checkpoint holds; `silence`: why the outputs say nothing; `reason`:
    why there is none.
    """

    weights: str
    inputs: str
    outputs: str
    silence: NotRequired[str]
    reason: str


class DriftChange(TypedDict):
    """How far base and head are apart, in words. `stands`: as they stand, where their weights or inputs are others;
    `first`: the first module that is apart; `same`: nothing is.
    """

    text: str
    stands: str
    first: str | None
    same: bool
