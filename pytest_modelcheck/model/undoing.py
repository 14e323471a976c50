"""What is undone whatever happens, an interrupt at any moment included: what undoes it is noted before it is done.

Ctrl-C, and the alarm of a plugin that ends slow tests, raise wherever a function of Python's begins or a call of C has
returned: between something done and the `try` that protects it, within `contextlib`, in the middle of a `finally`. A
context manager alone then leaves something, or ends when nobody expects it: once the traceback is forgotten.

So there is a ledger for each thread, and two rules. What changes something for others is done in a block `undoing`,
which first notes how it is undone. And what users call is `unharmed`: where it raises, all that is left on the ledger
is undone, the last first, and what belongs to the process is as it was. A second interrupt, in the middle of that, is
held against it: it begins once more. A third one is not.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_OWN = threading.local()
_ABSENT = object()


def _ledger() -> list[undoing]:
    """This thread's: what is to be undone, the last one last."""
    try:
        return _OWN.ledger  # type: ignore[no-any-return]
    except AttributeError:
        _OWN.ledger = made = list[undoing]()
        return made


class undoing:
    """A context manager: `undo` is called once the block is left, before that of any block around it.

    It may be called before the block has done anything, or twice: it puts back what was, whatever is.
    """

    def __init__(self, undo: Callable[[], object]) -> None:
        self.undo = undo

    def __enter__(self) -> None:
        _ledger().append(self)

    def __exit__(self, *error: object) -> None:
        try:
            self._end()
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        ledger = _ledger()
        if self in ledger:  # else a block around this one has ended: that was late
            _unwind(ledger, ledger.index(self))


def _unwind(ledger: list[undoing], length: int) -> None:
    """Undo until so many are left. What was interrupted stands there still, and is begun anew."""
    while len(ledger) > length:
        ledger[-1].undo()
        ledger.pop()


def unharmed(function: Function) -> Function:
    """A function that, should it raise, has left nothing behind.

    An interrupt that a block turned into an error of its own as it ended (torch's modes, which are gone by then) is one
    still: else whoever pressed Ctrl-C would see a check fail, and the run go on.
    """

    @functools.wraps(function)
    def whole(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        before, handled = _Before(), sys.exc_info()[1]
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            try:
                before.restore(error)
            except BaseException:
                before.restore(error)
                raise
            interrupt = _interrupt_behind(error, handled)
            if interrupt is not None:
                raise interrupt from None
            raise

    return whole  # type: ignore[return-value]


def _interrupt_behind(error: BaseException, handled: BaseException | None) -> KeyboardInterrupt | None:
    """The one that was handled when an error was raised, or when that was which was handled then; not what was
    `handled` already before all of it.
    """
    seen: set[int] = set()
    behind = error.__context__ if isinstance(error, Exception) else None
    while behind is not None and behind is not handled and id(behind) not in seen:
        if isinstance(behind, KeyboardInterrupt):
            return behind
        seen.add(id(behind))
        behind = behind.__context__
    return None


class Noted:
    """How much is on the ledger; `undo` undoes what came onto it since, where `error` interrupted that."""

    def __init__(self) -> None:
        self.ledger = _ledger()
        self.length = len(self.ledger)

    def undo(self, error: BaseException) -> None:
        """The last first; before it whatever hangs on frames that are done."""
        _forget_frames(error)
        while len(self.ledger) > self.length:
            try:
                _unwind(self.ledger, self.length)
            except Exception:  # others must not be lost for it
                self.ledger.pop()


class _Before:
    """How the ledger, the process and its streams are when something begins."""

    def __init__(self) -> None:
        self.noted, self.process = Noted(), None
        if "torch" in sys.modules:  # else there is nothing of it yet
            from .state.process import Process

            self.process = Process(anywhere=True)
        self.streams = sys.stdout, sys.stderr
        self.warnings = {
            name: getattr(warnings, name) for name in ("filters", "showwarning", "_showwarnmsg_impl")
        }
        self.filters = [*warnings.filters]
        self.silence = logging.root.manager.disable

    def restore(self, error: BaseException) -> None:
        """Put all of it back."""
        if self.process is not None:
            self.process.stacks.restore()
        self.noted.undo(error)
        if self.process is not None:
            self.process.restore()
        sys.stdout, sys.stderr = self.streams
        for name, value in self.warnings.items():
            setattr(warnings, name, value)
        if warnings.filters != self.filters:
            warnings.filters[:] = self.filters  # type: ignore[index]
            warnings._filters_mutated() if hasattr(warnings, "_filters_mutated") else None
        if logging.root.manager.disable != self.silence:
            logging.disable(self.silence)


def _forget_frames(error: BaseException) -> None:
    """Let go of context managers that were interrupted as they began or ended: so they end now.

    Held by frames of `contextlib`, and after an interrupt by ours and torch's, whose variables nobody asks for.
    """
    homes: tuple[str, ...] = (contextlib.__file__,)
    if not isinstance(error, Exception):
        homes = (*homes, _PACKAGE, _home("torch"))
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        todo += [one.__cause__, one.__context__]
        for frame in _frames(one.__traceback__):
            if frame.f_code.co_filename.startswith(homes):
                with suppress(RuntimeError):  # it still runs
                    frame.clear()


def _home(package: str) -> str:
    """Where its files lie; nowhere, where it was not loaded."""
    file = getattr(sys.modules.get(package), "__file__", None)
    return os.path.dirname(file or __file__) + os.sep


def _frames(traceback: TracebackType | None) -> list[FrameType]:
    found: list[FrameType] = []
    while traceback is not None:
        found.append(traceback.tb_frame)
        traceback = traceback.tb_next
    return found[::-1]


def at_once(act: Callable[[], object]) -> None:
    """Do it without an interrupt in between; one that comes meanwhile comes after it.

    For what gives numbers that nobody would close if they were lost, such as files and processes: `act` itself keeps
    them, where something that is `undoing` finds them. Signals are handled in the main thread alone.
    """
    with late(lambda _: True):
        act()


@contextmanager
def late(held: Callable[[FrameType | None], bool]) -> Iterator[Callable[[], None]]:
    """A block in which no signal is handled where `held` is true of the frame it comes to.

    It is handled when the function that the block gets is called next, at the latest after the block.
    """
    waiting: list[tuple[int, FrameType | None]] = []
    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        numbers = signal.valid_signals()
        handlers = {n: handler for n in numbers if callable(handler := signal.getsignal(n))}

    def put() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def handle(number: int, frame: FrameType | None) -> None:
        if held(frame):
            waiting.append((number, frame))
        else:
            handlers[number](number, frame)

    def handle_waiting() -> None:
        while waiting:
            number, frame = waiting.pop(0)
            handlers[number](number, frame)

    try:
        with undoing(put):
            for number in handlers:
                signal.signal(number, handle)
            yield handle_waiting
    finally:
        handle_waiting()


@contextmanager
def patched(owner: Any, **values: object) -> Iterator[None]:
    """A block in which these are attributes of a class, a module or an object."""
    own = vars(owner)
    before = {name: own.get(name, _ABSENT) for name in values}
    with undoing(partial(_put, owner, before)):
        for name, value in values.items():
            setattr(owner, name, value)
        yield


def _put(owner: Any, values: dict[str, object]) -> None:
    for name, value in values.items():
        if value is not _ABSENT:
            setattr(owner, name, value)
        elif name in vars(owner):
            delattr(owner, name)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone after the block. (tempfile's own stays if it is interrupted as it is made.)"""
    folder = Path(tempfile.gettempdir(), f"modelcheck-{uuid.uuid4().hex}")
    with undoing(partial(shutil.rmtree, folder, ignore_errors=True)):
        folder.mkdir(mode=0o700)
        yield folder
