"""Where in the user's code something happened: the module whose forward ran, and the line."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FrameType, TracebackType

import torch

_OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep
_TORCH = os.path.dirname(torch.__file__) + os.sep
_AUTOGRAD = (os.path.join(_TORCH, "autograd", ""), os.path.join(_TORCH, "_tensor.py"))


@dataclass(frozen=True)
class Place:
    """The innermost module that ran (None: none of the model's), and the innermost line outside of torch and of us."""

    module: str | None = None
    file: str = ""
    line: int = 0

    @property
    def code(self) -> str:
        """The line itself, as far as it can be read."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        """`model.py:12: return self.fc(x)`; empty where there is no such line."""
        if not self.file:
            return ""
        return f"{_short(self.file)}:{self.line}" + (f": {self.code}" if self.code else "")


def place_of_error(traceback: TracebackType | None, names: Mapping[int, str]) -> Place:
    """Where an exception was raised; `names` of modules by their id."""

    def frames() -> Iterator[tuple[FrameType, int]]:
        step = traceback
        while step is not None:
            yield step.tb_frame, step.tb_lineno
            step = step.tb_next

    return _innermost(frames(), names)


def is_in_backward(traceback: TracebackType | None) -> bool:
    """Whether an exception was raised in a backward that we asked for, and not the model."""
    asked = False
    while traceback is not None:
        path = traceback.tb_frame.f_code.co_filename
        if asked and path.startswith(_AUTOGRAD):
            return True
        asked, traceback = path.startswith(_OURS), traceback.tb_next
    return False


def place_now(names: Mapping[int, str]) -> Place:
    """Where the calling thread is."""

    def frames() -> Iterator[tuple[FrameType, int]]:
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            yield frame, frame.f_lineno
            frame = frame.f_back

    return _innermost(reversed(list(frames())), names)


def _innermost(frames: Iterator[tuple[FrameType, int]], names: Mapping[int, str]) -> Place:
    """`frames` from the outermost on."""
    module, file, line = None, "", 0
    for frame, number in frames:
        module = names.get(id(frame.f_locals.get("self")), module)
        path = frame.f_code.co_filename
        if module is not None and not path.startswith((_OURS, _TORCH, "<")):
            file, line = path, number
    return Place(module, file, line)


def _short(path: str) -> str:
    """Relative to where the user is, if it lies there."""
    relative = os.path.relpath(path) if os.path.isabs(path) else path
    return path if relative.startswith(os.pardir) else relative
