"""Probabilities: what a model says of its classes, made of its output as the model means it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ...errors import ExplanationError, ModelRunError
from ...model.subject import Inputs, Subject
from ...text import not_one_of
from .logits import class_logits
from .words import GIVEN, PROBABILITIES, SIGMOID, SOFTMAX

ProbabilityChoice: TypeAlias = str | Callable[..., Tensor] | None
"""How probabilities are made of the output: a word, a callable on the output, or None: as the model means it."""
Top: TypeAlias = tuple[tuple[tuple[int, float], ...], ...]
LIKELIEST = 5
LOGITS = "logits"  # what made the output is no function that ends in probabilities
ENDS = {"Softmax": GIVEN, "Sigmoid": GIVEN, "Hardsigmoid": GIVEN, "Addmm": LOGITS, "Convolution": LOGITS}
# operators that leave probabilities what they are: other shapes, types and places, and means
PASSING = {
    "View",
    "UnsafeView",
    "ReshapeAlias",
    "Squeeze",
    "Unsqueeze",
    "Clone",
    "Alias",
    "ToCopy",
    "T",
    "Transpose",
    "Permute",
    "Select",
    "Slice",
    "Split",
    "SplitWithSizes",
    "Unbind",
    "Expand",
    "AsStrided",
    "Index",
    "Narrow",
    "Cat",
    "Stack",
    "Mean",
    "AvgPool1D",
    "AvgPool2D",
    "AdaptiveAvgPool2D",
}


def checked(probability: object) -> None:
    """Raise ExplanationError for what is neither a word nor a callable."""
    if probability is not None and not callable(probability) and probability not in PROBABILITIES:
        words = not_one_of("probability", probability, PROBABILITIES)
        raise ExplanationError(f"{words}; or a callable on the output that returns (N, classes) in [0, 1]")


def name_of(choice: ProbabilityChoice) -> str:
    """A callable's."""
    return str(getattr(choice, "__name__", type(choice).__name__))


def readable(output: object, samples: int, choice: ProbabilityChoice) -> Tensor:
    """(N, classes): the logits, or what else of the output probabilities are made of; of a callable, these themselves.

    Raises ExplanationError for an output without classes, and for a callable that returns no such tensor.
    """
    if not callable(choice):
        return class_logits(output, samples, "probability")
    try:
        values = choice(output)
    except Exception as error:
        raise ExplanationError(
            f"probability {name_of(choice)} raised {type(error).__name__} on the model's output: {error}"
        ) from error
    if not isinstance(values, Tensor) or values.dim() not in (1, 2) or len(values) != samples:
        shape = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise ExplanationError(
            f"probability {name_of(choice)} returned {shape} for {samples} samples; it must return (N, classes), or "
            "(N,): one value for each sample"
        )
    return values if values.dim() == 2 else values[:, None]


def how(values: Tensor, choice: ProbabilityChoice, made_by: Callable[[], str]) -> str:
    """The word for how probabilities are made of `values` (M, classes), all that were read; a callable's name.

    None asks the model: what is in [0, 1] by a last softmax or sigmoid (`made_by`: GIVEN), or in rows that sum to one,
    is as it is, unless a linear layer made it (`made_by`: LOGITS); one column is a sigmoid's, more a softmax's.
    Raises ExplanationError for a softmax of one column.
    """
    if choice == SOFTMAX and values.shape[1] == 1:
        raise ExplanationError(
            "probability='softmax' of one number for each sample is 1 whatever it is; say 'sigmoid'"
        )
    if choice is not None:
        return name_of(choice) if callable(choice) else choice
    if _are_in_range(values):
        end = made_by()
        if end == GIVEN or (end != LOGITS and sum_to_one(values)):
            return GIVEN
    return SIGMOID if values.shape[1] == 1 else SOFTMAX


def probabilities(values: Tensor, word: str) -> Tensor:
    """(N, classes) of what was read; `word` as `how` says."""
    floats = values.detach().float()
    return floats.softmax(1) if word == SOFTMAX else floats.sigmoid() if word == SIGMOID else floats


def refuse_outside(shares: Tensor, word: str) -> None:
    """Raise ExplanationError where probabilities leave [0, 1]; NaN is told by those who ask for the figure."""
    slack = _rounding(shares)
    outside = (shares < -slack) | (shares > 1 + slack)
    if outside.any():
        sample, column = outside.nonzero()[0].tolist()
        raise ExplanationError(
            f"probability {word!r}: {float(shares[sample, column]):.4g} for class {column} of sample {sample} is no "
            "probability, which lies in [0, 1].\n"
            "Of logits it is made by probability='softmax', or 'sigmoid' where classes do not exclude each other."
        )


def of_group(shares: Tensor, group: Sequence[int], exclusive: bool) -> Tensor:
    """The probability (N,) that one of the classes `group` is there.

    Classes that exclude each other add up; of others it is 1 - prod(1 - p), as if they were independent.
    """
    own = shares[:, list(group)]
    return own.sum(1) if exclusive or len(group) == 1 else 1 - (1 - own).prod(1)


def likeliest(
    subject: Subject, output: object, samples: int, choice: ProbabilityChoice = None
) -> tuple[Top, str]:
    """For each sample the five likeliest classes with their probability, and how these were made of the output.

    Empty for an output without classes, where nobody says how to make them. It runs the model only where the output
    has no graph and may be probabilities or not.
    """
    try:
        values = readable(output, samples, choice)
    except ExplanationError:
        if callable(choice):
            raise
        return (), ""

    def end() -> str:
        if values.grad_fn is not None:
            return made_by(values)
        return made_in_a_run(subject, lambda made: readable(made, samples, choice))

    word = how(values, choice, end)
    shares = probabilities(values, word)
    refuse_outside(shares, word)
    if not torch.isfinite(shares).all():
        return (), ""
    best = shares.topk(min(LIKELIEST, shares.shape[1]))
    rows = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return tuple(tuple(zip(classes, values, strict=True)) for classes, values in rows), word


def sum_to_one(values: Tensor) -> bool:
    """Whether each row does, within rounding of the type: classes that exclude each other."""
    off = (values.detach().double().sum(1) - 1).abs()
    return values.shape[1] > 1 and bool((off <= _rounding(values)).all())


def _are_in_range(values: Tensor) -> bool:
    slack = _rounding(values)
    return bool(((values >= -slack) & (values <= 1 + slack)).all())


def _rounding(values: Tensor) -> float:
    """By how much probabilities of this type may miss their sum."""
    eps = torch.finfo(values.dtype).eps  # of each number; half precision is summed in single
    return 2 * eps + math.sqrt(values.shape[1]) * min(eps, torch.finfo(torch.float32).eps)


def made_by(values: Tensor) -> str:
    """GIVEN where a softmax or a sigmoid made the tensor, LOGITS where a linear layer did; "" where it is not known.

    By the tensor's graph: views, copies, selections and means of it are what it is.
    """
    return _end(values.grad_fn)


def made_in_a_run(subject: Subject, read: Callable[[object], Tensor], inputs: Inputs | None = None) -> str:
    """`made_by` of what `read` takes from the output: one forward with a graph, to ask where it is not known."""
    with torch.inference_mode(False), subject.restored(), torch.enable_grad():
        for parameter in subject.module.parameters():
            if (parameter.is_floating_point() or parameter.is_complex()) and not parameter.is_inference():
                parameter.requires_grad_()
        try:
            output = subject.run(inputs or subject.require_inputs().copied(gradients=False))
        except ModelRunError:  # it runs without a graph alone
            return ""
        return made_by(read(output))


def _end(node: Any) -> str:
    name = _operator(node)
    if name in ENDS:
        return ENDS[name]
    if name in ("Mm", "Bmm") and any(map(_is_weight, _before(node))):  # of probabilities by weights: logits
        return LOGITS
    ends = {_end(one) for one in _before(node)} if name in PASSING else set[str]()
    return ends.pop() if len(ends) == 1 else ""


def _is_weight(node: Any) -> bool:
    """Whether it is a parameter, or frozen."""
    name = _operator(node)
    return name in ("", "AccumulateGrad") or (name in PASSING and all(map(_is_weight, _before(node))))


def _before(node: Any) -> Iterator[Any]:
    return (one for one, _ in node.next_functions)


def _operator(node: Any) -> str:
    return "" if node is None else re.sub(r"Backward\d*$", "", node.name().rpartition("::")[2])
