"""What a model's answers may be compared with: another module, or itself run in another way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from ...errors import MeasurementError, ModelRunError, SubjectError
from ...model.eager import is_compiled, uncompiled
from ...model.observe import Observed, is_scripted
from ...model.onnx_packages import load_onnx, untraced
from ...model.silence import unwatched
from ...model.subject import Inputs, Subject, locate_failure, unwrap
from ...text import not_one_of, size_words
from .answer import Answer, answer, as_written, call, refused, seeded, shaken_trace, undone
from .drift import Drift, drift_of, is_deaf
from .words import WORDS


def drift_against(subject: Subject, against: object) -> Drift:
    """The drift of a model against one of `VARIANTS`, or another module. Raises MeasurementError, ModelRunError."""
    if isinstance(against, str):
        refuse_unknown(against)
        refuse_meta(subject)
        made = VARIANTS[against](subject)
        title = against
    else:
        other = _subject(subject, against)
        refuse_meta(subject, other)
        title = other.name
        made = (
            _both_compiled(subject, other) if is_compiled(other.model) else (answer(subject), answer(other))
        )
    return is_deaf(drift_of(subject.name, title, *made, shaken=lambda: shaken_trace(subject)), subject)


def refuse_unknown(word: str) -> None:
    """Raise MeasurementError for a word that is none of `VARIANTS`."""
    if word not in VARIANTS:
        raise MeasurementError(not_one_of("against", word, WORDS))


def refuse_meta(*subjects: Subject) -> None:
    """Raise SubjectError where there are no values."""
    for subject in subjects:
        if subject.device.type == "meta":
            raise SubjectError(
                f"{subject.name}: its tensors are on the meta device, where there are no values to compare.\n"
                "Give a model that is in memory."
            )


def _subject(subject: Subject, against: object) -> Subject:
    """The other module on this one's inputs, on its own device."""
    other = getattr(against, "subject", against)
    module = other.model if isinstance(other, Subject) else other
    if not isinstance(module, nn.Module):
        raise MeasurementError(
            f"against= takes an nn.Module, a ModelCheck or one of {', '.join(map(repr, WORDS))}, "
            f"not {type(against).__name__}"
        )
    name = other.name if isinstance(other, Subject) else f"another {type(unwrap(module)).__name__}"
    made = Subject(name, module)
    return Subject(name, module, subject.require_inputs().to(made.home))


def _both_compiled(subject: Subject, other: Subject) -> tuple[Answer, Answer]:
    """Of another model that is compiled, whole or in parts: it runs as it was given, and no module is watched."""
    from ...model.dynamo import kept

    def run(inputs: Inputs) -> object:
        with locate_failure(other, inputs):
            return other.model(*inputs.args, **inputs.kwargs)

    own = answer(subject, trace=False)
    with kept(other.module), other.restored(guard=False), seeded():
        return own, call(other, trace=False, run=run)


def _cast(dtype: torch.dtype) -> Callable[[Subject], tuple[Answer, Answer]]:
    """Weights and inputs that are floating in another dtype."""

    def cast(leaf: object) -> object:
        return leaf.to(dtype) if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf

    def run(subject: Subject) -> tuple[Answer, Answer]:
        own = answer(subject)
        return own, _changed(subject, str(dtype).removeprefix("torch."), partial(_moved, dtype), cast)

    return run


def _moved(place: torch.dtype | str, module: nn.Module) -> None:
    """By its own `to`; TorchScript's puts other buffers in the place of those that are put back."""
    if not is_scripted(module.modules()):
        module.to(place)
        return
    for tensor in (*module.parameters(), *module.buffers()):
        if isinstance(place, str) or tensor.is_floating_point():
            tensor.data = tensor.data.to(place)


def _changed(
    subject: Subject,
    what: str,
    change: Callable[[nn.Module], object],
    each: Callable[[Any], Any] = lambda leaf: leaf,
    **options: Any,
) -> Answer:
    """The answer after a change of the model, which is taken back, on changed inputs."""
    with subject.restored(), seeded():
        inputs = subject.require_inputs().copied(gradients=False).map(each)
        change(subject.module)
        try:
            return call(subject, inputs, **options)
        except ModelRunError as error:
            raise MeasurementError(f"{subject.name} does not run in {what}.\n{error}") from error


def _autocast(subject: Subject) -> tuple[Answer, Answer]:
    def run(inputs: Inputs) -> object:
        with torch.autocast(subject.device.type, dtype=torch.bfloat16):
            return as_written(subject, inputs)

    own = answer(subject)
    with subject.restored(), seeded():
        return own, call(subject, run=run)


def _channels_last(subject: Subject) -> tuple[Answer, Answer]:
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}

    def each(leaf: object) -> object:
        wanted = formats.get(leaf.dim()) if isinstance(leaf, Tensor) else None
        return leaf if wanted is None else leaf.contiguous(memory_format=wanted)  # type: ignore[attr-defined]

    def change(module: nn.Module) -> None:
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.data = each(tensor.data)  # type: ignore[assignment]

    return answer(subject), _changed(subject, "channels last", change, each)


def _one_by_one(subject: Subject) -> tuple[Answer, Answer]:
    """A batch against as many calls of one. Modules are compared by what they make of the first."""
    inputs = subject.require_inputs()
    size, parts = _batch(inputs)
    if size < 2:
        raise MeasurementError(
            f"{subject.name}: one_by_one compares a batch with as many calls of one, and the inputs are {inputs}.\n"
            "Give inputs with a batch of at least two."
        )

    def first(tensor: Tensor) -> Tensor:
        return tensor[:1] if tensor.dim() and tensor.shape[0] == size else tensor

    with undone(subject), seeded():
        own = call(subject, take=first)
    try:
        alone = [answer(subject, part, trace=number == 0) for number, part in enumerate(parts)]
    except ModelRunError as error:
        raise MeasurementError(
            f"{subject.name} does not run one by one: of the inputs, {inputs}, {_TAKEN}.\n{error}"
        ) from error
    of_all = [path for path, tensor in own.outputs.items() if not tensor.dim()]  # a loss
    kept = {path: tensor for path, tensor in own.outputs.items() if path not in of_all}
    joined = _joined(kept, [{p: t for p, t in part.outputs.items() if p not in of_all} for part in alone])
    strange = [path for path in kept if path in joined and joined[path].shape != kept[path].shape]
    if strange or not kept:
        sizes = (
            [size_words(side[strange[0]].shape) or "one number" for side in (kept, joined)] if strange else []
        )
        what = f"{strange[0]!r} is {sizes[0]} of the batch, {sizes[1]} of calls of one" if strange else _ALL
        raise MeasurementError(
            f"{subject.name}: one_by_one joins what calls of one give along the first axis, but {what}; of the inputs, "
            f"{inputs}, {_TAKEN}.\nGive a model whose inputs and outputs have the batch first."
        )
    told = tuple(f"{path} (one number of the whole batch)" for path in of_all)
    return replace(own, outputs=kept, others=(*own.others, *told)), Answer(joined, (), alone[0].trace)


_ALL = "each output is one number of the whole batch"
_TAKEN = "the first axis is taken for the batch, of lists each entry for an example"


def _batch(inputs: Inputs) -> tuple[int, Iterator[Inputs]]:
    """How many examples there are, and each alone: of lists of tensors the entries are, else what stands on the first
    axis.
    """
    given = (inputs.args, dict(inputs.kwargs))
    found = [leaf for leaf in tree_leaves(given, is_leaf=_is_list) if _is_list(leaf)]
    tensors = [tensor for tensor in inputs.tensors if tensor.dim()]
    size = len(found[0]) if found else next((tensor.shape[0] for tensor in tensors), 0)

    def part(number: int, leaf: Any) -> Any:
        is_batch = _is_list(leaf) or (isinstance(leaf, Tensor) and leaf.dim())
        return leaf[number : number + 1] if is_batch and len(leaf) == size else leaf

    def one(number: int) -> Inputs:
        return Inputs(*tree_map(partial(part, number), given, is_leaf=_is_list))

    return size, map(one, range(size))


def _is_list(leaf: object) -> bool:
    """Of examples: tensors, or what holds some."""
    return (
        isinstance(leaf, list)
        and bool(leaf)
        and all(any(map(torch.is_tensor, tree_leaves(one))) for one in leaf)
    )


def _joined(own: Mapping[str, Tensor], parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """As the batch has them: one after the other, or as many parts of a list."""
    if all(part.keys() == own.keys() for part in parts):
        return {path: _end_to_end([part[path] for part in parts]) for path in own}
    return {
        f"{number}{path.removeprefix('0')}": tensor
        for number, part in enumerate(parts)
        for path, tensor in part.items()
    }


def _end_to_end(parts: Sequence[Tensor]) -> Tensor:
    """The first alone where they have no axis to be joined along, or others."""
    same = all(part.dim() and part.shape[1:] == parts[0].shape[1:] for part in parts)
    return torch.cat([*parts]) if same else parts[0]


def _repeated(subject: Subject) -> tuple[Answer, Answer]:
    """Twice, without putting anything back in between: random numbers and what the model counts go on."""
    with subject.restored(), seeded():
        return call(subject), call(subject)


def _compiled(subject: Subject) -> tuple[Answer, Answer]:
    from .compiling import compiled  # with torch's compiler, which takes long to load

    return compiled(subject)


def _exported(subject: Subject) -> tuple[Answer, Answer]:
    def run(inputs: Inputs, guard: Observed) -> object:
        try:
            program = torch.export.export(subject.module, inputs.args, dict(inputs.kwargs))
            again, module = inputs.copied(gradients=False), program.module()
            with guard:  # its weights are the model's
                return module(*again.args, **again.kwargs)
        except Exception as error:
            raise refused(subject, "torch.export", error) from error

    return _without_modules(subject, run)


def _onnx(subject: Subject) -> tuple[Answer, Answer]:
    load_onnx("drift against ONNX")

    def run(inputs: Inputs, guard: Observed) -> object:
        try:
            given = (subject.module, inputs.args)
            with untraced():
                program = torch.onnx.export(*given, kwargs=dict(inputs.kwargs), dynamo=True, verbose=False)
            again = inputs.copied(gradients=False)
            assert program is not None
            return list(program(*again.args, **again.kwargs))
        except Exception as error:
            raise refused(subject, "torch.onnx", error) from error

    own, other = _without_modules(subject, run)
    return own, Answer(dict(zip(own.outputs, other.outputs.values(), strict=False)))


def _without_modules(subject: Subject, run: Callable[[Inputs, Observed], object]) -> tuple[Answer, Answer]:
    """Compilers take the watch over large tensors for the model's code: it is off, and given to `run`."""
    from ...model.dynamo import uncounted  # with torch's compiler, which takes long to load

    own = answer(subject, trace=False)
    with (
        subject.restored(guard=False) as guard,
        uncompiled(subject.module),
        uncounted(),
        unwatched(),
        seeded(),
    ):
        return own, call(subject, trace=False, run=lambda inputs: run(inputs, guard))


def _cuda(subject: Subject) -> tuple[Answer, Answer]:
    if not torch.cuda.is_available():
        raise MeasurementError(
            f"{subject.name}: against='cuda' compares with a CUDA device, and there is none here.\n"
            "Skip this test where torch.cuda.is_available() is false."
        )

    def each(leaf: object) -> object:
        return leaf.cuda() if isinstance(leaf, Tensor) else leaf

    return answer(subject), _changed(subject, "CUDA", partial(_moved, "cuda"), each)


VARIANTS: Mapping[str, Callable[[Subject], tuple[Answer, Answer]]] = {
    "bfloat16": _cast(torch.bfloat16),
    "float16": _cast(torch.float16),
    "float64": _cast(torch.float64),
    "autocast": _autocast,
    "channels_last": _channels_last,
    "one_by_one": _one_by_one,
    "repeated": _repeated,
    "compile": _compiled,
    "export": _exported,
    "onnx": _onnx,
    "cuda": _cuda,
}
