"""What can go wrong, by kind. Every text is for the user: what happened, where, what to do next."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable

from .text import first_sentence, log_safe

RAISED = (Exception, SystemExit)
"""What a user's model may raise where we run it; one that calls `sys.exit()` leaves a verdict like any other. A skip, a
failure (`pytest.skip`, `pytest.fail`) and an interrupt are the test's own, and go on.
"""


class ModelCheckError(Exception):
    """Base of all errors of pytest-modelcheck. `details`: what another library said at length, where it was cut."""

    details = ""

    def __str__(self) -> str:
        return log_safe(super().__str__())


def in_short(error: BaseException) -> str:
    """An error of another library's in a line: `RuntimeError: mat1 and mat2 shapes cannot be multiplied`."""
    return f"{type(error).__name__}: {first_sentence(str(error))}".rstrip(": ")


def at_length(error: BaseException, told: str) -> str:
    """All that it says, where `told` says less; "" where that is all."""
    whole = f"{type(error).__name__}: {str(error).strip()}"
    return "" if str(error).strip() in told else whole


class LimitError(ModelCheckError, ValueError):
    """A limit or a marker's argument that cannot be understood."""


class SubjectError(ModelCheckError):
    """The model or its inputs were not found, or are not what they should be."""


class ModelRunError(ModelCheckError):
    """The model itself raised; the original exception is the cause."""


class MeasurementError(ModelCheckError):
    """A value could not be measured, or must not be trusted."""


class NothingSeenError(MeasurementError):
    """The measurement ran, but what it looks at did not show: no verdict stands on that, neither pass nor fail.

    Never inconclusive: no number of repetitions would help.
    """


class UngatedError(ModelCheckError):
    """There is nothing at the base to compare with, and that is no failure; says why."""


class ExplanationError(ModelCheckError):
    """A heatmap cannot be made for this model, layer or target."""


class StoredFileError(ModelCheckError):
    """Two assertions would share one stored file."""


class MissingExtraError(ModelCheckError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {package}, which is not installed.\n"
            f'Install it with: pip install "pytest-modelcheck[{extra}]"'
        )


class ModelCheckWarning(UserWarning):
    """A breach at level="warn", or a measurement that could not decide."""

    def __str__(self) -> str:
        return log_safe(super().__str__())


class RegistrationError(ModelCheckError, ValueError):
    """A check, a section or a metric whose name is taken."""


def out_of_sight(modules: Iterable[str], watcher: str) -> str:
    """What to say of modules that ran on another thread; empty if none did."""
    names = [repr(name) if name else "the model itself" for name in modules]
    if not names:
        return ""
    return (
        f"{', '.join(names)} ran on another thread, where {watcher} sees nothing, so that its figure is none of the "
        "whole model.\nGive the model a way to run on the calling thread, for checks alone."
    )


ISSUES = "https://github.com/pytest-modelcheck/pytest-modelcheck/issues"
_HOME = os.path.dirname(__file__) + os.sep
_LIBRARIES = (os.path.dirname(os.__file__) + os.sep, f"{os.sep}site-packages{os.sep}torch{os.sep}")


def own_error(what: str, error: BaseException) -> MeasurementError:
    """For an error in what we do while a model runs, `what` for short: not the model's. A formula may be the user's.

    A refusal of ours stays as it is.
    """
    if isinstance(error, MeasurementError):
        return error
    told = f"{what} failed, {type(error).__name__}: {error}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_library(f.filename)]
    place = f"{frames[-1].filename}:{frames[-1].lineno}: {frames[-1].line}" if frames else "no line is known"
    if frames and not frames[-1].filename.startswith(_HOME):
        return MeasurementError(f"{told}\nat {place}")
    return MeasurementError(
        f"{told}\nat {place}\nThis is an error of pytest-modelcheck, not of the model. Please report it, with the "
        f"traceback: {ISSUES}"
    )


def _is_library(path: str) -> bool:
    """Python's own files and torch's; not others that are installed, which a user may have written."""
    return (path.startswith(_LIBRARIES[0]) and "site-packages" not in path) or _LIBRARIES[1] in path


def unsaved_text(told: Iterable[str]) -> str:
    """A note on what cannot be put back; "" where all can."""
    found = list(told)
    return f"not as before after a check, should a call change it: {', '.join(found)}" if found else ""
