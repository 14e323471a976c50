"""The layers that are explained where none is named: the first that sees the picture, the last that a score reads."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import Node
from torch.utils._pytree import tree_leaves

from ...errors import ExplanationError, ModelRunError
from .images import Images
from .runs import BackwardError, NoWayBackError, back, forgiving
from .survey import Call, Survey, surveyed
from .targets import Target, score

POINTWISE = (  # what leaves a dense output's places and classes what they are
    *(
        "Softmax",
        "LogSoftmax",
        "Sigmoid",
        "LogSigmoidForward",
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Neg",
        "Exp",
        "Clamp",
    ),
    *(
        "ClampMin",
        "Tanh",
        "Relu",
        "Clone",
        "ToCopy",
        "View",
        "UnsafeView",
        "Permute",
        "Transpose",
        "Slice",
        "Alias",
    ),
)
HEAVY = (
    "convolution",
    "mm",
    "batchnorm",
    "batch_norm",
    "groupnorm",
    "group_norm",
    "layernorm",
    "layer_norm",
    "linearbackward",
    "dot",
)


@dataclass(frozen=True)
class Found:
    """What a survey found out: the first layer with weights that sees the picture, and the last that a score reads.

    `call`: of the late one, `early_call` of the other; -1: its last.
    """

    early: str
    late: str
    why: str
    call: int
    early_call: int = -1


LAST = "the last layer with places that the score depends on"
NORM = "the norm before the last attention"


def find_layers(
    images: Images, target: Target = None, *, any_output: bool = False, any_way: bool = False
) -> Found | None:
    """The early and the late layer of the picture; None if none keeps its places.

    `any_output`: where the output has no classes, all of it is the score. `any_way`: of a model that runs without a
    gradient alone, the last that keeps places. One forward of the first sample, and what of the way back is behind the
    layer; of all samples where one alone does not do.
    """
    try:
        return forgiving(images.subject, lambda: _find_layers(images, target, any_output))
    except (NoWayBackError, ModelRunError):
        if not any_way:
            raise
    survey = surveyed_plainly(images)
    if not survey.calls:
        return None
    found = _made(survey, _trusted(survey)[-1], "")
    return replace(found, call=survey.call_of(found.late), early_call=survey.call_of(found.early))


def surveyed_plainly(images: Images) -> Survey:
    """Without a graph; where other inputs stand beside the picture, what it reaches is what changes with it."""
    with surveyed(images, graph=False) as survey:
        pass
    if not images.are_alone:
        batch = images.batch
        other = (batch.float().flip(tuple(range(2, batch.dim()))) * 0.5 + 0.25).to(batch.dtype)
        changed = replace(images, subject=images.subject.on(images.inputs(other)))
        with surveyed(changed, graph=False) as again:
            pass
        for name, sums in survey.sums.items():
            pairs = zip(sums, again.sums.get(name, []), strict=False)
            answers = [number for number, (one, two) in enumerate(pairs) if one != two]
            survey.reached.update({name: answers[-1]} if answers else {})
    return survey


def _find_layers(images: Images, target: Target, any_output: bool) -> Found | None:
    several = len(images.batch) > 1 and "N" in images.axes
    if several and not callable(target):
        try:
            found = _found(images, _of_first(target), any_output, one=True)
        except (ModelRunError, ExplanationError):
            found = None
        if found is not None and found.why:
            return found
    return _found(images, target, any_output, one=False)


def _of_first(target: Target) -> Target:
    """Of one for each sample, the first sample's."""
    if isinstance(target, Sequence):
        return target[:1]
    return target[:1] if isinstance(target, (Tensor, np.ndarray)) and target.ndim else target


def _found(
    images: Images, target: Target, any_output: bool, one: bool, through: bool = False
) -> Found | None:
    with surveyed(images, one, through=through) as survey:
        if not survey.calls:
            return None
        told = through or images.are_alone or any(call.edge for call in survey.calls)
        if told:
            return _made(survey, *_late(survey, _scores(survey, target, any_output)))
    return _found(images, target, any_output, one, through=True)  # whose layers are the picture's?


def _made(survey: Survey, late: Call, why: str) -> Found:
    early = next((c for c in survey.calls if c.trusted and c.has_weights), survey.calls[0])
    return Found(early.name, late.name, why, survey.call(late), survey.call(early))


def _trusted(survey: Survey) -> list[Call]:
    return [call for call in survey.calls if call.trusted] or survey.calls


def _scores(survey: Survey, target: Target, any_output: bool) -> Tensor:
    try:
        return score(survey.output, target, survey.samples)[0]
    except ExplanationError:
        if not any_output:
            raise
    tensors = [t for t in tree_leaves(_fields(survey.output)) if isinstance(t, Tensor) and t.requires_grad]
    return torch.stack([t.float().sum() for t in tensors]) if tensors else torch.zeros(1)


def _late(survey: Survey, scores: Tensor) -> tuple[Call, str]:
    """The last layer that matters; where a class token alone is read, behind the last attention no patch does."""
    trusted = _trusted(survey)
    try:
        matter = _matter(survey, scores)
        found = next(matter, None)
        if found is None:
            return trusted[-1], ""
        if found.layout.front is not None and not found.is_norm and _has_tokens(trusted, found):
            norm = next((c for c in matter if c.is_norm and c.layout.front is not None), None)
            if norm is not None:
                return norm, NORM
        silent = found.layout.front is not None and _has_tokens(trusted, found)
        return found, NORM if found.is_norm and silent else LAST
    except BackwardError:  # there is no way back through this model as it is
        return trusted[-1], ""


def _has_tokens(calls: Sequence[Call], found: Call) -> bool:
    """Whether there are tokens behind `found`: the score does not read them.

    Not those that a module returns beside what is read: they may be made by `found` itself.
    """
    behind = itertools.dropwhile(lambda call: call is not found, calls)
    return any(call.layout.front is not None and not call.among for call in itertools.islice(behind, 1, None))


def _matter(survey: Survey, scores: Tensor) -> Iterator[Call]:
    """The calls on whose places the scores depend: trusted ones from the last on, then the others."""
    calls = _without_the_output(survey, scores)
    ranked = [c for c in reversed(calls) if c.trusted] + [c for c in reversed(calls) if not c.trusted]
    with_graph = [call for call in ranked if call.edge] if scores.requires_grad else []
    start, size = 0, 1
    while start < len(with_graph):  # what is near the end costs little, and is mostly enough
        part = with_graph[start : start + size]
        start, size = start + size, size * 2
        edges = [call.edge for call in part if call.edge]
        gradients = back(scores.sum(), edges, keep=True)
        for call, gradient in zip(part, gradients, strict=True):
            if gradient is not None and call.layout.read(gradient).any():
                yield call


def _without_the_output(survey: Survey, scores: Tensor) -> list[Call]:
    """All calls but those that are a dense output or become it place by place: logits of a segmentation."""
    tensors = [
        t for t in tree_leaves(_fields(survey.output)) if isinstance(t, Tensor) and t.grad_fn is not None
    ]
    dense = [t.grad_fn for t in tensors if t.dim() == len(survey.images.size) + 2]
    nodes = _before(dense, _is_pointwise) & _before([scores.grad_fn], lambda node: not _is_heavy(node))
    return [call for call in survey.calls if not call.edge or call.edge.node not in nodes] or survey.calls


def _fields(output: object) -> object:
    return (
        output
        if isinstance(output, (Tensor, dict, list, tuple))
        else vars(output)
        if hasattr(output, "__dict__")
        else []
    )


def _before(nodes: Sequence[Node | None], goes_on: Callable[[Node], bool]) -> set[Node]:
    """The operators that made a tensor, back to the first that does not go on, with it."""
    found, waiting = set[Node](), [node for node in nodes if node is not None]
    while waiting:
        node = waiting.pop()
        if node in found:
            continue
        found.add(node)
        if goes_on(node):
            waiting += [before for before, _ in node.next_functions if before is not None]
    return found


def _is_pointwise(node: Node) -> bool:
    operator = node.name().partition("Backward")[0].lstrip("_")
    return operator in POINTWISE or operator.startswith("Upsample")


def _is_heavy(node: Node) -> bool:
    return any(word in node.name().lower() for word in HEAVY)
