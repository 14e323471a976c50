"""From a source to a subject: take fixtures' values from the running test, build the model once per test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..demand.plan import missing_model
from ..demand.source import Fixture, Source
from ..errors import SubjectError
from ..settings import Settings

if TYPE_CHECKING:
    import pytest

    from ..model.subject import Subject

OPTIONAL = ("inputs",)  # a fixture that need not exist: parameters are counted without inputs


def missing(source: Source, item: pytest.Item, marker: str, settings: Settings) -> SubjectError | None:
    """The error of a test whose model's fixture does not exist; None if all is there. Runs nothing."""
    model = source.keywords["model"]
    if not isinstance(model, Fixture) or model.name in getattr(item, "fixturenames", ()):
        return None
    return missing_model(marker, model.name, settings, unittest=type(item).__name__ == "TestCaseFunction")


class Resolver:
    """Makes the subjects of one test; equal sources give one subject."""

    def __init__(self, item: pytest.Item, settings: Settings, ready: Callable[[Subject, str], None]) -> None:
        self.item, self.settings, self.ready = item, settings, ready
        self.subjects: dict[Any, Subject] = {}
        self.make: Callable[[Source], Subject] = self._build

    def __call__(self, source: Source) -> Subject:
        """The subject of `source`. Raises SubjectError."""
        key = source.identity
        if key not in self.subjects:
            subject = self.make(source)
            self.subjects[key] = subject
            self.ready(subject, source.written)
        return self.subjects[key]

    def _build(self, source: Source) -> Subject:
        error = missing(source, self.item, "modelcheck", self.settings)
        if error is not None:
            raise error
        from ..model.subject import build_subject

        values = {key: self._value(key, value) for key, value in source.keywords.items()}
        values.setdefault("name", self._parameter_name(source.keywords))
        return build_subject(values.pop("model"), values.pop("inputs", None), **values)

    def _value(self, key: str, value: Any) -> Any:
        if not isinstance(value, Fixture):
            return value
        arguments: Mapping[str, Any] = getattr(self.item, "funcargs", {}) or {}
        if value.name in arguments:
            return _model_like(value.name, arguments[value.name]) if key == "model" else arguments[value.name]
        if key in OPTIONAL and value.name == self.settings.inputs_fixture:
            return None
        raise SubjectError(f"{key}={value.name!r}: there is no fixture of that name for this test")

    def _parameter_name(self, keywords: Mapping[str, Any]) -> str | None:
        """A parametrised fixture's subject is named after the parameter."""
        model = keywords["model"]
        callspec = getattr(self.item, "callspec", None)
        if not isinstance(model, Fixture) or callspec is None or model.name not in callspec.params:
            return None
        if len(callspec.params) == 1:
            return str(callspec.id)
        value = callspec.params[model.name]
        return str(value if isinstance(value, (str, int, float)) else getattr(value, "__name__", callspec.id))


def _model_like(fixture: str, value: Any) -> Any:
    """A module, or what makes one. Raises SubjectError for anything else."""
    if callable(value) or (isinstance(value, str) and ":" in value):
        return value
    from ..model.mistaken import hint

    raise SubjectError(
        f"fixture {fixture!r} returned a {type(value).__name__}, not an nn.Module.\n{hint(value)}\n"
        "If it is another kind of model, name ours: model= on the marker, or the ini key modelcheck_model_fixture."
    )
