"""Why a model cannot be exported, in a line: exporters explain at length."""

from __future__ import annotations

import re

from ...text import first_sentence

_DATA_DEPENDENT = (
    "data-dependent",
    "data dependent",
    "GuardOnData",
    "_local_scalar_dense",
    "unbacked",
    "aten.nonzero",
)
_FIXED = re.compile(r"static shape of (\d+) for dimension inputs\['?(\w+)'?\](.*?)\.shape\[(\d+)\]")
_DRAWS = "it draws random numbers from a generator of its own, which the exporter cannot write: draw outside of forward"
_REASONS = (  # what the exporter says -> what it means
    (
        "is not a known type",
        "its output is an object that the exporter cannot open: return tuples, lists or dicts",
    ),
    ("Exporting a ScriptModule", "TorchScript is not exported: give the model that it was made from"),
    ("PackedParamsBase", "modules that torch.ao has quantised are not exported: export the float model"),
    ("out of meta tensor", "its tensors are on the meta device: there are no values to export"),
    ("for argument 'generator'", _DRAWS),
    ("argument of type: <class 'torch._C.Generator'>", _DRAWS),  # as torch 2.6 says it
    (
        "(op_type:SequenceAt",
        "onnx.checker refuses the file: onnx takes what SplitToSequence gives for tensors of another rank; a newer "
        "torch writes it otherwise",
    ),
    (
        "No corresponding Numpy type",
        "its outputs are of a type that numpy does not have (bfloat16), so that ONNX Runtime cannot hand them over",
    ),
    (
        "unsupported ScalarType BFloat16",
        "its inputs are of a type that numpy does not have (bfloat16), so that ONNX Runtime cannot be given them",
    ),
)


def short_reason(error: BaseException) -> str:
    """The exporter's reason in one line: what it was about first, then the innermost message."""
    innermost, text = _chain(error)[-1], whole_reason(error)
    if known := next((words for pattern, words in _REASONS if pattern in text), None):
        return known
    if fixed := refused_axes(error):
        return fixed[0]
    message = re.sub(r"^\s*\[ONNXRuntimeError\] : \d+ : \w+ : ", "", str(innermost))
    detail = f"{type(innermost).__name__}: {first_sentence(message)}".rstrip(": ")
    return f"data-dependent ({detail})" if any(word in text for word in _DATA_DEPENDENT) else detail


def refused_axes(error: BaseException) -> tuple[str, ...]:
    """The axes that were asked to be free and that the exporter refuses to free, a sentence for each."""
    found = dict.fromkeys(_FIXED.findall(whole_reason(error)))
    return tuple(
        f"axis {axis} of input '{name}{inner}' was asked to be free (dynamic=), but the model fixes it at {size}"
        for size, name, inner, axis in found
    )


def whole_reason(error: BaseException) -> str:
    """All that it and what led to it say."""
    return "\n".join(f"{type(one).__name__}: {one}" for one in _chain(error))


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = [error]
    while (cause := _cause(chain[-1])) is not None and cause not in chain:
        chain.append(cause)
    return chain


def _cause(error: BaseException) -> BaseException | None:
    """What it was raised for, as a traceback tells it."""
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)
