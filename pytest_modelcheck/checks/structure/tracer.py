"""The eager tracer: one forward call, seen by a function mode (operators) and module hooks (whose they are).

It sees what the user's code calls: `F.conv2d`, `x.add_`, `F.scaled_dot_product_attention` are one node each. Anything
that runs can be traced; no symbolic shapes, no export.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._C import DisableTorchFunction
from torch.overrides import TorchFunctionMode

from ...errors import own_error
from ...model.shapes import sizes
from ...model.subject import Inputs
from .altered import Alteration
from .attributes import Operands, bind, places
from .builder import Builder, Elsewhere
from .draws import Draws, is_draw
from .graph import CONDITION, STATE, Param, Source
from .held import HeldTensors
from .memory import Memory
from .origins import Origins, script_facts, unwrapped
from .output import TENSOR, form
from .values import has_memory, version

DATA_DEPENDENT = frozenset(
    [
        "nonzero",
        "argwhere",
        "masked_select",
        "unique",
        "unique_consecutive",
        "bincount",
        "nms",
        "batched_nms",
        "remove_small_boxes",
        "coalesce",
        "_pack_padded_sequence",
        "to_sparse",
        "pad_packed_sequence",
    ]
)
SCALARS = frozenset(["item", "tolist", "__float__", "__int__", "__index__", "__complex__"])
ARRAYS = frozenset(["numpy", "__array__", "__dlpack__", "untyped_storage"])
CONDITIONS = frozenset(["__bool__", "is_nonzero", "equal", "allclose", "__contains__"])
VALUES = SCALARS | ARRAYS | CONDITIONS
DECIDING = frozenset(name.strip("_") for name in CONDITIONS)
NUMBERS = {
    name: first
    for first, names in enumerate(
        (
            "arange linspace zeros ones empty full rand randn randint eye",
            "__getitem__ __setitem__ new_zeros new_ones new_empty new_full expand view reshape repeat tile narrow topk "
            "pad roll one_hot split chunk unflatten interpolate adaptive_avg_pool1d adaptive_avg_pool2d",
        )
    )
    for name in names.split()
}
"""Operators that take a tensor where they want a number, from which argument on: they read it as `.item()` does."""
_SETTERS = frozenset(["set data", "set real", "set imag"])
_QUIET = frozenset(
    [
        "size",
        "dim",
        "stride",
        "numel",
        "storage_offset",
        "data_ptr",
        "__len__",
        "__format__",
        "__repr__",
        "__hash__",
        "is_floating_point",
        "is_complex",
        "is_contiguous",
        "register_hook",
        "requires_grad_",
        "retain_grad",
        "_set_grad_enabled",
    ]
)


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
        kwargs = kwargs or {}
        name = getattr(func, "__name__", None) or str(func)
        if name in _QUIET:
            return func(*args, **kwargs)
        if name == "__get__":
            out = func(*args, **kwargs)
            if isinstance(out, Tensor):
                self._tell(name, self._note_attribute, func, args, out)
            return out
        if name in NUMBERS:
            args, kwargs = self._tell(name, self._numbers, name, args, kwargs)
        call = self._tell(name, self._begin, func, name, args, kwargs)
        if self.alteration is not None and name in ARRAYS:
            args = (self._tell(name, self._shifted, args[0], self.alteration), *args[1:])
        out = func(*args, **kwargs)
        return self._tell(name, self._note, call, out)

    def _tell(self, name: str, function: Callable[..., Any], *args: Any) -> Any:
        """An error in there is ours; asking a tensor for its shape is no call for other modes to see."""
        try:
            with DisableTorchFunction():
                return function(*args)
        except Exception as error:
            raise own_error(f"the trace of {name}", error) from error

    def _begin(self, func: Any, name: str, args: Any, kwargs: Any) -> Call:
        """Before a call."""
        call = Call(func, name, args, kwargs)
        if is_draw(call.operator, call.told):
            call.told = {**call.told, **self._draws.facts(call.generator)}
        if self.memory.given_out:
            for _, tensor in call.operands:
                self.memory.look(tensor)
        return call

    def _numbers(self, name: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """The arguments of a call, with numbers for the tensors that stand for some: of an index, those in slices."""
        first = NUMBERS[name]
        if name in ("__getitem__", "__setitem__"):
            key = args[1]
            if isinstance(key, slice):
                key = self._slice(key)
            elif isinstance(key, tuple):
                key = tuple([self._slice(part) if isinstance(part, slice) else part for part in key])
            return (args[0], key, *args[2:]), kwargs
        rest = [self._number(value) for value in args[first:]]
        return (*args[:first], *rest), {
            key: value if key in ("input", "out") else self._number(value) for key, value in kwargs.items()
        }

    def _slice(self, key: slice) -> slice:
        if isinstance(key.start, Tensor) or isinstance(key.stop, Tensor) or isinstance(key.step, Tensor):
            return slice(self._number(key.start), self._number(key.stop), self._number(key.step))
        return key

    def _number(self, value: Any) -> Any:
        if isinstance(value, (tuple, list)) and any(isinstance(item, Tensor) for item in value):
            return type(value)([self._number(item) for item in value])
        if (
            not isinstance(value, Tensor)
            or value.dim()
            or unwrapped(value)[0] is not value
            or not has_memory(value)
        ):
            return value
        return self._given(self._add("item", [("input", value)], [], {}, shape=()), value.item())

    def _shifted(self, tensor: Tensor, alteration: Alteration) -> Tensor:
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

    def _note_attribute(self, func: Any, args: Any, out: Tensor) -> None:
        name = str(getattr(getattr(func, "__self__", None), "__name__", "attribute"))
        if name == "data":
            self.memory.separate()
        if name not in ("grad", "grad_fn"):
            self._add(name, [("input", args[0])], [out], {})

    def _note(self, call: Call, out: object) -> object:
        """After a call: a node. What the call gave, which an alteration changes."""
        if call.name in VALUES:
            return self._note_value(call, out)
        dynamic = call.selects_by_data
        if dynamic and self.alteration is not None:
            out = self.alteration.fewer(out)
        written = call.written()
        made = call.made(out)
        made += [t for t in written if not any(t is other for other in made)]
        if made:
            if call.operator == "set data":
                self.memory.separate()
            number = self._add(call.operator, call.operands, made, call.told, call.versions, dynamic=dynamic)
            for slot, tensor in enumerate(made):
                writes = any(tensor is other for other in written)
                self.memory.made(tensor, (number, slot), writes=writes)
        return out

    def _note_value(self, call: Call, out: object) -> object:
        """Something that is no tensor came out of one."""
        tensor = call.operands[0][1]
        number = self._add(call.operator, call.operands, [], call.told, call.versions, shape=sizes(tensor))
        if call.name in ARRAYS:
            self.memory.give_out(tensor)
        return self._given(number, out, call.name in SCALARS)

    def _given(self, number: int, out: object, is_scalar: bool = True) -> object:
        """What a node gives out; what it computed of literals alone is no data."""
        if not self.builder.varying[number]:
            return out
        self.values[number] = out
        return self.alteration.other(out) if is_scalar and self.alteration is not None else out

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
        for number, (place, tensor) in enumerate(operands):
            now = versions[number] if versions else version(tensor)
            param, sources = self.memory.read(tensor, now)
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


class Call:
    """A call of an operator, before it is made: what it is given, and in which version."""

    __slots__ = ("args", "generator", "name", "operands", "operator", "told", "versions")

    def __init__(self, func: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.name, self.args, self.generator = name, args, kwargs.get("generator")
        self.told, self.operands = bind(func, args, kwargs)
        self.operator = _operator(func, name)
        self.versions = [version(t) for _, t in self.operands]

    def made(self, out: object) -> list[Tensor]:
        """The tensors that it gave."""
        if self.name == "__setitem__" or self.operator in _SETTERS:
            return [self.args[0]]
        if self.name == "__set__":
            return []
        return [out] if isinstance(out, Tensor) else [t for _, t in places(out)]

    def written(self) -> list[Tensor]:
        """The tensors that it wrote to."""
        if -1 in self.versions:
            return self._written_by_name()
        return [
            t for (_, t), before in zip(self.operands, self.versions, strict=True) if t._version != before
        ]

    def _written_by_name(self) -> list[Tensor]:
        """In inference mode nobody counts."""
        known = self.operator.endswith("_") or self.operator in ("setitem", "set data")
        return [t for place, t in self.operands if (known and place == "input") or place == "out"]

    @property
    def selects_by_data(self) -> bool:
        """Whether how much it gives depends on the data."""
        if self.operator in DATA_DEPENDENT or (self.operator == "where" and len(self.operands) == 1):
            return True
        if self.operator == "repeat_interleave":
            return any(place == "repeats" for place, _ in self.operands)
        return self.operator == "getitem" and any(t.dtype == torch.bool for _, t in self.operands[1:])


_AUGMENTED = {"iadd": "add_", "isub": "sub_", "imul": "mul_", "itruediv": "div_", "imatmul": "matmul_"}


@functools.lru_cache(maxsize=4096)
def _operator(func: Callable[..., object], name: str) -> str:
    """`add` for `+`, `T` for the property; functions of torchvision and others keep their names."""
    if name == "__set__":
        return f"set {getattr(getattr(func, '__self__', None), '__name__', name)}"
    if name.startswith("__") and name.endswith("__"):
        bare = name.strip("_")
        return _AUGMENTED.get(bare) or {"truediv": "div", "radd": "add", "rmul": "mul"}.get(bare, bare)
    return name
