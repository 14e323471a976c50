"""The eager tracer: one forward call, seen by a function mode (operators) and module hooks (whose they are).

It sees what the user's code calls: `F.conv2d`, `x.add_`, `F.scaled_dot_product_attention` are one node each. Anything
that runs can be traced; no symbolic shapes, no export.
"""

from __future__ import annotations

import dataclasses
import threading
import weakref
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, autograd, nn
from torch._C import DisableTorchFunction
from torch.overrides import TorchFunctionMode

from ...errors import own_error
from ...model.calls import module_calls
from ...model.eager import eager
from ...model.guard import only_reads, storage_identity
from ...model.shapes import sizes
from ...model.subject import Inputs, Subject, dtype_name, locate_failure
from .attributes import attributes
from .graph import VIEWS, Graph, Node, Scope, Source

DATA_DEPENDENT = frozenset(
    ["nonzero", "argwhere", "masked_select", "unique", "unique_consecutive", "nms", "batched_nms"]
)
_QUIET = frozenset(
    [
        "size",
        "dim",
        "stride",
        "numel",
        "__len__",
        "__bool__",
        "item",
        "tolist",
        "is_floating_point",
        "register_hook",
    ]
)


def trace_graph(
    subject: Subject, *, gradients: bool = False
) -> tuple[Graph, object, dict[autograd.graph.Node, int]]:
    """One forward call in eval mode: its graph, and its output.

    With `gradients` the output carries autograd's graph, and the scope of each function in it that made a tensor is
    the third part.

    Raises ModelRunError if the model itself raises.
    """
    inputs, module = subject.require_inputs().copied(), subject.module
    tracer = Tracer(module)
    guard = gradients or not only_reads(module)
    with subject.restored(guard=guard), torch.set_grad_enabled(gradients):
        torch.backends.mha.set_fastpath_enabled(False)  # it hides attention; restored() restores the setting
        tracer.inputs(inputs)
        with eager(), module_calls(tracer.enter, tracer.leave), tracer, locate_failure(subject, inputs):
            output = module(*inputs.args, **inputs.kwargs)
            if isinstance(output, Generator):  # it works while it is asked
                output = list(output)
    return tracer.graph(output), output, tracer.functions


class Tracer(TorchFunctionMode):
    """Collects nodes and scopes. Tensors are known by identity, held weakly: a trace needs no memory to speak of."""

    def __init__(self, root: nn.Module) -> None:
        super().__init__()
        self.names = {module: name for name, module in root.named_modules()}
        self.own = {id(t): name for name, t in [*root.named_parameters(), *root.named_buffers()]}
        self.nodes: list[Node] = []
        self.scopes = [Scope("", type(root).__name__)]
        self.running = [0]
        self.calls: dict[str, int] = {}
        self.producers: dict[int, tuple[weakref.ref[Tensor], Source]] = {}
        self.writes: dict[int, list[int]] = {}  # storage -> nodes that wrote to it
        self.dtypes: dict[torch.dtype, str] = {}
        self.functions: dict[autograd.graph.Node, int] = {}  # of autograd -> scope
        self.thread = threading.get_ident()

    # Modules

    def enter(self, module: nn.Module, args: object) -> None:
        """A module's forward begins."""
        parent = self.running[-1]
        name = self.names.get(module)
        if name is None:  # made while running: it has no name, only a place
            name = f"{self.scopes[parent].module}.<{type(module).__name__}>".lstrip(".")
        call = self.calls[name] = self.calls.get(name, -1) + 1
        if name == "" and call == 0:
            self.running.append(0)
            return
        self.running.append(len(self.scopes))
        self.scopes.append(Scope(name, type(module).__name__, call, parent))

    def leave(self, module: nn.Module, args: object, output: object) -> None:
        """What came out of a module unseen (TorchScript, C++) is one node of it: data flow does not break off."""
        unseen = [t for t in tensors_in(output) if self._producer(t) is None and id(t) not in self.own]
        if unseen:
            with DisableTorchFunction():
                self._add(type(module).__name__, tensors_in(args), unseen, {})
        self.running.pop()

    # Operators

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        name = getattr(func, "__name__", None) or str(func)
        if name in _QUIET or threading.get_ident() != self.thread:
            return out
        try:
            self._note(func, name, args, kwargs, out)
        except Exception as error:
            raise own_error(f"the trace of {name}", error) from error
        return out

    def _note(self, func: Any, name: str, args: Any, kwargs: Any, out: object) -> None:
        """A call that was made, as a node."""
        made = [args[0]] if name == "__setitem__" else tensors_in(out)
        if made:
            with DisableTorchFunction():  # to ask a tensor for its shape is no call for other modes to see
                operator = _operator(func, name)
                told = attributes(func, args, kwargs) if name != "__get__" else {}
                given = tensors_in(args) + tensors_in(kwargs) if kwargs else tensors_in(args)
                self._add(operator, given, made, told, dynamic=_selects_by_data(operator, args))

    def inputs(self, inputs: Inputs) -> None:
        """The model's inputs, one node each."""
        for tensor in inputs.tensors:
            self._add("input", [], [tensor], {})

    def _add(
        self,
        operator: str,
        given: list[Tensor],
        made: list[Tensor],
        told: Mapping[str, object],
        *,
        dynamic: bool = False,
    ) -> None:
        number = len(self.nodes)
        sources = [(t, self._sources(t)) for t in given]
        inputs = [source for _, found in sources for source in found]
        dynamic = dynamic or any(self.nodes[source].dynamic for source, _ in inputs)
        writes = operator.endswith("_") or operator == "setitem" or told.get("inplace") is True
        if dynamic and operator in VIEWS:
            told = {}
        self.nodes.append(
            Node(
                operator,
                self.running[-1],
                tuple(inputs),
                told,
                tuple([(self.own.get(id(t), ""), sizes(t)) for t, found in sources if not found]),
                tuple([sizes(t) for t in made]),
                tuple([self._dtype(t) for t in made]),
                dynamic,
            )
        )
        for slot, tensor in enumerate(made):
            self.producers[id(tensor)] = (weakref.ref(tensor), (number, slot))
            if tensor.grad_fn is not None:
                self.functions.setdefault(tensor.grad_fn, self.running[-1])
            if writes:
                self.writes.setdefault(storage_identity(tensor), []).append(number)

    def _dtype(self, tensor: Tensor) -> str:
        name = self.dtypes.get(tensor.dtype)
        if name is None:
            name = self.dtypes[tensor.dtype] = dtype_name(tensor)
        return name

    def _producer(self, tensor: Tensor) -> Source | None:
        reference, source = self.producers.get(id(tensor), (None, None))
        return source if reference is not None and reference() is tensor else None

    def _sources(self, tensor: Tensor) -> list[Source]:
        """Who made the tensor, and who wrote to its memory since (through a view, say); empty for the model's own."""
        source = self._producer(tensor)
        if source is None:
            return []
        later = self.writes.get(storage_identity(tensor), ()) if self.writes else ()
        return [source, *((number, 0) for number in later if number > source[0])]

    def graph(self, output: object) -> Graph:
        """What the output depends on, or all there is if it holds no tensor; a node's number is its place."""
        self.running = [0]
        made = tensors_in(output)
        self._add("output", made, [], {})
        last = self.nodes[-1]
        shapes = tuple(sizes(t) for t in made)
        self.nodes[-1] = dataclasses.replace(last, shapes=shapes, dtypes=tuple(map(dtype_name, made)))
        live = _ancestors(self.nodes) if made else list(range(len(self.nodes)))
        if len(live) == len(self.nodes):
            return Graph(tuple(self.nodes), tuple(self.scopes))
        place = {number: index for index, number in enumerate(live)}
        nodes = tuple(
            dataclasses.replace(
                self.nodes[n], inputs=tuple((place[s], slot) for s, slot in self.nodes[n].inputs)
            )
            for n in live
        )
        return Graph(nodes, tuple(self.scopes), len(self.nodes) - len(live))


def _ancestors(nodes: list[Node]) -> list[int]:
    """The inputs, and the numbers of all nodes that the last one depends on, in order."""
    live, todo = {n for n, node in enumerate(nodes) if node.operator == "input"}, [len(nodes) - 1]
    while todo:
        number = todo.pop()
        if number not in live:
            live.add(number)
            todo += [source for source, _ in nodes[number].inputs]
    return sorted(live)


_AUGMENTED = {"iadd": "add_", "isub": "sub_", "imul": "mul_", "itruediv": "div_", "imatmul": "matmul_"}


def _operator(func: Callable[..., object], name: str) -> str:
    """`add` for `+`, `T` for the property; functions of torchvision and others keep their names."""
    if name == "__get__":
        return str(getattr(getattr(func, "__self__", None), "__name__", name))
    if name.startswith("__") and name.endswith("__"):
        bare = name.strip("_")
        return _AUGMENTED.get(bare) or {"truediv": "div", "radd": "add", "rmul": "mul"}.get(bare, bare)
    return name


def _selects_by_data(operator: str, args: Sequence[object]) -> bool:
    if operator in DATA_DEPENDENT:
        return True
    if operator == "where" and len(args) == 1:
        return True
    return operator == "getitem" and any(t.dtype == torch.bool for t in tensors_in(args[1]))


def tensors_in(value: object, depth: int = 6) -> list[Tensor]:
    """All tensors in nested containers, mappings, dataclasses and other objects, in order."""
    found: list[Tensor] = []
    _gather((value,), found, depth)
    return found


def _gather(values: Iterable[object], found: list[Tensor], depth: int) -> None:
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif type(value) in _PLAIN or depth == 0 or isinstance(value, (nn.Module, type)):
            continue
        elif isinstance(value, Mapping):
            _gather(value.values(), found, depth - 1)
        elif isinstance(value, (list, tuple, set, frozenset)):
            _gather(value, found, depth - 1)
        elif hasattr(value, "__dict__"):
            _gather(vars(value).values(), found, depth - 1)


_PLAIN = frozenset([type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device])
