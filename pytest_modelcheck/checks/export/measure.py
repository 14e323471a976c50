"""Export a subject to ONNX, check the file, and run it beside the model."""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from ...errors import MissingExtraError
from ...model.observe import observe
from ...model.subject import Inputs, Subject
from ...progress import busy
from ...text import file_stem, printable
from .result import Onnx, OutputError
from .started import STARTED

SHIPPED = 100_000_000  # bytes; a larger file does not go into the report folder by itself
ZERO = 1e-30  # outputs below this everywhere hold nothing to compare
DEAF = 1e-6  # relative to its scale: an output that changes less for other inputs does not listen to them
_DATA_DEPENDENT = (
    "data-dependent",
    "data dependent",
    "GuardOnData",
    "_local_scalar_dense",
    "unbacked",
    "aten.nonzero",
)
_REASONS = (  # what the exporter says -> what it means
    (
        "is not a known type",
        "its output is an object that the exporter cannot open: return tuples, lists or dicts",
    ),
    ("Exporting a ScriptModule", "TorchScript is not exported: give the model that it was made from"),
    ("PackedParamsBase", "modules that torch.ao has quantised are not exported: export the float model"),
    ("out of meta tensor", "its tensors are on the meta device: there are no values to export"),
)


def export(subject: Subject, *, opset: int | None = None, dynamic: object = None) -> Onnx:
    """Export with torch.onnx (dynamo), run onnx.checker and compare with ONNX Runtime on the example inputs.

    `dynamic` is `dynamic_shapes` of torch.onnx.export. A model that cannot be exported gives a result with the
    reason. Raises MissingExtraError, ModelRunError.
    """
    onnx = _require()
    inputs = subject.require_inputs()
    with observe(subject.module), torch.no_grad():
        expected = [t for t in _leaves(subject.run()) if isinstance(t, Tensor)]
    facts: dict[str, Any] = {"name": subject.name, "dynamic": dynamic}
    if not expected:
        return Onnx(
            **facts, reason="its output holds no tensor that an exporter could see (tuples, lists, dicts)"
        )
    try:
        with busy(f"exporting {printable(subject.name)} to ONNX"):
            model = _export(subject, inputs, opset, dynamic)
            _strip(model)
            data = model.SerializeToString()
            onnx.checker.check_model(data, full_check=True)
    except Exception as error:
        return Onnx(**facts, reason=short_reason(error))
    known: dict[str, Any] = {
        "opset": next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), None),
        "size_bytes": len(data),
        "operators": _histogram(model.graph.node),
    }
    if opset not in (None, known["opset"]):  # it falls back to its own without a word
        return Onnx(
            **facts, **known, reason=f"torch.onnx gave opset {known['opset']} where {opset} was asked for"
        )
    try:
        with busy(f"running {printable(subject.name)} with ONNX Runtime"):
            names, got = _run(data, inputs)
    except Exception as error:
        return Onnx(**facts, **known, reason=f"ONNX Runtime cannot run it: {short_reason(error)}")
    outputs = tuple(_compare(names, got, expected))
    vacuous = bool(expected) and (
        all(_scale(t) < ZERO for t in expected) or _is_deaf(subject, inputs, expected)
    )
    return Onnx(**facts, **known, outputs=outputs, vacuous=vacuous, model=data)


def keep_file(result: Onnx, folder: Path | None, *, any_size: bool = False) -> Onnx:
    """Write the model below a report folder; the result with its place. Too large or not writable: as it was."""
    import dataclasses

    if folder is None or not result.model or (result.size_bytes > SHIPPED and not any_size):
        return result
    try:
        return dataclasses.replace(result, file=_write(folder, result))
    except OSError:
        return result


def _write(folder: Path, result: Onnx) -> str:
    """Under the first name that no other model of this run has; returns it."""
    (folder / "models").mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        name = f"models/{file_stem(result.name)}{f'-{number}' if number > 1 else ''}.onnx"
        path = folder / name
        try:
            with path.open("xb") as file:
                file.write(result.model)
            return name
        except FileExistsError:
            if path.stat().st_mtime < STARTED:
                result.save(path)
                return name
            if path.read_bytes() == result.model:
                return name
    raise AssertionError("count() ends nowhere")


def _require() -> Any:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtraError(package, "onnx", "the ONNX export") from error
    import onnx

    return onnx


def _export(subject: Subject, inputs: Inputs, opset: int | None, dynamic: object) -> Any:
    options: dict[str, Any] = {"dynamic_shapes": dynamic}
    if opset is not None:
        options["opset_version"] = opset
    with observe(subject.module), torch.no_grad(), _quiet():
        program = torch.onnx.export(
            subject.module,
            inputs.args,
            kwargs=dict(inputs.kwargs) or None,
            dynamo=True,
            verbose=False,
            **options,
        )
    return program.model_proto if program is not None else None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's own prints, warnings and log lines stay out of the terminal."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    trace = logging.getLogger("torch.__trace")  # does not ask what is disabled, and pytest listens to it
    traced, trace.disabled = trace.disabled, True
    sink = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
        trace.disabled = traced


def _strip(model: Any) -> None:
    """Take out what the exporter knows of this machine: stack traces hold absolute paths."""
    graphs = [model.graph, *model.functions]
    while graphs:
        graph = graphs.pop()
        for node in graph.node:
            del node.metadata_props[:]
            graphs += [a.g for a in node.attribute if a.HasField("g")]
        del graph.metadata_props[:]
        for value in graph.value_info:
            del value.metadata_props[:]


def _histogram(nodes: Any) -> dict[str, int]:
    return dict(sorted(Counter(n.op_type for n in nodes).items(), key=lambda pair: (-pair[1], pair[0])))


def _run(data: bytes, inputs: Inputs) -> tuple[list[str], list[np.ndarray]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    tensors = [t.detach().cpu().numpy() for t in inputs.tensors]
    wanted = [i.name for i in session.get_inputs()]
    fed = dict(zip(wanted, tensors, strict=len(wanted) == len(tensors)))
    return [o.name for o in session.get_outputs()], session.run(None, fed)


def _compare(names: list[str], got: list[np.ndarray], expected: list[Tensor]) -> Iterator[OutputError]:
    if len(got) != len(expected):
        reason = f"{len(expected)} outputs expected, ONNX Runtime gave {len(got)}"
        yield OutputError("(outputs)", float("inf"), float("inf"), 0.0, reason=reason)
        return
    for name, value, tensor in zip(names, got, expected, strict=True):
        yield _difference(name, np.asarray(value), tensor)


def _difference(name: str, value: np.ndarray, tensor: Tensor) -> OutputError:
    want = (
        tensor.detach().cpu().double().numpy() if not tensor.is_complex() else tensor.detach().cpu().numpy()
    )
    if value.shape != want.shape:
        reason = f"shape {want.shape} expected, {value.shape} from ONNX Runtime"
        return OutputError(name, float("inf"), float("inf"), 0.0, reason=reason)
    scale = _scale(tensor)
    if not value.size:
        return OutputError(name, 0.0, 0.0, 0.0)
    with np.errstate(invalid="ignore"):
        off = np.abs(value.astype(want.dtype) - want)
    off = np.where(np.isnan(value.astype(want.dtype)) & np.isnan(want), 0.0, off)
    off = np.where(value.astype(want.dtype) == want, 0.0, off)  # infinities
    off = np.where(np.isnan(off), np.inf, off)
    where = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape))
    worst = float(off.max())
    return OutputError(
        name, worst / scale if scale else (0.0 if worst == 0 else float("inf")), worst, scale, where
    )


def _is_deaf(subject: Subject, inputs: Inputs, expected: list[Tensor]) -> bool:
    """Whether no output changes when the floating inputs are others: untrained networks may give their bias alone."""
    generator = torch.Generator().manual_seed(0)

    def other(leaf: object) -> object:
        if not isinstance(leaf, Tensor) or not leaf.is_floating_point():
            return leaf
        noise = torch.rand(leaf.shape, generator=generator).to(leaf)
        return leaf + (noise - 0.5) * (leaf.abs().mean() + 1)

    if not any(t.is_floating_point() for t in inputs.tensors):
        return False
    try:
        with observe(subject.module), torch.no_grad():
            got = [t for t in _leaves(subject.run(inputs.copied().map(other))) if isinstance(t, Tensor)]
    except Exception:  # other inputs may be none that the model takes
        return False
    if [t.shape for t in got] != [t.shape for t in expected]:
        return False
    return all(
        float((a.double() - b.double()).abs().max()) <= DEAF * _scale(b)
        for a, b in zip(got, expected, strict=True)
        if b.numel() and not b.is_complex()
    )


def _scale(tensor: Tensor) -> float:
    """The output's largest finite magnitude."""
    values = tensor.detach().abs().double().flatten()
    finite = values[torch.isfinite(values)]
    return float(finite.max()) if finite.numel() else 0.0


def _leaves(output: object) -> list[object]:
    import dataclasses

    if dataclasses.is_dataclass(output) and not isinstance(output, (dict, type)):
        output = [getattr(output, f.name) for f in dataclasses.fields(output)]
    return tree_leaves(output)


def short_reason(error: BaseException) -> str:
    """The exporter's reason in one line: what it was about first, then the innermost message."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    text = "\n".join(f"{type(e).__name__}: {e}" for e in chain)
    if known := next((words for pattern, words in _REASONS if pattern in text), None):
        return known
    innermost = chain[-1]
    lines = [line.strip() for line in str(innermost).splitlines() if line.strip()]
    message = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", lines[0] if lines else "")
    detail = f"{type(innermost).__name__}: {message}"
    detail = detail if len(detail) <= 200 else detail[:199] + "…"
    return f"data-dependent ({detail})" if any(word in text for word in _DATA_DEPENDENT) else detail
