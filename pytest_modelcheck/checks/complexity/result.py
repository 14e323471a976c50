"""Complexity: what a count found, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from ...errors import MeasurementError, unsaved_text
from ...text import count, nearest, size_words
from ...verdict import units
from ..reported import Reported
from . import notes
from .table import summary


@dataclass(frozen=True, repr=False)
class Cost:
    """Totals of some calls. `flops` is 2 x `macs`; `other_flops` (bias, normalisation, ...) only count in `flops_all`.

    Units: operations for macs and flops, elements for activations, bytes for bytes_*.
    """

    calls: int = 0
    macs: int = 0
    other_flops: int = 0
    activations: int = 0
    bytes_read: int = 0
    bytes_written: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Cost)))

    @property
    def flops(self) -> int:
        """Floating-point operations of contractions: 2 x MACs."""
        return 2 * self.macs

    @property
    def flops_all(self) -> int:
        """All floating-point operations that have a formula."""
        return self.flops + self.other_flops

    @property
    def memory_access(self) -> int:
        """Bytes read plus bytes written by the operators; views are free."""
        return self.bytes_read + self.bytes_written

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._words()})"

    def _words(self) -> str:
        """FLOPs and MACs, what else there is, for who reads a failed assertion."""
        cost = f"{units.MACS.format(self.macs)} = {units.FLOPS.format(self.flops)}"
        moved = f"{units.BYTES.format(self.memory_access)} of memory access"
        return f"{cost}, {units.ELEMENTS.format(self.activations)} activations, {moved}, {count(self.calls, 'call')}"

    def numbers(self) -> dict[str, int]:
        """All of it as the record holds it."""
        names = ("macs", "flops", "flops_all", "activations", "bytes_read", "bytes_written", "memory_access")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class ModuleFacts:
    """A module apart from its cost: `params` are its own and its children's, tied ones once."""

    type: str
    params: int = 0
    own_params: int = 0
    calls: int = 0
    input_shape: tuple[int, ...] | None = None
    output_shape: tuple[int, ...] | None = None


@dataclass(frozen=True, repr=False)
class ModuleCost(Cost):
    """A module's cost with its children's (`own`: without), and the facts about it."""

    own: Cost = field(default_factory=Cost)
    facts: ModuleFacts = field(default_factory=lambda: ModuleFacts(""))

    @property
    def params(self) -> int:
        """Parameters of the module and its children."""
        return self.facts.params

    def _words(self) -> str:
        shape = f", output {size_words(self.facts.output_shape)}" if self.facts.output_shape else ""
        return f"{self.facts.type}: {super()._words()}, {units.PARAMS.format(self.params)} parameters{shape}"


class ModuleRows(dict[str, ModuleCost]):
    """Rows by module's name; without those of modules that are `merged` into another's."""

    def __init__(self, rows: Mapping[str, ModuleCost], merged: Mapping[str, str]) -> None:
        super().__init__(rows)
        self.merged = merged

    def __repr__(self) -> str:
        return f"ModuleRows({count(len(self), 'module')}: {', '.join(map(repr, self))})"

    def __missing__(self, name: str) -> ModuleCost:
        __tracebackhide__ = True  # the line that asks is the user's
        if name not in self.merged:
            raise KeyError(f"no module {name!r}; {nearest(str(name), self)}")
        whole = self.merged[name] or "the model"
        raise MeasurementError(
            f"{name} cannot be told apart: it is TorchScript, whose modules nobody sees run; its cost is in the row of "
            f"{whole}.\nCount the model before torch.jit.script or torch.jit.trace for a row of its own."
        )


@dataclass(frozen=True)
class Parameters:
    """Parameters per module (own ones, shared ones at their first place), as asked for by `trainable`."""

    total: int
    by_module: Mapping[str, int]
    trainable: bool | None = None


@dataclass(frozen=True)
class Roofline:
    """`intensity` of the model and `ridge` of the machine in FLOPs per byte: below the ridge, memory is the limit."""

    intensity: float
    ridge: float
    peak_flops: float
    flops: int

    @property
    def bound(self) -> str:
        """What limits the speed: "memory" or "compute"."""
        return "memory" if self.intensity < self.ridge else "compute"

    @property
    def attainable(self) -> float:
        """The best FLOPs per second at this intensity."""
        return self.peak_flops * min(1.0, self.intensity / self.ridge)

    @property
    def seconds(self) -> float:
        """The least time for one call."""
        return self.flops / self.attainable if self.attainable else 0.0


@dataclass(frozen=True)
class Complexity(Reported):
    """The complexity of one call of a model; all attributes are plain numbers.

    `counted_on` is "meta" (shapes alone) or "real" (one real run, `reason` says why). `unknown_operators` maps
    the names of operators without a formula to their calls: they are in no total. Nor is what the modules
    `on_other_threads` did there, nor what became of tensors that `left_torch`.
    """

    section = "complexity"

    name: str
    phase: str
    counted_on: str
    reason: str | None
    cells: Mapping[tuple[str, str], Cost]  # (module, operator) -> cost, as counted
    modules: Mapping[str, ModuleFacts]  # in the order of named_modules(), the root as ""
    unknown_operators: Mapping[str, int]
    bytes_by_dtype: Mapping[str, tuple[int, int]]  # "float32" -> bytes read, bytes written
    params: int
    trainable_params: int
    buffers: int
    model_bytes: int
    on_other_threads: tuple[str, ...] = ()
    loops: Mapping[str, int] = field(
        default_factory=dict
    )  # module -> while_loops of which one turn was counted
    left_torch: tuple[str, ...] = ()  # the places
    unsaved: tuple[str, ...] = ()  # what the model keeps and no check can put back
    merged: Mapping[str, str] = field(
        default_factory=dict
    )  # modules without a row -> the one whose row has them
    weights_used: Mapping[str, str] = field(
        default_factory=dict
    )  # module -> another one that used its weights
    details: str = ""  # the reason at length, where it is cut
    attention: tuple[int, int] | None = (
        None  # with attention="causal": calls that counted as causal, and the dense
    )

    def total(self) -> Cost:
        """The sum over everything."""
        return self._total

    def by_operator(self) -> dict[str, Cost]:
        """Cost of each operator, the heaviest first."""
        sums: dict[str, Cost] = {}
        for (_, operator), cost in self.cells.items():
            sums[operator] = sums.get(operator, Cost()) + cost
        return dict(sorted(sums.items(), key=lambda pair: (-pair[1].macs, -pair[1].memory_access)))

    def by_module_and_operator(self) -> dict[str, dict[str, Cost]]:
        """Own cost of each module, by operator."""
        table: dict[str, dict[str, Cost]] = {name: {} for name in self.modules if name not in self.merged}
        for (module, operator), cost in self.cells.items():
            table[module][operator] = cost
        return table

    def by_module(self) -> dict[str, ModuleCost]:
        """Cost of each module with its children's, in the order of `named_modules()`; the model itself is "".

        Modules whose cost cannot be told apart have no row, and asking for it raises MeasurementError.
        """
        return self._by_module

    @cached_property
    def _total(self) -> Cost:
        return sum(self.cells.values(), Cost())

    @cached_property
    def _by_module(self) -> dict[str, ModuleCost]:
        own: dict[str, Cost] = dict.fromkeys(self.modules, Cost())
        for (module, _), cost in self.cells.items():
            own[module] += cost
        whole = dict(own)
        for name in sorted(self.modules, key=_depth, reverse=True):
            if name:
                whole[_parent(name, whole)] += whole[name]
        return ModuleRows(
            {
                name: ModuleCost(**vars(whole[name]), own=own[name], facts=facts)
                for name, facts in self.modules.items()
                if name not in self.merged
            },
            self.merged,
        )

    @property
    def uncalled_modules(self) -> tuple[str, ...]:
        """Modules whose forward never ran and whose weights nobody used, the outermost ones only."""
        at_work = {name for name, facts in self.modules.items() if facts.calls} | {*self.weights_used}
        at_work |= {module for module, _ in self.cells} | {*self.on_other_threads}
        for name in [*at_work]:
            while name:
                name = _parent(name, self.modules)
                at_work.add(name)
        idle = [name for name in self.modules if name not in at_work and name not in self.merged]
        return tuple(n for n in idle if not n or _parent(n, self.modules) in at_work)

    @property
    def used_through_weights(self) -> dict[str, str]:
        """Modules whose forward never ran, but whose weights another one used: whose row has the cost."""
        return {
            name: owner
            for name, owner in self.weights_used.items()
            if not self.modules[name].calls and name not in self.merged
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said beside the figures."""
        said = (
            notes.loops(self.loops),
            notes.left_torch(self.left_torch),
            notes.merged(self.merged),
            notes.used(self.used_through_weights),
            notes.elsewhere(self.on_other_threads),
            notes.uncalled(self.uncalled_modules),
            unsaved_text(self.unsaved),
        )
        return tuple(filter(None, said))

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of contractions."""
        return self._total.macs

    @property
    def flops(self) -> int:
        """2 x MACs."""
        return self._total.flops

    @property
    def flops_all(self) -> int:
        """FLOPs of everything that has a formula."""
        return self._total.flops_all

    @property
    def activations(self) -> int:
        """Elements of contractions' outputs (fvcore's); of attention and recurrent layers, of what they return."""
        return self._total.activations

    @property
    def bytes_read(self) -> int:
        """Bytes read by operators; views are free."""
        return self._total.bytes_read

    @property
    def bytes_written(self) -> int:
        """Bytes written by operators."""
        return self._total.bytes_written

    @property
    def memory_access(self) -> int:
        """Bytes read plus bytes written."""
        return self._total.memory_access

    @property
    def arithmetic_intensity(self) -> float:
        """FLOPs per byte of memory access."""
        return self.flops / self.memory_access if self.memory_access else 0.0

    def roofline(self, peak_flops: float, bandwidth: float) -> Roofline:
        """Where the model stands under a machine's roof: `peak_flops` per second, `bandwidth` in bytes per second.

        After Williams et al. 2009. Raises ValueError unless both are positive.
        """
        if not (peak_flops > 0 and bandwidth > 0):
            raise ValueError(f"peak_flops={peak_flops} and bandwidth={bandwidth} must be positive")
        return Roofline(self.arithmetic_intensity, peak_flops / bandwidth, peak_flops, self.flops)

    def to_dict(self) -> dict[str, Any]:
        """The record's section."""
        head = ("phase", "counted_on", "reason", "params", "trainable_params", "buffers", "model_bytes")
        return {
            **{name: getattr(self, name) for name in head},
            **self._total.numbers(),
            "arithmetic_intensity": self.arithmetic_intensity,
            "bytes_by_dtype": {
                dtype: {"bytes_read": read, "bytes_written": written}
                for dtype, (read, written) in self.bytes_by_dtype.items()
            },
            "unknown_operators": dict(self.unknown_operators),
            "uncalled_modules": list(self.uncalled_modules),
            **self._exceptions(),
            "modules": [_module_row(name, cost) for name, cost in self.by_module().items()],
            "operators": [
                {"name": n, "calls": c.calls, **c.numbers()} for n, c in self.by_operator().items()
            ],
        }

    def _exceptions(self) -> dict[str, Any]:
        """What few models have, where they have it."""
        found = {
            "on_other_threads": list(self.on_other_threads),
            "loops": dict(self.loops),
            "left_torch": list(self.left_torch),
            "unsaved": list(self.unsaved),
            "details": self.details,
            "merged": dict(self.merged),
            "used_through_weights": self.used_through_weights,
            "attention": dict(zip(("causal", "dense"), self.attention or (), strict=False)),
        }
        return {name: value for name, value in found.items() if value}

    def __repr__(self) -> str:
        parameters = units.PARAMS.format(self.params)
        return f"Complexity({self.name}, {self.phase}: {self._total._words()}, {parameters} parameters)"

    def __str__(self) -> str:
        return str(summary(self, depth=1))


def _module_row(name: str, cost: ModuleCost) -> dict[str, object]:
    shape = cost.facts.output_shape
    return {
        "name": name,
        "type": cost.facts.type,
        "depth": _depth(name),
        "calls": cost.facts.calls,
        "output_shape": list(shape) if shape is not None else None,
        "params": cost.params,
        **cost.numbers(),
        "own_macs": cost.own.macs,
        "own_params": cost.facts.own_params,
    }


def _depth(name: str) -> int:
    return name.count(".") + 1 if name else 0


def _parent(name: str, names: Mapping[str, object]) -> str:
    """The closest enclosing module; a shared module's second name may have no parent of its own."""
    while name:
        name = name.rpartition(".")[0]
        if name in names:
            return name
    return ""
