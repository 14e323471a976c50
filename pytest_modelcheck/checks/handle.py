"""Handle: what `ModelCheck` is apart from its measurements: a subject, and a way into the report of a test."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import MeasurementError, ModelCheckError
from ..model.undoing import unharmed

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self

    from ..model.subject import Subject
    from ..records.recorder import Recorder
    from ..records.section import Ask
    from ..verdict.judge import Verdict
    from .reported import Reported

Made = TypeVar("Made")


class Handle:
    """A model and its inputs; each check folder adds its measurements in a class of its own (`methods.py`)."""

    def __init_subclass__(cls) -> None:
        """Whatever a public method is interrupted by, it leaves nothing."""
        super().__init_subclass__()
        for name, value in [*vars(cls).items()]:
            if isinstance(value, FunctionType) and not name.startswith("_"):
                setattr(cls, name, unharmed(value))

    @unharmed
    def __init__(
        self,
        model: object,
        inputs: object = None,
        *,
        input_size: object = None,
        dtype: object = None,
        device: torch.device | str | int | None = None,
        name: str | None = None,
    ) -> None:
        from ..model.subject import build_subject

        self._recorder: Recorder | None = None
        self._missing: Exception | None = None
        self._subject: Subject | None = build_subject(
            model, inputs, input_size=input_size, dtype=dtype, device=device, name=name
        )

    @classmethod
    def _of(cls, subject: Subject | None, recorder: Recorder, missing: Exception | None = None) -> Self:
        """The fixture's handle; without a subject it only binds others, and says so (`missing`) when used."""
        check = cls.__new__(cls)
        check._subject, check._recorder, check._missing = subject, recorder, missing
        return check

    def __call__(
        self,
        model: object,
        inputs: object = None,
        *,
        input_size: object = None,
        dtype: object = None,
        device: torch.device | str | int | None = None,
        name: str | None = None,
    ) -> Self:
        """Bind another model, with the arguments of the class itself; in a test it joins the report too."""
        other = type(self)(model, inputs, input_size=input_size, dtype=dtype, device=device, name=name)
        other._recorder = self._recorder
        if other._recorder is not None:
            other._recorder.subject(other.subject, f"modelcheck({type(other.subject.module).__name__})")
        return other

    def __repr__(self) -> str:
        return f"{type(self).__name__}({repr(self._subject.name) if self._subject else 'no subject'})"

    @property
    def subject(self) -> Subject:
        """The model and its inputs. Raises SubjectError where a test named none."""
        if self._subject is None:
            raise self._missing or ModelCheckError("this ModelCheck has no subject")
        return self._subject

    @property
    def name(self) -> str:
        """The subject's name."""
        return self.subject.name

    def show(self, title: str, content: object) -> None:
        """Put a panel of your own into the report: text, a table (a list of mappings or rows) or an image.

        Raises ModelCheckError outside a test, and for content of another kind.
        """
        from ..records.recorder import panel_content

        if self._recorder is None:
            raise ModelCheckError(
                "show() puts a panel into a test run's report; here there is no test running"
            )
        kind, shown = panel_content(content)
        self._recorder.panel(self._subject, str(title), kind, shown)

    def _keep(self, result: Reported) -> None:
        """In a test, put a result into its section of the subject's record: the report shows it."""
        if self._recorder is not None:
            self._recorder.result(self.subject, result.section, result)

    def _demand(self, verdict: Verdict) -> None:
        """In a test, have a verdict enforced as a budget's: a breach fails the test when its body ends."""
        if self._recorder is not None:
            self._recorder.owed.append(replace(verdict, signature=self.subject.signature))

    def _ask(self) -> Ask:
        """What asks the base's own model of this subject. Raises MeasurementError where there is no base."""
        from ..verdict.message import NO_BASE

        ask = self._recorder.ask if self._recorder is not None else None
        if ask is None or self._recorder is None:
            raise MeasurementError(f"there is no base: {NO_BASE}")
        source = self._recorder.sources.get(id(self.subject), "")
        return partial(ask, source)

    def _setting(self, name: str) -> Any:
        """In a test, what an option or ini key says; else None."""
        return None if self._recorder is None else getattr(self._recorder.settings, name, None)

    def _threads(self, asked: int | None) -> int | None:
        """How many were asked for; else, in a test, what an option or ini key says. Raises MeasurementError."""
        if asked is not None and (type(asked) is not int or asked < 1):
            raise MeasurementError(f"threads={asked!r} is not a whole number from 1 on")
        return self._setting("threads") if asked is None else asked

    def _own(self, result: Made) -> Made:
        """Remember whose result it is: a snapshot that compares it will ask, in this test or in a later one."""
        from ..model.maker import remember

        remember(result, self.subject)
        if self._recorder is not None:
            self._recorder.own(self.subject, result)
        return result
