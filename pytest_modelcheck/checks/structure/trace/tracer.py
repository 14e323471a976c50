"""The eager tracer: one forward call, seen by a function mode (operators) and module hooks (whose they are).

It sees what the user's code calls: `F.conv2d`, `x.add_`, `F.scaled_dot_product_attention` are one node each. Anything
that runs can be traced; no symbolic shapes, no export.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._C import DisableTorchFunction
from torch.overrides import TorchFunctionMode

from ....errors import own_error
from ....model.shapes import sizes
from ....model.subject import Inputs
from ..graph import CONDITION, STATE, Param, Source
from .altered import Alteration
from .attributes import Operands, bind, places
from .builder import Builder, Elsewhere
from .calls import ARRAYS, DECIDING, SCALARS, VALUES, Call, Kind, kind_of
from .draws import Draws, is_draw
from .held import HeldTensors
from .memory import Memory
from .numbers import FIRST, numbered
from .origins import Origins, script_facts
from .output import TENSOR, form
from .values import version


class Tracer(TorchFunctionMode):
    """Collects the nodes and scopes of one call of `root`.

    `held`: tensors that were there before. `origins` follows memory where tensors appear that no seen call made.
    `alteration` gives other values out, to see which come back. `values`: what nodes gave out, by number.
    """

    def __init__(
        self,
        root: nn.Module,
        held: HeldTensors,
        origins: Origins | None = None,
        alteration: Alteration | None = None,
    ) -> None:
        super().__init__()
        parts = dict(root.named_modules())
        own = {
            f"{path}.{name}" if path else name: tensor
            for path, part in parts.items()
            for name, tensor in (*part._parameters.items(), *part._buffers.items())
            if tensor is not None
        }
        first: dict[int, tuple[str, Tensor]] = {}
        for name, tensor in own.items():
            first.setdefault(id(tensor), (name, tensor))
        self.builder = Builder(root, {part: path for path, part in parts.items()})
        self.memory = Memory(self.builder, dict(first.values()), held, origins)
        self.alteration = alteration
        self.values: dict[int, object] = {}
        self._draws = Draws()
        self._inputs: list[tuple[Tensor, int]] = []

    # Modules and threads

    def enter(self, module: nn.Module, args: object) -> None:
        """A module's forward begins."""
        self.builder.enter(module)

    def leave(self, module: nn.Module, args: object, output: object) -> None:
        """It ends. What came out of TorchScript is one node: inside it no Python runs."""
        if isinstance(module, torch.jit.ScriptModule) and output is not None:
            with DisableTorchFunction():
                producer, own = self.memory.producer, self.memory.own
                made = [t for _, t in places(output) if producer(t) is None and id(t) not in own]
                operands = [*places(args, "input"), *module.named_parameters(), *module.named_buffers()]
                name = str(getattr(module, "original_name", type(module).__name__))
                self._add(name, operands, made, {"code": script_facts(module)}, unseen=True)
        self.builder.leave()

    def hand_over(self) -> Elsewhere | None:
        """For work that this thread gives to another one."""
        return Elsewhere(self.builder, self) if self.builder.is_followed() else None

    # Operators

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kind = kind_of(func)
        kwargs = kwargs or {}
        if kind.quiet:
            return func(*args, **kwargs)
        if kind.name == "__get__":
            out = func(*args, **kwargs)
            if isinstance(out, Tensor):
                self._tell(kind, self._note_attribute, args, out)
            return out
        if kind.name in FIRST:
            args, kwargs = self._tell(kind, self._numbers, args, kwargs)
        call = self._tell(kind, self._begin, func, args, kwargs)
        if self.alteration is not None and kind.name in ARRAYS:
            args = (self._tell(kind, self._shifted, args[0], self.alteration), *args[1:])
        out = func(*args, **kwargs)
        return self._tell(kind, self._note, call, out)

    def _tell(self, kind: Kind, function: Callable[..., Any], *args: Any) -> Any:
        """An error in there is ours; asking a tensor for its shape is no call for other modes to see."""
        try:
            with DisableTorchFunction():
                return function(kind, *args)
        except Exception as error:
            raise own_error(f"the trace of {kind.name}", error) from error

    def _begin(self, kind: Kind, func: Any, args: Any, kwargs: Any) -> Call:
        """Before a call."""
        told, operands = bind(func, args, kwargs)
        if self.memory.given_out:
            for _, tensor in operands:
                self.memory.look(tensor)
        if kind.may_draw and is_draw(kind.operator, told):
            told = {**told, **self._draws.facts(kwargs.get("generator"))}
        versions = [version(t) for _, t in operands]
        return Call(kind, args, told, operands, versions)

    def _numbers(self, kind: Kind, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """The arguments of a call, with numbers for the tensors that stand for some."""

        def read(tensor: Tensor) -> object:
            return self._given(self._add("item", [("input", tensor)], [], {}, shape=()), tensor.item())

        return numbered(kind.name, args, kwargs, read)

    def _shifted(self, kind: Kind, tensor: Tensor, alteration: Alteration) -> Tensor:
        """What is given out in its stead: itself with other values, or a copy where its memory is not of this call."""
        source = self.memory.producer(tensor)
        if source is not None and not self.builder.varying[source[0]]:
            return tensor
        if self.memory.was_there(tensor):
            values = alteration.shifted(tensor.detach())
            return tensor if values is None else values
        memory = tensor.data  # whose version is its own
        for dimension, stride in enumerate(memory.stride()):
            memory = memory.narrow(dimension, 0, 1) if stride == 0 else memory  # it was expanded
        values = alteration.shifted(memory) if source is not None else None
        if values is not None:
            memory.copy_(values)
        return tensor

    def _note_attribute(self, kind: Kind, args: Any, out: Tensor) -> None:
        if kind.operator == "data":
            self.memory.separate()
        if kind.operator not in ("grad", "grad_fn"):
            self._add(kind.operator, [("input", args[0])], [out], {})

    def _note(self, kind: Kind, call: Call, out: object) -> object:
        """After a call: a node. What the call gave, which an alteration changes."""
        if kind.name in VALUES:
            return self._note_value(call, out)
        dynamic = kind.may_select and call.selects_by_data
        if dynamic and self.alteration is not None:
            out = self.alteration.fewer(out)
        written = call.written()
        made = call.made(out)
        if written:
            made += [t for t in written if not any(t is other for other in made)]
        if made:
            if kind.operator == "set data":
                self.memory.separate()
            number = self._add(kind.operator, call.operands, made, call.told, call.versions, dynamic=dynamic)
            for slot, tensor in enumerate(made):
                writes = bool(written) and any(tensor is other for other in written)
                self.memory.made(tensor, (number, slot), writes=writes)
        return out

    def _note_value(self, call: Call, out: object) -> object:
        """Something that is no tensor came out of one."""
        name, tensor = call.kind.name, call.operands[0][1]
        number = self._add(
            call.kind.operator, call.operands, [], call.told, call.versions, shape=sizes(tensor)
        )
        if name in ARRAYS:
            self.memory.give_out(tensor)
        return self._given(number, out, is_scalar=name in SCALARS)

    def _given(self, number: int, out: object, *, is_scalar: bool = True) -> object:
        """What a node gives out; what it computed of literals alone is no data."""
        if not self.builder.varying[number]:
            return out
        if self.alteration is not None and is_scalar:
            out = self.alteration.other(out, len(self.values))
        self.values[number] = out
        return out

    def _add(
        self,
        operator: str,
        operands: Operands,
        made: list[Tensor],
        told: Mapping[str, object],
        versions: Sequence[int] = (),
        more: Sequence[Source] = (),
        **facts: Any,
    ) -> int:
        """A node that reads these tensors; `versions`: of what it was given, before; `more`: conditions."""
        inputs: list[Source] = []
        params: list[Param] = []
        where: list[str] = []
        own: list[str] = []
        read = self.memory.read
        for (place, tensor), now in zip(operands, versions or [version(t) for _, t in operands], strict=True):
            param, sources = read(tensor, now)
            if param is not None:
                params.append(param)
                own.append(place)
            for source in sources:
                inputs.append(source)
                where.append(place)
        inputs += more
        spots = (*where, *[CONDITION] * len(more), *own)
        number = self.builder.add(operator, told, inputs, params, spots, made, **facts)
        if not versions and operator != "output":
            for slot, tensor in enumerate(made):
                self.memory.made(tensor, (number, slot))
        return number

    # Inputs and outputs

    def inputs(self, inputs: Inputs) -> None:
        """The model's inputs, one node each; of several, each says which argument it is."""
        given = {
            id(tensor): (place, tensor)
            for side in (inputs.args, inputs.kwargs)
            for place, tensor in places(side)
        }
        for place, tensor in given.values():
            self._add("input", [], [tensor], {"argument": place} if len(given) > 1 else {})
        self._inputs = [(tensor, version(tensor)) for _, tensor in given.values()]

    def outputs(self, output: object, state: Operands) -> None:
        """What it gave, one last node; `state`: what it left for the next call."""
        given = list(places(output))
        for _, tensor in given:
            self.memory.look(tensor)
        given_in = {id(t) for t, _ in self._inputs}
        made = [(name, t) for name, t in state if id(t) not in given_in]
        kept = [(name.partition("[")[0], t) for name, t in made if self.memory.producer(t) is not None]
        left = [(STATE + name, t) for name, t in (*kept, *self.memory.written())]
        left += [("(written)", t) for t, before in self._inputs if version(t) != before]
        shape, values = form(output)
        told: dict[str, object] = {"form": shape} if shape != TENSOR else {}
        if values:
            told["values"] = values
        nodes = self.builder.nodes
        conditions = [(number, 0) for number in self.values if nodes[number].operator in DECIDING]
        self._add("output", [*given, *left], [t for _, t in given], told, more=conditions)
