"""What dynamo does while it traces, as it happens: each break with its stack, each function with what became of it.

torch tells this in logs alone (`counters` lack data-dependent branches, `explain` breaks in a first line), so dynamo is
watched where it writes them: all breaks pass `log_graph_break`, all functions the first converter.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType, TracebackType
from typing import Any

import torch
from torch._dynamo import output_graph, symbolic_convert
from torch._dynamo.exc import Unsupported

from ...model.dynamo import conversions
from ...model.undoing import patched
from .source import Line, collapsed, is_machinery

CALLED = "call_compiled"  # the function of ours that calls the model


@dataclass(frozen=True)
class Seen:
    """A graph break: torch's `message`, the lines that led to it, the innermost module.

    `root`: the function that dynamo was tracing, and which of the lines is in it; those after it are what that calls.
    """

    message: str
    stack: tuple[Line, ...]
    module: str
    root: tuple[int, tuple[str, str]]


@dataclass
class Frame:
    """A function that dynamo looked at in a `call`: whether it was `compiled`, else why it was not.

    `ended`: the break at which its graph ends; dynamo begins anew at each that it finds, so that the last one counts.
    `failed`: the exception that ended the attempt; `guards`: what failed of those it was compiled for before;
    `symbolic`: whether its graph takes sizes of any value.
    """

    code: CodeType
    module: str
    call: int
    guards: list[str] = field(default_factory=list)
    ended: Seen | None = None
    compiled: bool = False
    symbolic: bool = False
    failed: BaseException | None = None
    skipped: str = ""

    @property
    def line(self) -> Line:
        """Where it begins."""
        return Line.of(self.code.co_filename, self.code.co_firstlineno, self.code.co_name)


@dataclass
class Trace:
    """All that was seen, call by call; `call` is the number of the one that runs. `names` of modules by id."""

    names: Mapping[int, str]
    call: int = 0
    frames: list[Frame] = field(default_factory=list)
    graphs: list[int] = field(default_factory=list)  # the call of each
    running: list[Frame] = field(default_factory=list)

    def backend(self, graph: Any, inputs: list[Any]) -> Callable[..., Any]:
        """torch.compile's backend: the graph is noted, and runs as it is."""
        self.graphs.append(self.call)
        if self.running:
            self.running[-1].symbolic = any(map(_is_symbolic, inputs))
        forward: Callable[..., Any] = graph.forward
        return forward

    def guard_failed(self, failure: Any) -> None:
        """What dynamo calls with each guard that makes it compile again."""
        if self.running:
            self.running[-1].guards.append(str(failure.reason))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """A block in which all that this thread compiles is noted."""
        translator = symbolic_convert.InstructionTranslatorBase
        with self._logged(translator, threading.get_ident()), conversions(self._frame):
            yield

    @contextmanager
    def _logged(self, translator: Any, thread: int) -> Iterator[None]:
        """Note the breaks; torch before 2.9 logs some of them alone, but gives each graph the reason why it ends."""
        log = getattr(translator, "log_graph_break", None)
        if log is None:
            yield from self._told(thread)
            return
        if "exc" not in log.__code__.co_varnames:
            yield from self._reasons(thread)
            return

        def logged(tx: Any, code_options: Any, reason: str, exc: Any) -> Any:  # as dynamo calls them
            if threading.get_ident() == thread and not getattr(exc, "logged", False):
                self._break(str(exc.msg), getattr(exc, "real_stack", None) or [], exc)
            return log(tx, code_options, reason, exc)

        with patched(translator, log_graph_break=logged):
            yield

    def _told(self, thread: int) -> Iterator[None]:
        """In torch 2.6 a function logs them."""
        log = symbolic_convert.log_graph_break  # type: ignore[attr-defined]

        def logged(
            code_options: Any, reason: str = "", exc_info: bool = False, user_stack: Any = None
        ) -> Any:
            if threading.get_ident() == thread:
                stack = user_stack or torch._guards.TracingContext.extract_stack()
                self._break(reason.removeprefix("Unsupported: "), stack, sys.exc_info()[1])
            return log(code_options, reason, exc_info, user_stack)

        with patched(symbolic_convert, log_graph_break=logged):
            yield

    def _reasons(self, thread: int) -> Iterator[None]:
        made = output_graph.GraphCompileReason.__post_init__

        def noted(reason: Any) -> None:
            if reason.graph_break and threading.get_ident() == thread:
                self._break(str(reason.reason), reason.user_stack, None)
            made(reason)

        with patched(output_graph.GraphCompileReason, __post_init__=noted):
            yield

    @contextmanager
    def _frame(self, frame: Any) -> Iterator[Frame]:
        code = frame.f_code
        module = self._named(_first_argument(code, frame.f_locals), "")
        self.running.append(Frame(code, module, self.call))
        self.frames.append(self.running[-1])
        try:
            yield self.running[-1]
        except BaseException as error:
            self.running[-1].failed = error
            if isinstance(error, Unsupported) and not hasattr(error, "logged"):
                self._break(str(error.msg), error.real_stack, error)
            raise
        finally:
            self.running.pop()

    def _break(self, message: str, stack: Any, error: BaseException | None) -> None:
        if not self.running:
            return
        frames = list(_frames_above())
        above = [Line.of(f.f_code.co_filename, f.f_lineno, f.f_code.co_name) for f in frames]
        traced = [Line.of(str(f.filename), f.lineno or 0, f.name) for f in stack] or [self.running[-1].line]
        known = [line for line in above if not is_machinery(line.file)]
        depth = len(collapsed([*known, traced[0]])) - 1
        lines = collapsed([*known, *traced])
        root = depth, traced[0].name
        self.running[-1].ended = Seen(message, tuple(lines), self._module(frames, error), root)

    def _module(self, above: list[FrameType], error: BaseException | None) -> str:
        """The innermost module: of those that run, then of those that dynamo was tracing when it raised."""
        found = ""
        for frame in (*above, *_frames_of(error)):
            found = self._named(_self_of(frame), found)
        return found

    def _named(self, value: object, otherwise: str) -> str:
        """The module's name, if it is one of the model's."""
        return self.names.get(id(value), otherwise)


def _is_symbolic(value: Any) -> bool:
    shape = getattr(value, "shape", ())
    return isinstance(value, torch.SymInt) or any(isinstance(size, torch.SymInt) for size in shape)


def _frames_above() -> Iterator[FrameType]:
    """The Python frames below our call of the model, from the outermost on; dynamo's among them."""
    frames = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_name != CALLED:
        frames.append(frame)
        frame = frame.f_back
    return reversed(frames)


def _frames_of(error: BaseException | None) -> Iterator[FrameType]:
    """Those that an exception came through, then those of what it was raised for."""
    known: list[BaseException] = []
    while error is not None and error not in known:
        known.append(error)
        step: TracebackType | None = error.__traceback__
        while step is not None:
            yield step.tb_frame
            step = step.tb_next
        error = error.__cause__ or error.__context__


def _self_of(frame: FrameType) -> object:
    """The object whose method runs, or is traced, in a frame."""
    given = frame.f_locals.get("self")
    if not isinstance(given, symbolic_convert.InstructionTranslatorBase):
        return _first_argument(frame.f_code, frame.f_locals)
    traced: Any = _first_argument(given.f_code, given.symbolic_locals)
    cache = vars(traced).get("_cache") if traced is not None else None
    if cache is not None:  # lazy: asking it for its value would add a guard
        traced = cache.vt if cache.vt is not None else cache
    return None if traced is None else vars(traced).get("value")


def _first_argument(code: CodeType, values: Mapping[str, Any]) -> Any:
    """What a method calls self, or by another name; what goes on after a break has other arguments first."""
    if "self" in values:
        return values["self"]
    given = values.get(next((name for name in code.co_varnames if not name.startswith("__")), ""))
    return given if hasattr(type(given), Line.of("", 0, code.co_name).function) else None
