"""The eager tracer: one forward call, seen by a function mode (operators) and module hooks (whose they are).

It sees what the user's code calls: `F.conv2d`, `x.add_`, `F.scaled_dot_product_attention` are one node each. Anything
that runs can be traced; no symbolic shapes, no export.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, autograd, nn
from torch._C import DisableTorchFunction
from torch.overrides import TorchFunctionMode

from ...errors import own_error
from ...model.guard import storage_identity
from ...model.shapes import sizes
from ...model.subject import Inputs, dtype_name
from .altered import Alteration
from .attributes import Operands, bind, places
from .draws import Draws, is_draw
from .graph import CONDITION, STATE, VIEWS, Node, Param, Scope, Source
from .held import HeldTensors
from .origins import Leaf, Origins, script_facts, unwrapped
from .output import TENSOR, form
from .values import tensor_words, version

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
        "to_sparse",
        "pad_packed_sequence",
    ]
)
SCALARS = frozenset(["item", "tolist", "__float__", "__int__", "__index__", "__complex__"])
ARRAYS = frozenset(["numpy", "__array__", "__dlpack__", "untyped_storage"])
CONDITIONS = frozenset(["__bool__", "is_nonzero", "equal", "allclose", "__contains__"])
_SETTERS = frozenset(["data", "real", "imag"])
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
UNSEEN = "unseen step"


class Tracer(TorchFunctionMode):
    """Collects nodes and scopes. Tensors are known by identity, held weakly: a trace needs no memory to speak of.

    `held`: tensors that were there before the call. `origins` follows memory where tensors appear that no seen call
    made; without it `puzzled` says that one did. `alteration` gives other values out, to see which come back.
    """

    def __init__(
        self,
        root: nn.Module,
        held: HeldTensors,
        origins: Origins | None = None,
        alteration: Alteration | None = None,
    ) -> None:
        super().__init__()
        self.held, self.origins, self.alteration = held, origins, alteration
        self.names = {module: name for name, module in root.named_modules()}
        own = [*root.named_parameters(), *root.named_buffers()]
        self.own = {id(t): (name, version(t)) for name, t in own}
        self.read_held: dict[str, Tensor] = {}
        self._own_tensors = own
        self.nodes: list[Node] = []
        self.scopes = [Scope("", type(root).__name__)]
        self.stacks: dict[int, list[int]] = {threading.get_ident(): [0]}  # of each thread: scopes that run
        self.calls: dict[str, int] = {}
        self.producers: dict[int, tuple[weakref.ref[Tensor], Source, int]] = {}  # with the version it had
        self.writes: dict[int, list[tuple[Source, int]]] = {}  # storage -> nodes that wrote to it, versions
        self.shared: dict[int, tuple[Tensor, Tensor]] = {}  # storage -> given out as an array, and its values
        self.values: dict[int, object] = {}  # of nodes that gave values out
        self.dtypes: dict[torch.dtype, str] = {}
        self.functions: dict[autograd.graph.Node, int] = {}  # of autograd -> scope
        self.puzzled = False
        self._draws = Draws()
        self._lock = threading.RLock()
        if origins is not None:
            origins.begin(own, held)

    # Modules

    @property
    def running(self) -> list[int]:
        """Scopes that run on this thread, the innermost last."""
        return self.stacks[threading.get_ident()]

    def is_followed(self) -> bool:
        """Whether this thread is one of those that work for the call."""
        return threading.get_ident() in self.stacks

    def hand_over(self) -> Elsewhere | None:
        """For work that this thread gives to another one: what it does there belongs to the scope that runs here."""
        return Elsewhere(self, self.running[-1]) if self.is_followed() else None

    @property
    def has_written(self) -> bool:
        """Whether a parameter or buffer was written to."""
        return any(version(t) != self.own[id(t)][1] for _, t in self._own_tensors)

    def enter(self, module: nn.Module, args: object) -> None:
        """A module's forward begins."""
        running = self.running
        name = self.names.get(module)
        if name is None:  # made while running: it has no name, only a place
            name = f"{self.scopes[running[-1]].module}.<{type(module).__name__}>".lstrip(".")
        with self._lock:
            call = self.calls[name] = self.calls.get(name, -1) + 1
            if name == "" and call == 0:
                running.append(0)
                return
            self.scopes.append(Scope(name, type(module).__name__, call, running[-1]))
            running.append(len(self.scopes) - 1)

    def leave(self, module: nn.Module, args: object, output: object) -> None:
        """It ends. What came out of TorchScript is one node: inside it no Python runs."""
        if isinstance(module, torch.jit.ScriptModule) and output is not None:
            with DisableTorchFunction():
                made = [t for _, t in places(output) if self.producer(t) is None and id(t) not in self.own]
                operands = [*places(args, "input"), *module.named_parameters(), *module.named_buffers()]
                name = str(getattr(module, "original_name", type(module).__name__))
                self._add(name, operands, made, {"code": script_facts(module)}, unseen=True)
        self.running.pop()

    # Operators

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", None) or str(func)
        if name in _QUIET:
            return func(*args, **kwargs)
        if name == "__get__":
            out = func(*args, **kwargs)
            return self._tell(name, self._read_attribute, func, args, out) if isinstance(out, Tensor) else out
        call = self._tell(name, _Call, func, name, args, kwargs)
        if self.alteration is not None and name in ARRAYS:
            self.alteration.shift(args[0])
        out = func(*args, **kwargs)
        return self._tell(name, self._note, call, out)

    def _tell(self, name: str, function: Callable[..., Any], *args: Any) -> Any:
        """An error in there is ours; asking a tensor for its shape is no call for other modes to see."""
        try:
            with DisableTorchFunction():
                return function(*args)
        except Exception as error:
            raise own_error(f"the trace of {name}", error) from error

    def _read_attribute(self, func: Any, args: Any, out: Tensor) -> Tensor:
        name = str(getattr(getattr(func, "__self__", None), "__name__", "attribute"))
        if name not in ("grad", "grad_fn"):
            self._add(name, [("input", args[0])], [out], {})
        return out

    def _note(self, call: _Call, out: object) -> object:
        """A call that was made, as a node. What it gave, which an alteration changes."""
        name, dynamic = call.name, False
        if name in SCALARS or name in ARRAYS or name in CONDITIONS:
            self.values[self._add(call.operator, call.operands, [], call.told, shape=sizes(call.args[0]))] = (
                out
            )
            if name in ARRAYS:
                self._share(call.operands[0][1])
            if self.alteration is not None and name in SCALARS:
                return self.alteration.other(out)
            return out
        made = [call.args[0]] if name == "__setitem__" else [t for _, t in places(out)]
        written = call.written()
        if name == "__set__":
            made = [call.args[0]] if call.operator.removeprefix("set ") in _SETTERS else []
        made += [t for t in written if not any(t is other for other in made)]
        if made:
            if is_draw(call.operator, call.told):
                call.told |= self._draws.facts(call.generator)
            dynamic = call.selects_by_data
            if dynamic and self.alteration is not None:
                out = self.alteration.fewer(out)
                made = [t for _, t in places(out)]
            self._add(call.operator, call.operands, made, call.told, dynamic=dynamic, written=written)
        return out

    def inputs(self, inputs: Inputs) -> None:
        """The model's inputs, one node each; of several, each says which argument it is."""
        given = list(
            {id(t): (place, t) for place, t in (*places(inputs.args), *places(inputs.kwargs))}.values()
        )
        for place, tensor in given:
            self._add("input", [], [tensor], {"argument": place} if len(given) > 1 else {})
        self._inputs = [(tensor, version(tensor)) for _, tensor in given]

    def outputs(self, output: object, state: Operands) -> None:
        """What it gave, one last node; `state`: what it left for the next call."""
        given = list(places(output))
        written = [("(written)", t) for t, before in self._inputs if version(t) != before]
        told: dict[str, object] = {}
        shape, values = form(output)
        if shape != TENSOR:
            told["form"] = shape
        if values:
            told["values"] = values
        conditions: list[Source] = [
            (number, 0) for number in self.values if self.nodes[number].operator in _CONDITIONS_TOLD
        ]
        kept = [(t, name.partition("[")[0]) for name, t in state if self.producer(t) is not None]
        kept += [(t, name) for name, t in self._own_tensors if version(t) != self.own[id(t)][1]]
        state = [(STATE + name, t) for t, name in kept]
        self._add("output", [*given, *written, *state], [t for _, t in given], told, more=conditions)

    def _add(
        self,
        operator: str,
        operands: Operands,
        made: list[Tensor],
        told: Mapping[str, object],
        *,
        dynamic: bool = False,
        unseen: bool = False,
        written: Sequence[Tensor] = (),
        more: Sequence[Source] = (),
        shape: tuple[int, ...] | None = None,
    ) -> int:
        """One more node; its number. `shape`: of what it makes that is no tensor."""
        with self._lock:
            inputs: list[Source] = []
            params: list[Param] = []
            where: tuple[list[str], list[str]] = ([], [])
            for place, tensor in operands:
                param, sources = self._read(tensor)
                if param is not None:
                    params.append(param)
                    where[1].append(place)
                inputs += sources
                where[0].extend([place] * len(sources))
            inputs += more
            where[0].extend([CONDITION] * len(more))
            dynamic = dynamic or any(self.nodes[source].dynamic for source, _ in inputs)
            number = len(self.nodes)
            self.nodes.append(
                Node(
                    operator,
                    self.running[-1],
                    tuple(inputs),
                    {} if dynamic and operator in VIEWS else told,
                    tuple(params),
                    tuple([sizes(t) for t in made]) if shape is None else (shape,),
                    tuple([self._dtype(t) for t in made]),
                    dynamic,
                    (*where[0], *where[1]),
                    unseen,
                )
            )
            if operator != "output":
                for slot, tensor in enumerate(made):
                    self._made(tensor, (number, slot), any(tensor is other for other in written))
            return number

    def _made(self, tensor: Tensor, source: Source, is_written: bool) -> None:
        now = version(tensor)
        self.producers[id(tensor)] = (weakref.ref(tensor), source, now)
        if tensor.grad_fn is not None:
            self.functions.setdefault(tensor.grad_fn, self.running[-1])
        if is_written:
            self.writes.setdefault(storage_identity(tensor), []).append((source, now))
        if self.origins is not None:
            self.origins.made(tensor, source, adds=is_written)

    def _dtype(self, tensor: Tensor) -> str:
        name = self.dtypes.get(tensor.dtype)
        if name is None:
            name = self.dtypes[tensor.dtype] = dtype_name(tensor)
        return name

    # Where tensors come from

    def producer(self, tensor: Tensor) -> Source | None:
        reference, source, _ = self.producers.get(id(tensor), _NOBODY)
        return source if reference is not None and reference() is tensor else None

    def _read(self, tensor: Tensor) -> tuple[Param | None, list[Source]]:
        """What a tensor is: one of the model's own, or who made it; and who wrote to its memory since."""
        if self.shared:
            self._look_at_shared(tensor)
        reference, source, expected = self.producers.get(id(tensor), _NOBODY)
        param: Param | None = None
        if reference is None or reference() is not tensor:
            name, expected = self.own.get(id(tensor)) or self._find_held(tensor)
            if not name:
                known = self._explain(tensor)
                return (("", sizes(tensor)), []) if known is None else (None, [known])
            param, source = (name, sizes(tensor)), _NOBODY[1]
        sources = [] if param is not None else [source]
        if self.writes or self.shared or version(tensor) != expected:
            sources += self._later(tensor, source, expected)
        return param, sources

    def _find_held(self, tensor: Tensor) -> tuple[str, int]:
        name, expected = self.held.find(tensor) or ("", -1)
        if name:
            self.read_held[name] = tensor
        return name, expected

    def _later(self, tensor: Tensor, source: Source, expected: int) -> list[Source]:
        """Writes to the tensor's memory since, through a view, say; one that nobody saw is a step of its own."""
        storage = storage_identity(tensor)
        writes = self.writes.get(storage, [])
        now = version(tensor)
        if now > max([expected, *(known for _, known in writes)]):
            if self.origins is None:
                self.puzzled = True
            else:
                step = self._unseen(tensor)
                writes = self.writes.setdefault(storage, writes)
                writes.append((step, now))
        return [write for write, _ in writes if write[0] > source[0]]

    def _explain(self, tensor: Tensor) -> Source | None:
        """A tensor that no seen call made: a transform did, TorchScript, numpy. None without a trace of its memory."""
        if self.origins is None:
            self.puzzled = True
            return None
        inner, dimension = unwrapped(tensor)
        if inner is not tensor:
            return self._unwrap(tensor, inner, dimension)
        leaves = self.origins.leaves(tensor)
        if not leaves:
            return self._literal("tensor", tensor, tensor)
        if len(leaves) == 1 and not self.origins.facts(tensor):
            return self._alias(tensor, leaves[0])
        source = self._unseen(tensor)
        self._made(tensor, source, False)
        return source

    def _unwrap(self, tensor: Tensor, inner: Tensor, dimension: int | None) -> Source:
        """What vmap, grad and others wrap."""
        param, sources = self._read(inner)
        if dimension is None and param is None and len(sources) == 1:
            return sources[0]
        told = {} if dimension is None else {"in_dim": dimension}
        return self._add("vmap" if told else "wrap", [("input", inner)], [tensor], told), 0

    def _unseen(self, tensor: Tensor) -> Source:
        """A step that was not seen inside, with what it read."""
        assert self.origins is not None
        facts = self.origins.facts(tensor)
        return self._append(UNSEEN, self.origins.leaves(tensor), tensor, {"does": facts[:12]}, unseen=True)

    def _alias(self, tensor: Tensor, leaf: Leaf) -> Source:
        """The same memory, perhaps read in another way."""
        number, slot = leaf
        if isinstance(number, int) and isinstance(slot, int):
            shapes = self.nodes[number].shapes
            if shapes[slot : slot + 1] == (sizes(tensor),) and tensor.is_contiguous():
                return number, slot
        told = {
            "size": list(tensor.shape),
            "stride": list(tensor.stride()),
            "offset": tensor.storage_offset(),
        }
        source = self._append("view", [leaf], tensor, told)
        self._made(tensor, source, False)
        return source

    def _literal(self, operator: str, tensor: Tensor, content: Tensor) -> Source:
        """Values that come from outside."""
        source = self._append(operator, [], tensor, {"values": tensor_words(content)})
        self._made(tensor, source, False)
        return source

    def _append(
        self,
        operator: str,
        leaves: Sequence[Leaf],
        made: Tensor,
        told: Mapping[str, object],
        *,
        unseen: bool = False,
    ) -> Source:
        """A node that reads what is known already."""
        inputs = tuple([(a, b) for a, b in leaves if isinstance(a, int) and isinstance(b, int)])
        params = tuple([(a, b) for a, b in leaves if isinstance(a, str) and isinstance(b, tuple)])
        where = ("input",) if len(leaves) == 1 else tuple(f"[{i}]" for i in range(len(leaves)))
        dynamic = any(self.nodes[number].dynamic for number, _ in inputs)
        dtypes = (self._dtype(made),)
        node = Node(
            operator, self.running[-1], inputs, told, params, (sizes(made),), dtypes, dynamic, where, unseen
        )
        self.nodes.append(node)
        return len(self.nodes) - 1, 0

    # Memory that others can write to

    def _share(self, tensor: Tensor) -> None:
        """It was given out as an array: what is written there, no call of torch's shows."""
        plain = tensor.detach()
        if plain.layout is torch.strided and not (plain.is_meta or plain.is_nested):
            self.shared.setdefault(storage_identity(plain), (plain, plain.clone()))

    def _look_at_shared(self, tensor: Tensor) -> None:
        storage = storage_identity(tensor)
        plain, values = self.shared.get(storage, (None, None))
        if plain is not None and values is not None and not _same(plain, values):
            self.shared[storage] = (plain, plain.clone())
            told = {"values": tensor_words(plain)}
            step = self._append("write to the array", [], plain, told, unseen=True)
            self.writes.setdefault(storage, []).append((step, version(tensor)))


class Elsewhere:
    """A block on another thread, entered once or more often."""

    def __init__(self, tracer: Tracer, scope: int) -> None:
        self.tracer, self.scope = tracer, scope
        self._before: list[tuple[int, list[int] | None]] = []

    def __enter__(self) -> None:
        thread = threading.get_ident()
        self._before.append((thread, self.tracer.stacks.get(thread)))
        self.tracer.stacks[thread] = [self.scope]
        self.tracer.__enter__()  # type: ignore[no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        self.tracer.__exit__(*error)  # type: ignore[no-untyped-call]
        thread = threading.get_ident()
        mine = next(entry for entry in reversed(self._before) if entry[0] == thread)
        self._before.remove(mine)
        if mine[1] is None:
            del self.tracer.stacks[thread]
        else:
            self.tracer.stacks[thread] = mine[1]


class _Call:
    """A call of an operator, before it is made: what it is given, and in which state."""

    def __init__(self, func: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.name, self.args, self.generator = name, args, kwargs.get("generator")
        self.told, self.operands = bind(func, args, kwargs)
        self.operator = _operator(func, name)
        self.versions = [version(t) for _, t in self.operands]

    def written(self) -> list[Tensor]:
        """The tensors that it wrote to."""
        known = self.operator.endswith("_") or self.operator in ("setitem", "set data")
        return [
            t
            for (place, t), before in zip(self.operands, self.versions, strict=True)
            if (before != version(t) if before != -1 else known and place == "input")
        ]

    @property
    def selects_by_data(self) -> bool:
        """Whether how much it gives depends on the data."""
        if self.operator in DATA_DEPENDENT or (self.operator == "where" and len(self.operands) == 1):
            return True
        if self.operator == "repeat_interleave":
            return any(place == "repeats" for place, _ in self.operands)
        return self.operator == "getitem" and any(t.dtype == torch.bool for _, t in self.operands[1:])


_NOBODY: tuple[Any, Source, int] = (None, (-1, 0), -1)


def _same(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.contiguous().view(torch.uint8), other.contiguous().view(torch.uint8))


_AUGMENTED = {"iadd": "add_", "isub": "sub_", "imul": "mul_", "itruediv": "div_", "imatmul": "matmul_"}
_CONDITIONS_TOLD = frozenset(name.strip("_") for name in CONDITIONS)


def _operator(func: Callable[..., object], name: str) -> str:
    """`add` for `+`, `T` for the property; functions of torchvision and others keep their names."""
    if name == "__set__":
        return f"set {getattr(getattr(func, '__self__', None), '__name__', name)}"
    if name.startswith("__") and name.endswith("__"):
        bare = name.strip("_")
        return _AUGMENTED.get(bare) or {"truediv": "div", "radd": "add", "rmul": "mul"}.get(bare, bare)
    return name
