"""A file that stands in the repository, beside the export of today: is it stale?"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import MeasurementError
from ...text import count, first_sentence
from ...verdict.units import BYTES
from . import runtime
from .agreement import compare
from .distance import OutputError
from .exporter import opset_of, strip
from .flow import Flow

POINTER = b"version https://git-lfs"
SHOWN = 5  # lines on attributes


@dataclass(frozen=True)
class Standing:
    """How the file at `path` compares with the export. Pairs are the file's and today's: `opset`, `size` (bytes of the
    stored values), `signatures` of inputs and outputs. `operators`: how many more there are today; `attributes`: (how
    often, operator, was, is), where the operators are the same; `order`: how else they are joined.

    `outputs`, `weights`: how far the file's are from today's; empty where they cannot be set side by side. `problem`:
    why there is no comparison. `fresh`: where today's export lies, if a report keeps it.
    """

    path: str
    operators: Mapping[str, int] = field(default_factory=dict)
    attributes: tuple[tuple[int, str, str, str], ...] = ()
    order: str = ""
    opset: tuple[int | None, int | None] = (None, None)
    size: tuple[int, int] = (0, 0)
    signatures: tuple[tuple[str, str], ...] = ()
    outputs: tuple[OutputError, ...] = ()
    weights: tuple[OutputError, ...] = ()
    problem: str = ""
    fresh: Path | None = None

    @property
    def anew(self) -> str:
        """How to write the file anew."""
        if self.fresh is not None:
            return f"to write it anew: {shlex.join(['cp', shown(self.fresh), self.path])}"
        return (
            "to write it anew: run with --modelcheck-report -o modelcheck_onnx_keep=all, and copy the file that the "
            f"report keeps to {self.path}; or modelcheck.onnx(...).save({self.path!r})"
        )

    def differences(self, rtol: float, atol: float) -> list[str]:
        """In words, as today's export differs from the file: `2 more Conv`, `opset 17 -> 20`."""
        return [*self._graph(), *self._values(rtol, atol)]

    def _graph(self) -> Iterator[str]:
        for name, more in self.operators.items():
            yield f"{abs(more)} {'more' if more > 0 else 'fewer'} {name}"
        for often, name, was, now in self.attributes[:SHOWN]:
            yield f"{f'{often} x ' if often > 1 else ''}{name}: {was} -> {now}"
        if len(self.attributes) > SHOWN:
            yield f"and {len(self.attributes) - SHOWN} more operators with other attributes"
        if self.order:
            yield self.order
        if self.opset[0] != self.opset[1]:
            yield f"opset {self.opset[0]} -> {self.opset[1]}"
        if self.size[0] != self.size[1]:
            yield f"size of the weights {BYTES.format(self.size[0])} -> {BYTES.format(self.size[1])}"
        for was, now in self.signatures:
            yield f"{was} -> {now}"

    def _values(self, rtol: float, atol: float) -> Iterator[str]:
        for what, errors in (("outputs", self.outputs), ("weights", self.weights)):
            beyond = [error for error in errors if error.exceeds(rtol, atol)]
            if beyond:
                worst = max(beyond, key=lambda error: error.relative)
                rest = f" (and {count(len(beyond) - 1, what[:-1])} more)" if len(beyond) > 1 else ""
                yield f"{what} differ{_by(worst)}{rest}"

    def to_dict(self) -> dict[str, object]:
        """As the record holds it."""
        return {
            "path": self.path,
            "problem": self.problem,
            "graph": list(self._graph()),
            "outputs": [asdict(output) for output in self.outputs],
            "weights": [asdict(weight) for weight in self.weights if weight.relative],
        }


def _by(error: OutputError) -> str:
    return f": {error}" if error.reason else f" by {error.amount('their')}: {error.name}"


def compare_file(model: bytes, places: Sequence[Path], inputs: Sequence[Tensor]) -> Standing:
    """Compare the export (`model`) with the first of these files that is there, also by what both give for `inputs`."""
    path = next((place for place in places if place.exists()), places[0])
    name = shown(path)
    try:
        old, new = _load(path, places), _parsed(model)
        return _compared(name, old, new, inputs)
    except MeasurementError as error:
        return Standing(name, problem=str(error))


def shown(path: Path) -> str:
    """Below the current folder without that."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _load(path: Path, places: Sequence[Path]) -> Any:
    """The model in the file, with weights that lie beside it. Raises MeasurementError."""
    import onnx

    name = shown(path)
    if not path.is_file():
        looked = ", ".join(dict.fromkeys(map(shown, places)))
        raise MeasurementError(f"there is no file to compare with: {looked}")
    with path.open("rb") as file:
        if file.read(len(POINTER)) == POINTER:
            raise MeasurementError(f"{name} is a pointer of Git LFS, not the file itself: git lfs pull")
    try:
        model = onnx.load(path)
        strip(model)
        onnx.checker.check_model(model)
    except Exception as error:
        said = f"{type(error).__name__}: {first_sentence(str(error))}"
        raise MeasurementError(
            f"{name} cannot be read as an ONNX model, it may be damaged: {said}"
        ) from error
    return model


def _parsed(data: bytes) -> Any:
    import onnx

    return onnx.load_from_string(data)


def _compared(path: str, old: Any, new: Any, inputs: Sequence[Tensor]) -> Standing:
    was, now = Flow.of(old), Flow.of(new)
    signatures = tuple(_signatures(old.graph, new.graph))
    alike = was.joined == now.joined
    return Standing(
        path,
        operators=_more(was.operators, now.operators),
        attributes=tuple(_attributes(was, now)) if was.operators == now.operators else (),
        order="" if alike or was.nodes != now.nodes else _order(was.sequence, now.sequence),
        opset=(opset_of(old), opset_of(new)),
        size=(_bytes(was), _bytes(now)),
        signatures=signatures,
        outputs=tuple(_outputs(path, old, new, inputs, bool(signatures))),
        weights=tuple(_weights(was, now)) if alike else (),
    )


def _more(was: Counter[str], now: Counter[str]) -> dict[str, int]:
    return {name: now[name] - was[name] for name in sorted({*was, *now}) if now[name] != was[name]}


def _attributes(was: Flow, now: Flow) -> Iterator[tuple[int, str, str, str]]:
    """Of operators that there are as many of: those with other attributes, paired as they come."""
    gone, come = sorted((was.nodes - now.nodes).elements()), sorted((now.nodes - was.nodes).elements())
    pairs = Counter((old[0], *_differing(old[1], new[1])) for old, new in zip(gone, come, strict=True))
    for (name, old, new), often in pairs.items():
        yield often, name, old, new


def _differing(old: str, new: str) -> tuple[str, str]:
    """Without the attributes that both have."""
    was, now = _split(old), _split(new)
    shown = [
        ", ".join(part for part in mine if part not in other) for mine, other in ((was, now), (now, was))
    ]
    return shown[0] or "(default)", shown[1] or "(default)"


def _split(attributes: str) -> list[str]:
    """`a=[1, 2], b=3` -> `a=[1, 2]`, `b=3`."""
    parts: list[str] = []
    for part in attributes.split(", "):
        if "=" in part or not parts:
            parts.append(part)
        else:
            parts[-1] += f", {part}"
    return parts


def _order(was: Sequence[str], now: Sequence[str]) -> str:
    """How the same operators are joined in another way."""
    place = next((i for i, (old, new) in enumerate(zip(was, now, strict=True)) if old != new), None)
    if place is None:
        return "the same operators, joined in another way"
    return f"the same operators in another order: node {place} was {was[place]}, is {now[place]}"


def _bytes(flow: Flow) -> int:
    return sum(array.nbytes for array in flow.weights.values())


def _signatures(old: Any, new: Any) -> Iterator[tuple[str, str]]:
    """Inputs and outputs that differ in number, type or shape; names are the user's to choose."""
    for what in ("input", "output"):
        was, now = _values(old, what), _values(new, what)
        if len(was) != len(now):
            yield count(len(was), what), count(len(now), what)
            continue
        for place, (one, other) in enumerate(zip(was, now, strict=True)):
            if one != other:
                yield f"{what} {place}: {one}", other


def _values(graph: Any, what: str) -> list[str]:
    """`float32 ?x3x224x224`: a size that is free is a question mark."""
    import onnx

    stored = {tensor.name for tensor in graph.initializer}
    shown = []
    for value in getattr(graph, what):
        if value.name in stored and what == "input":
            continue
        kind = value.type.tensor_type
        sizes = [str(d.dim_value) if d.HasField("dim_value") else "?" for d in kind.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type) if kind.elem_type else "?"
        shown.append(f"{dtype} {'x'.join(sizes) or 'scalar'}")
    return shown


def _outputs(
    path: str, old: Any, new: Any, inputs: Sequence[Tensor], takes_others: bool
) -> Iterator[OutputError]:
    """How far the file's outputs are from today's; none where it `takes_others` than these inputs and refuses them."""
    today = runtime.session(new.SerializeToString())
    expected = [torch.as_tensor(array) for array in runtime.run(today, inputs)]
    try:
        got = runtime.run(runtime.session(old.SerializeToString()), inputs)
    except Exception as error:
        if takes_others:
            return
        said = first_sentence(str(error))
        raise MeasurementError(f"ONNX Runtime cannot run {path}: {type(error).__name__}: {said}") from error
    names = [f"output {place}" for place in range(len(expected))]
    yield from compare(names, got, expected, by="the file")


def _weights(was: Flow, now: Flow) -> Iterator[OutputError]:
    """How far the file's weights are from today's, where both graphs are the same."""
    for old, (name, new) in zip(was.weights.values(), now.weights.items(), strict=False):
        if _is_number(old) and _is_number(new):
            yield from compare([name], [old], [torch.as_tensor(np.array(new))], by="the file")


def _is_number(array: np.ndarray) -> bool:
    """Whether torch has the type."""
    return array.dtype.kind in "iufbc" and array.dtype.name not in ("uint16", "uint32", "uint64")
