"""Answers: which number of an output is the target's, run after run, and the probability that it stands for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import numpy as np
import torch
from torch import Tensor

from ...errors import ExplanationError
from ...model.subject import Subject
from .logits import at, candidates, probability_of_one
from .probability import (
    ProbabilityChoice,
    how,
    made_in_a_run,
    name_of,
    of_group,
    probabilities,
    readable,
    refuse_outside,
    sum_to_one,
)
from .targets import class_indices, score
from .words import GIVEN, SIGMOID, SOFTMAX

Group: TypeAlias = int | Collection[int] | Tensor | np.ndarray | Callable[..., Tensor] | None
"""A class, one per sample, a set of classes, or a callable on the output; None: the top class."""
Shown: TypeAlias = tuple[int | str | tuple[int, ...], ...]


@dataclass
class Answers:
    """What is read of each output of `subject` for N samples, and the columns of it that are each sample's target.

    `shown`: the target as results name it. `bare`: what to say where it is the score of a callable, of which nobody
    knows what it stands for.
    """

    subject: Subject
    choice: ProbabilityChoice
    read: Callable[[object], Tensor]
    groups: Sequence[Sequence[int]]
    shown: Shown
    bare: str = ""
    seen: list[Tensor] = field(default_factory=list)
    word: str = field(default="", init=False)
    exclusive: bool = field(default=False, init=False)

    def note(self, output: object) -> None:
        """Keep what one run says."""
        self.seen.append(self.read(output).detach())

    def shares(self) -> tuple[list[list[float]], str]:
        """The target's probability in each run that was noted, for each sample, and how it was made of the output.

        Raises ExplanationError for probabilities that leave [0, 1], and for a score that nobody says how to read.
        """
        values = torch.cat(self.seen)
        self.word = word = how(values, self.choice, lambda: made_in_a_run(self.subject, self.read))
        if self.bare and self.choice is None and word != GIVEN:
            raise ExplanationError(
                f"{self.bare}\nOr say what the score is: probability='sigmoid' of a logit, 'given' of a probability"
            )
        self.exclusive = word == SOFTMAX or (word != SIGMOID and sum_to_one(values))
        for seen in self.seen:
            refuse_outside(probabilities(seen, word), word)
        return list(map(self._of_run, self.seen)), word

    def last(self) -> list[float]:
        """The target's probability in the run that was noted last, wherever it lies, made as for those before it."""
        return self._of_run(self.seen[-1])

    def _of_run(self, values: Tensor) -> list[float]:
        shares = probabilities(values, self.word)
        rows = (of_group(shares[i : i + 1], group, self.exclusive) for i, group in enumerate(self.groups))
        return [float(row) for row in rows]


def answers(
    subject: Subject, output: object, samples: int, target: Group, choice: ProbabilityChoice = None
) -> Answers:
    """How to read the probability of `target` from outputs like this one, of the untransformed input.

    A callable that returns a column of the logits (`output["y"][:, 3]`) is that class. Raises ExplanationError.
    """
    if not callable(target):
        values = readable(output, samples, choice)
        groups = _groups(values, target)
        shown = tuple(group[0] if len(group) == 1 else tuple(group) for group in groups)
        return Answers(subject, choice, lambda out: readable(out, samples, choice), groups, shown)
    scores, names = score(output, target, samples)
    if len(scores) != samples:
        raise ExplanationError(
            f"target {names[0]} returned one value for {samples} samples; one for each is needed"
        )
    return of_scores(
        subject, output, scores, str(names[0]), choice, lambda out: score(out, target, samples)[0][:, None]
    )


def of_scores(
    subject: Subject,
    output: object,
    scores: Tensor,
    name: str,
    choice: ProbabilityChoice,
    read: Callable[[object], Tensor] | None = None,
) -> Answers:
    """`answers` for a callable's `scores` (N,) in this output; `read` is None where the callable is not at hand."""
    samples = len(scores)
    alone = [[0]] * samples
    if callable(choice):
        if readable(output, samples, choice).shape[1] != 1:
            raise ExplanationError(
                f"probability {name_of(choice)} returned a value for each class, and the target {name} is none; "
                "it must return (N,): one value for each sample"
            )
        return Answers(subject, choice, lambda out: readable(out, samples, choice), alone, (name,) * samples)
    found = _column(output, scores, exact=read is not None)
    if found is not None:
        path, column = found
        return Answers(subject, choice, lambda out: _at(out, path), [[column]] * samples, (column,) * samples)
    if read is None:
        raise ExplanationError(_unread(name, output, samples))
    return Answers(subject, choice, read, alone, (name,) * samples, bare=_unread(name, output, samples))


def _at(output: object, path: str) -> Tensor:
    leaf = at(output, path)
    if leaf is None:
        raise ExplanationError(f"the output has no {path} any more: it differs from run to run")
    return leaf.columns


def _column(output: object, scores: Tensor, exact: bool) -> tuple[str, int] | None:
    """Where in the output the scores stand: a tensor's path, and which column of it; None where they do not.

    Not `exact`: scores of another run, which must be near one column alone.
    """
    given = scores.detach().double()
    room = 0.0 if exact else 1e-4 * max(1.0, float(given.abs().max()))
    found = []
    for leaf in candidates(output, len(scores)):
        off = (leaf.columns.detach().double() - given[:, None].to(leaf.tensor.device)).abs().amax(0)
        for column in (off <= room).nonzero().flatten().tolist():
            same = leaf.columns[:, column].data_ptr() == scores.data_ptr()
            found.append((not same, leaf.path, column))
    if not found or (len(found) > 1 and not exact):
        return None
    return min(found)[1:]


def _groups(values: Tensor, target: Group) -> list[list[int]]:
    samples, classes = values.shape
    if isinstance(target, (set, frozenset)):
        if not target:
            raise ExplanationError("target is an empty set of classes")
        members = list(cast("Collection[int]", target))
        group = sorted(set(class_indices(members, len(members), classes)))
        return [group] * samples
    if target is None:
        return [[int(c)] for c in values.argmax(1)]
    return [[c] for c in class_indices(target, samples, classes)]


def _unread(name: str, output: object, samples: int) -> str:
    return (
        f"the target {name} is a callable's score, of which nobody says how likely it is.\n"
        "Say it, one value in [0, 1] for each sample: "
        f"probability=lambda output: {probability_of_one(output, samples)}"
    )
