"""From what dynamo did to what a user is told: each break once, at a line of the user's own, and how often."""

from __future__ import annotations

import inspect
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch

from ...model.dynamo import is_disabled, switched_off
from ...model.subject import Inputs, Subject
from ...text import first_sentence
from .calls import Size, shapes_of
from .result import Break, Compiled, Fallback, Recompile
from .source import Line, Owner, is_dynamo, is_machinery, short_path
from .tracing import Frame, Seen, Trace
from .words import (
    SEVERAL,
    SMALL,
    break_words,
    fallback_words,
    guard_choice,
    guard_hint,
    guard_stack,
    guard_words,
    is_about_small,
    is_static_size,
)

Way = tuple[tuple[str, str], ...]  # functions, from the model's forward to the one with a line


class Findings:
    """What was seen while a subject was called with the inputs `given`: the example, it again, further sizes."""

    def __init__(self, subject: Subject, trace: Trace, given: Sequence[Inputs], dynamic: bool | None) -> None:
        self.subject, self.trace, self.given, self.dynamic = subject, trace, given, dynamic
        self.owner = Owner(subject.module)
        self.root = next((frame for frame in trace.frames if not frame.call), None)

    def told(self, made: Compiled) -> Compiled:
        """`made`, with all of it."""
        found = replace(
            made,
            graphs=self.trace.graphs.count(0),
            breaks=tuple(self._breaks()),
            guards=tuple(self._recompiles(made.sizes)),
            fallback=() if made.reason else tuple(self._fallbacks()),
        )
        nothing = "" if found.graphs or found.reason else self._why_nothing(bool(found.breaks))
        return replace(found, nothing=nothing)

    def _breaks(self) -> Iterator[Break]:
        """Of the first call all; of later ones those that are new."""
        groups: dict[_Place, list[Frame]] = defaultdict(list)
        for frame in self.trace.frames:
            if frame.ended is not None:
                frames = groups[self._place(frame.ended)]
                if not frames or frames[0].call == frame.call:
                    frames.append(frame)
        for place, frames in groups.items():
            modules = tuple(dict.fromkeys(seen.module for seen in _seen(frames)))
            call = frames[0].call
            yield Break(
                reason=break_words(next(_seen(frames)).message).reason,
                kind=place.kind,
                hint=place.hint,
                file=place.line.file if place.line else "",
                line=place.line.number if place.line else 0,
                code=place.line.code if place.line else "",
                function=place.line.function if place.line else "",
                package=f"{short_path(place.within.file)}:{place.within.number}" if place.within else "",
                module=modules[0],
                modules=modules,
                count=_times(frames),
                size=shapes_of(self.given[call]) if call > 1 else "",
            )

    def _place(self, seen: Seen) -> _Place:
        kind, _, hint = break_words(seen.message)
        own, package = self.owner.places(seen.stack)
        last = None if own or is_dynamo(seen.stack[-1].file) else seen.stack[-1]
        return _Place(kind, hint, own and replace(own, resumed=False), package or last)

    def _recompiles(self, sizes: Sequence[Size]) -> Iterator[Recompile]:
        """Functions that were compiled before, and again."""
        known = set()
        for frame in self.trace.frames:
            if frame.compiled and frame.code in known:
                yield self._recompile(frame, sizes)
            if frame.compiled:
                known.add(frame.code)

    def _recompile(self, frame: Frame, sizes: Sequence[Size]) -> Recompile:
        reason = frame.guards[0] if frame.guards else "torch gives no reason"
        shapes = tuple(tuple(map(int, tensor.shape)) for tensor in self.given[frame.call].tensors)
        automatic = self.dynamic is None and frame.symbolic and is_static_size(reason)
        line, small = self._begin(frame), is_about_small(reason, shapes)
        hint = SMALL if small else guard_hint(reason, self.dynamic)
        code, place = self._read(reason)
        return Recompile(
            guard_words(reason),
            sizes[frame.call - 2] if frame.call > 1 else shapes[0] if len(shapes) == 1 else shapes,
            frame.module,
            hint=SEVERAL if not frame.call else hint,
            function=line.function,
            file=line.file,
            line=line.number,
            code=code,
            place=place,
            first=not frame.call,
            again=frame.call == 1,
            automatic=automatic,
            small=small,
        )

    def _read(self, reason: str) -> tuple[str, str]:
        """The user's line that reads what a guard tests, and where it stands."""
        line, _ = self.owner.places([Line.of(*found) for found in guard_stack(reason)])
        if line is not None:
            return line.code, f"{short_path(line.file)}:{line.number}"
        code, place = guard_choice(reason)
        return code, os.path.basename(place)

    def _fallbacks(self) -> Iterator[Fallback]:
        """Functions of the user's that were given up, once each."""
        if (
            is_disabled(self.subject.module) and not self.trace.graphs
        ):  # dynamo is shown torch's wrapper alone
            yield _whole(self.subject.module.forward)
            return
        told = set()
        for frame in self.trace.frames:
            reason = self._given_up(frame)
            if (
                reason
                and frame.line not in told
                and (frame is self.root or not is_machinery(frame.code.co_filename))
            ):
                told.add(frame.line)
                line = self._begin(frame)
                yield Fallback(line.function, line.file, line.number, reason, root=frame is self.root)

    def _begin(self, frame: Frame) -> Line:
        """Where its source begins; of what dynamo puts around a module of torch's own: nowhere."""
        return Line("", 0, "forward") if is_dynamo(frame.code.co_filename) else frame.line

    def _given_up(self, frame: Frame) -> str:
        """Why; "" for a function that was compiled, or that has nothing to compile."""
        if frame.failed is not None:
            return fallback_words(str(getattr(frame.failed, "msg", frame.failed)))
        if frame.ended is not None and not frame.compiled and not frame.skipped:  # torch 2.6, within loops
            return fallback_words(frame.ended.message)
        disabled = (
            frame is self.root and "disabled" in frame.skipped
        )  # of others the caller has a break there
        return first_sentence(frame.skipped) if disabled else ""

    def _why_nothing(self, has_breaks: bool) -> str:
        """Why there is no graph at all."""
        if disabled := switched_off():
            return disabled
        if is_disabled(self.subject.module):
            return "its forward is disabled for torch.compile (torch.compiler.disable)"
        if isinstance(self.subject.module, torch.jit.ScriptModule):
            return "it is TorchScript, which dynamo does not look into; give the module as it is written"
        if self.root is None:
            return "dynamo was not asked to look at any function of it"
        if has_breaks or self._given_up(self.root):
            return "its forward runs eagerly as a whole"
        return "its forward runs no operation on tensors that dynamo can see"


class _Place(NamedTuple):
    """A break's: its kind, what to change, the user's line and that of a package within."""

    kind: str
    hint: str
    line: Line | None
    within: Line | None


def _whole(forward: Any) -> Fallback:
    """Of a model whose forward is disabled."""
    code = getattr(inspect.unwrap(getattr(forward, "__func__", forward)), "__code__", None)
    line = Line.of(code.co_filename, code.co_firstlineno, code.co_name) if code else Line("", 0, "forward")
    why = "it is disabled for torch.compile (torch.compiler.disable)"
    return Fallback(line.function, line.file, line.number, why, root=True)


def _seen(frames: Iterable[Frame]) -> Iterator[Seen]:
    return (frame.ended for frame in frames if frame.ended is not None)


def _times(frames: Iterable[Frame]) -> int:
    """How often a line breaks graphs in one call.

    A function that breaks is met several times: within each function that calls it, and by itself. So for each way to
    the line what counts is the function that met it most often.
    """
    ways: dict[Way, dict[object, int]] = defaultdict(lambda: defaultdict(int))
    for seen in _seen(frames):
        way = tuple(line.name for line in seen.stack if not is_machinery(line.file))
        ways[way][seen.root] += 1
    return sum(max(times.values()) for times in ways.values())
