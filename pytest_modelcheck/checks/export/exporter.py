"""torch.onnx.export, without its own words and without what it knows of this machine."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils._pytree import tree_map

from ...errors import MeasurementError
from ...model.onnx_packages import untraced
from ...model.silence import unheard, unwatched
from ...model.subject import Inputs, Subject
from ...model.undoing import patched
from .outputs import tensors_alone


def exported(subject: Subject, inputs: Inputs, output: object, opset: int | None, dynamic: object) -> Any:
    """What torch.onnx.export makes of the model; `output` is what the model returns."""
    from ...model.dynamo import uncounted  # with torch's compiler, which takes long to load

    options: dict[str, Any] = {"dynamic_shapes": _understood(dynamic)}
    if opset is not None:
        options["opset_version"] = opset
    given = inputs.copied()  # older exporters write into them
    args, kwargs = given.args, dict(given.kwargs)
    if args and not kwargs and isinstance(args[-1], dict):
        args = (*args, {})  # else it takes a dict in the last place for keywords
    with (
        subject.restored(),
        torch.no_grad(),
        _quiet(),
        untraced(),
        uncounted(),
        tensors_alone(subject.module, output),
    ):
        program = torch.onnx.export(
            subject.module,
            args,
            kwargs=kwargs or None,
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
    trace = logging.getLogger("torch.__trace")  # does not ask what is disabled, and pytest listens to it
    with unheard(), unwatched(), patched(trace, disabled=True):
        yield


def _understood(dynamic: object) -> object:
    """Axes that are free by a name of the user's: torch 2.6 does not take names."""
    if importlib.util.find_spec("torch.onnx._internal.exporter._dynamic_shapes"):
        return dynamic
    return tree_map(lambda axis: torch.export.Dim.DYNAMIC if isinstance(axis, str) else axis, dynamic)


def strip(model: Any) -> None:
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


def histogram(nodes: Any) -> dict[str, int]:
    """How many nodes there are of each type, the most frequent first."""
    return dict(sorted(Counter(n.op_type for n in nodes).items(), key=lambda pair: (-pair[1], pair[0])))


def opset_of(model: Any) -> int | None:
    """The version of the standard operators; None for a file that uses none."""
    return next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), None)
