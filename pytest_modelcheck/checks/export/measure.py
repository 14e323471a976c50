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

from ...errors import MeasurementError, MissingExtraError, ModelRunError, NothingSeenError
from ...model.shared import shared
from ...model.subject import Inputs, Subject
from ...progress import busy
from ...text import file_stem, first_sentence, printable
from .agreement import compare, silence_of
from .axes import FreeSizes, free_axes, tensor_names
from .result import Onnx, OutputError
from .started import STARTED

SHIPPED = 100_000_000  # bytes; a larger file does not go into the report folder by itself
KEPT = 2**24  # bytes; a larger one is not kept for other tests either
_DATA_DEPENDENT = (
    "data-dependent",
    "data dependent",
    "GuardOnData",
    "_local_scalar_dense",
    "unbacked",
    "aten.nonzero",
)
_FIXED = re.compile(r"static shape of (\d+) for dimension inputs\['?(\w+)'?\](.*?)\.shape\[(\d+)\]")
_REASONS = (  # what the exporter says -> what it means
    (
        "is not a known type",
        "its output is an object that the exporter cannot open: return tuples, lists or dicts",
    ),
    ("Exporting a ScriptModule", "TorchScript is not exported: give the model that it was made from"),
    ("PackedParamsBase", "modules that torch.ao has quantised are not exported: export the float model"),
    ("out of meta tensor", "its tensors are on the meta device: there are no values to export"),
)


@shared(fits=lambda result: len(result.model or b"") < KEPT)
def export(subject: Subject, *, opset: int | None = None, dynamic: object = None) -> Onnx:
    """Export with torch.onnx (dynamo), run onnx.checker and compare with ONNX Runtime on the example inputs.

    `dynamic` is `dynamic_shapes` of torch.onnx.export: along each axis that it frees, model and file are compared at
    other sizes too. A model that cannot be exported gives a result with the reason. Raises NothingSeenError for an axis
    that the file fixes, or that cannot be tried; MissingExtraError, ModelRunError.
    """
    onnx = _require()
    inputs = subject.require_inputs()
    expected = _expected(subject)
    facts: dict[str, Any] = {"name": subject.name, "dynamic": dynamic}
    if not expected:
        return Onnx(
            **facts, reason="its output holds no tensor that an exporter could see (tuples, lists, dicts)"
        )
    try:
        with busy(f"exporting {printable(subject.name)} to ONNX"):
            program = _export(subject, inputs, opset, dynamic)
            model = program.model_proto
            _strip(model)
            data = model.SerializeToString()
            onnx.checker.check_model(data, full_check=True)
    except Exception as error:
        return Onnx(**facts, reason=short_reason(error), details=whole_reason(error))
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
            session = _session(data)
            got = _run(session, inputs)
    except Exception as error:
        reason = f"ONNX Runtime cannot run it: {short_reason(error)}"
        return Onnx(**facts, **known, reason=reason, details=whole_reason(error))
    names = [output.name for output in session.get_outputs()]
    outputs = list(compare(names, got, expected))
    tried = []
    for sizes, other in _at_other_sizes(subject, inputs, dynamic, program, session):
        tried.append(sizes)
        outputs += other
    silence = silence_of(names, expected, lambda other: _expected(subject, other), inputs)
    more: dict[str, Any] = {"tried": tuple(tried), "vacuous": bool(silence), "silence": silence}
    return Onnx(**facts, **known, outputs=tuple(outputs), model=data, **more)


def _at_other_sizes(
    subject: Subject, inputs: Inputs, dynamic: object, program: Any, session: Any
) -> Iterator[tuple[str, list[OutputError]]]:
    """The sizes that were tried along the axes of `dynamic`, and how the outputs compare there.

    Raises NothingSeenError for an axis that the file fixes, and for one that cannot be tried.
    """
    axes = free_axes(subject.module, inputs, dynamic)
    if not axes:
        return
    exported = getattr(program, "exported_program", None)
    free = FreeSizes(subject.name, exported, inputs, axes, tensor_names(subject.module, inputs))
    names = [output.name for output in session.get_outputs()]
    for sizes, given in free.others():
        try:
            expected = _expected(subject, given.copied())
        except ModelRunError as error:
            free.refused(sizes, str(error))
            continue
        try:
            got = _run(session, given)
        except Exception as error:
            raise NothingSeenError(free.not_free(sizes, short_reason(error))) from error
        free.tried(sizes)
        yield str(sizes), list(compare(names, got, expected, str(sizes)))
    free.refuse_untried()


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
    given = inputs.copied()  # older exporters write into them
    with subject.restored(), torch.no_grad(), _quiet():
        program = torch.onnx.export(
            subject.module,
            given.args,
            kwargs=dict(given.kwargs) or None,
            dynamo=True,
            verbose=False,
            **options,
        )
    if program is None:
        raise MeasurementError("torch.onnx.export gave nothing")
    return program


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


def _session(data: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _run(session: Any, inputs: Inputs) -> list[np.ndarray]:
    """Its inputs are the model's tensors, in order. Raises MeasurementError where it takes others."""
    tensors = [t.detach().cpu().numpy() for t in inputs.tensors]
    wanted = [i.name for i in session.get_inputs()]
    if len(wanted) != len(tensors):
        raise MeasurementError(f"the file takes {len(wanted)} inputs, the model {len(tensors)}")
    return list(session.run(None, dict(zip(wanted, tensors, strict=True))))


def _expected(subject: Subject, inputs: Inputs | None = None) -> list[Tensor]:
    """The tensors of the model's own output."""
    with subject.restored(), torch.no_grad():
        return [t for t in _leaves(subject.run(inputs)) if isinstance(t, Tensor)]


def _leaves(output: object) -> list[object]:
    import dataclasses

    if dataclasses.is_dataclass(output) and not isinstance(output, (dict, type)):
        output = [getattr(output, f.name) for f in dataclasses.fields(output)]
    return tree_leaves(output)


def short_reason(error: BaseException) -> str:
    """The exporter's reason in one line: what it was about first, then the innermost message."""
    innermost, text = _chain(error)[-1], whole_reason(error)
    if known := next((words for pattern, words in _REASONS if pattern in text), None):
        return known
    if fixed := _FIXED.search(text):
        size, name, inner, axis = fixed.groups()
        return f"axis {axis} of input '{name}{inner}' was asked to be free (dynamic=), but the model fixes it at {size}"
    message = re.sub(r"^\s*\[ONNXRuntimeError\] : \d+ : \w+ : ", "", str(innermost))
    detail = f"{type(innermost).__name__}: {first_sentence(message)}"
    return f"data-dependent ({detail})" if any(word in text for word in _DATA_DEPENDENT) else detail


def whole_reason(error: BaseException) -> str:
    """All that it and what led to it say."""
    return "\n".join(f"{type(one).__name__}: {one}" for one in _chain(error))


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    return chain
