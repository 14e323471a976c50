"""How a model runs when it is explained: as it is written, in the caller's precision, in reach of a gradient."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge
from torch.overrides import TorchFunctionMode

from ...errors import ExplanationError, ModelRunError, in_short
from ...model.calls import hooked
from ...model.eager import eager
from ...model.recompute import no_recomputing
from ...model.subject import Subject
from ...model.undoing import undoing
from .outputs import tensors

T = TypeVar("T")
_IN_PLACE = ("modified by an inplace operation", "being modified inplace", "used in an in-place operation")
_REFUSED = ("requires grad", "Inference tensor", "inference tensor", *_IN_PLACE)  # torch's words


@contextmanager
def as_written() -> Iterator[None]:
    """In the block nothing is compiled, and nothing computed again in the backward."""
    with eager(), no_recomputing():
        yield


@contextmanager
def exactly() -> Iterator[None]:
    """Arithmetic of our own, and a backward: outside of the caller's autocast, whose model it is about."""
    with ExitStack() as stack:
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


class EnoughSeen(BaseException):
    """Ends a forward of which enough was seen; no model's `except Exception` catches it."""


class _OwnError(BaseException):
    """Carries an exception of ours out of a run of the model, whose it is not; no `except Exception` catches it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


@contextmanager
def within_a_run() -> Iterator[None]:
    """Around what a hook of ours does: an exception leaves the run as ours, see `own_errors`."""
    try:
        yield
    except Exception as error:
        raise _OwnError(error) from error


@contextmanager
def own_errors() -> Iterator[None]:
    """Around a run of the model: what was raised `within_a_run` is raised as it was, and not told as the model's."""
    try:
        yield
    except _OwnError as carried:
        raise carried.error from carried.error.__cause__


class BackwardError(ModelRunError):
    """What was raised on the way back; the original exception is the cause."""


class NoWayBackError(ExplanationError):
    """The model runs, but in no way that a gradient can take."""


class _BrokenError(Exception):
    """A backward that came no further than to the module that it names."""


_FINISHED: ContextVar[list[tuple[str, Tensor]] | None] = ContextVar("finished", default=None)
"""Outputs of modules, the last first, that a backward is tried by one by one; None: it goes all the way at once."""


def back(
    scores: Tensor,
    to: Sequence[Tensor] | Sequence[GradientEdge],
    signal: Tensor | None = None,
    *,
    keep: bool = False,
) -> list[Tensor | None]:
    """The gradient by each of `to`; None where there is none. `keep`: the graph. Raises BackwardError."""
    try:
        return list(torch.autograd.grad(scores, to, signal, retain_graph=keep, allow_unused=True))
    except Exception as error:  # a user's backward may raise anything
        raise BackwardError(in_short(error)) from error


def gradients(scores: Tensor, leaves: Sequence[Tensor], signal: Tensor | None = None) -> list[Tensor]:
    """Of the scores' sum (or of `signal` at the scores) by each leaf; zero where they do not depend on it."""
    if not scores.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    signal, finished = torch.ones_like(scores) if signal is None else signal, _FINISHED.get()
    ways = [("", leaves)]
    if finished:
        before = [*([made] for _, made in finished[1:]), leaves]
        ways = [(module, to) for (module, _), to in zip(finished, before, strict=True)]
    with exactly():
        for module, to in ways:
            try:
                found = back(scores, to, signal, keep=finished is not None)
            except BackwardError as error:
                raise (_BrokenError(module) if finished else error) from error.__cause__
    zero = torch.zeros_like
    return [zero(leaf) if g is None else g for leaf, g in zip(leaves, found, strict=True)]


def _where_it_breaks(subject: Subject, attempt: Callable[[], object]) -> str:
    """In which module the backward of `attempt`, which failed, did so; "" if that cannot be said."""
    names = {module: name for name, module in subject.module.named_modules()}
    thread, finished = threading.get_ident(), list[tuple[str, Tensor]]()

    def note(module: nn.Module, args: object, output: object) -> None:
        if threading.get_ident() == thread and module in names:
            made = [t for _, t in tensors(output) if t.requires_grad]
            finished[:0] = [(names[module], t) for t in made]

    with undoing(partial(_FINISHED.set, _FINISHED.get())):
        _FINISHED.set(finished)
        try:
            with hooked(after=note):
                attempt()
        except _BrokenError as error:
            return str(error)
        except ModelRunError:
            return ""
    return ""


def forgiving(subject: Subject, attempt: Callable[[], T]) -> T:
    """`attempt()`: a run and its backward. Again, with what in-place operators overwrite kept, where these spoil it.

    Raises NoWayBackError where the model runs, but in no way that a gradient can take.
    """
    try:
        return attempt()
    except BackwardError as error:
        if not _said(error, _IN_PLACE):
            raise _no_way_back(subject, error, _where_it_breaks(subject, attempt)) from error
    except ModelRunError as error:
        if not _said(error, _IN_PLACE):
            if refuses_a_graph(error):
                raise _no_way_back(subject, error) from error
            raise
    try:
        with torch.autograd.graph.allow_mutation_on_saved_tensors(), SingleViews():
            return attempt()
    except ModelRunError as error:
        raise _no_way_back(subject, error) from error


def refuses_a_graph(error: ModelRunError) -> bool:
    """Whether the model failed because its tensors have a gradient: without one it may run."""
    return _said(error, _REFUSED)


def _said(error: ModelRunError, words: tuple[str, ...]) -> bool:
    cause = error.__cause__
    return isinstance(cause, RuntimeError) and any(word in str(cause) for word in words)


def _no_way_back(subject: Subject, error: ModelRunError, module: str = "") -> NoWayBackError:
    within = f", in module {module!r}" if module else ""
    told = f"{subject.name}: {error}{within}" if isinstance(error, BackwardError) else str(error)
    return NoWayBackError(
        f"{told}\nThe model runs, but no gradient can go back through it: take score_cam() or eigencam(), which "
        "need none, or another method at a layer behind that place."
    )


class SingleViews(TorchFunctionMode):
    """The pieces of a tensor are made one by one: those that torch makes at once may not be written to in place."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if func not in _PIECES or not args:
            return made
        pieces = [_alike(args[0], piece) for piece in made]
        return iter(pieces) if func is Tensor.__iter__ else type(made)(pieces)


def _alike(whole: Tensor, piece: Tensor) -> Tensor:
    if piece._base is None:
        return piece
    return whole.as_strided(piece.shape, piece.stride(), piece.storage_offset())


_PIECES = {
    getattr(home, name)
    for home in (torch, Tensor)
    for name in ("split", "chunk", "unbind", "tensor_split", "split_with_sizes", "hsplit", "vsplit", "dsplit")
    if hasattr(home, name)
}
_PIECES.add(Tensor.__iter__)
