"""What the graph of a file computes: its operators with their attributes, and how they are joined, whatever its values
are called and in which order independent nodes stand.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from .exporter import opset_of

SMALL = 64  # a tensor of so many whole numbers is a shape or a list of axes: a part of the graph, as attributes are
COMMUTATIVE = {"Add", "Mul", "And", "Or", "Xor", "Equal", "Max", "Min", "Sum", "BitwiseAnd", "BitwiseOr"}


@dataclass
class Flow:
    """A graph. `operators`: by type, `nodes`: by type and attributes, `sequence`: the types as they stand; `joined`:
    equal for graphs that compute the same of their inputs, whatever the weights are; `weights`: these, in an order that
    equal graphs share.
    """

    operators: Counter[str] = field(default_factory=Counter)
    nodes: Counter[tuple[str, str]] = field(default_factory=Counter)
    sequence: list[str] = field(default_factory=list)
    joined: str = ""
    weights: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Any) -> Flow:
        """The flow of an onnx.ModelProto."""
        flow = cls()
        opset = opset_of(model) or 0
        functions = {
            (f.domain, f.name): _hash("function", *(_Reading(flow, {}, opset).node(n) for n in f.node))
            for f in model.functions
        }
        reading = _Reading(flow, functions, opset)
        ends = reading.graph(model.graph, {})
        flow.joined = _hash(*ends)
        flow.weights = _in_order(model.graph, reading)
        return flow


@dataclass
class _Reading:
    """Reads graphs into a flow. `functions`: what the file's own operators compute; `opset`: of the standard ones;
    `values`: by name, what each value of the graph is made of.
    """

    flow: Flow
    functions: Mapping[tuple[str, str], str]
    opset: int
    values: dict[str, str] = field(default_factory=dict)

    def graph(self, graph: Any, outer: Mapping[str, str]) -> list[str]:
        """What its outputs are made of."""
        kept, self.values = self.values, dict(outer)
        known = {tensor.name for tensor in graph.initializer}
        for place, value in enumerate(v for v in graph.input if v.name not in known):
            self.values[value.name] = f"input {place}"
        for tensor in graph.initializer:
            self.values[tensor.name] = _leaf(tensor)
        for node in graph.node:
            made = self.node(node)
            self.values |= {name: f"{made}:{place}" for place, name in enumerate(node.output)}
        ends = [self.values.get(value.name, value.name) for value in graph.output]
        if outer or kept:
            self.values = kept
        return ends

    def node(self, node: Any) -> str:
        """What it computes, of what."""
        default = _defaults(node.op_type, self.opset, node.domain)
        given = {a.name: self._attribute(a) for a in node.attribute if a.SerializeToString() not in default}
        attributes = ", ".join(f"{name}={value}" for name, value in sorted(given.items()))
        self.flow.operators[node.op_type] += 1
        self.flow.nodes[node.op_type, attributes] += 1
        self.flow.sequence.append(node.op_type)
        operands = [self.values.get(value, "") for value in node.input]
        if node.op_type in COMMUTATIVE:
            operands.sort()
        body = self.functions.get((node.domain, node.op_type), "")
        return _hash(node.domain, node.op_type, attributes, body, *operands)

    def _attribute(self, attribute: Any) -> str:
        import onnx

        if attribute.HasField("g"):
            return _hash(*self.graph(attribute.g, self.values))
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, onnx.TensorProto):
            return _leaf(value, whole=True)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else repr(_listed(value))


@lru_cache
def _defaults(operator: str, opset: int, domain: str) -> frozenset[bytes]:
    """Attributes that say what goes without saying."""
    import onnx

    try:
        schema = onnx.defs.get_schema(operator, opset, domain)
    except onnx.defs.SchemaError:  # an operator of the file's own
        return frozenset()
    return frozenset(a.default_value.SerializeToString() for a in schema.attributes.values())


def _listed(value: Any) -> Any:
    return value if isinstance(value, (int, float, str)) else [_listed(one) for one in value]


def _leaf(tensor: Any, whole: bool = False) -> str:
    """A weight by its shape, a few whole numbers (`whole`: any) by their type and values too."""
    import onnx

    shown = str(list(tensor.dims))
    array = onnx.numpy_helper.to_array(tensor)
    if whole or (array.size <= SMALL and array.dtype.kind in "iub"):
        return f"{shown} {tensor.data_type} {hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]}"
    return shown


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def _in_order(graph: Any, reading: _Reading) -> dict[str, np.ndarray]:
    """The weights as one meets them on the way from the outputs to the inputs."""
    import onnx

    tensors = {tensor.name: tensor for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    found: dict[str, np.ndarray] = {}
    seen: set[str] = set()
    ahead = [value.name for value in reversed(graph.output)]
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in tensors:
            found[name] = onnx.numpy_helper.to_array(tensors[name])
        elif name in makers:
            operands = [*makers[name].input, *_captured(makers[name])]
            if makers[name].op_type in COMMUTATIVE:
                operands.sort(key=lambda operand: reading.values.get(operand, ""))
            ahead += reversed(operands)
    return found


def _captured(node: Any) -> Iterator[str]:
    """What the graphs within it take from outside."""
    graphs = [a.g for a in node.attribute if a.HasField("g")]
    for graph in graphs:
        for inner in graph.node:
            yield from inner.input
            yield from _captured(inner)
        yield from _names(graph.output)


def _names(values: Iterable[Any]) -> Iterator[str]:
    return (value.name for value in values)
