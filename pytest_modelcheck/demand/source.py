"""Where a subject comes from: what the markers of a test say about it, merged."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import CellType, FunctionType
from typing import Any

from ..settings import Settings

TEXTUAL = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class Fixture:
    """A subject's part that a fixture gives."""

    name: str


@dataclass(frozen=True)
class Source:
    """Where a subject comes from: the merged keywords of its markers, strings that name fixtures as `Fixture`."""

    keywords: Mapping[str, object]

    @property
    def fixtures(self) -> list[str]:
        """The fixtures it needs."""
        return [value.name for value in self.keywords.values() if isinstance(value, Fixture)]

    @property
    def label(self) -> str:
        """What to call it where no subject could be made."""
        model = self.keywords.get("name") or self.keywords["model"]
        if isinstance(model, (str, Fixture)):
            return model.name if isinstance(model, Fixture) else model
        while isinstance(model, functools.partial):
            model = model.func
        return str(getattr(model, "__name__", None) or type(model).__name__)

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for sources that are one subject, in this process."""
        return tuple(
            sorted((key, repr(v) if isinstance(v, Fixture) else id(v)) for key, v in self.keywords.items())
        )

    @property
    def written(self) -> str:
        """What the test says about its subject, equal in every run of the same test: `model=Net, input_size=(1, 8)`.

        Tells the subjects of one test apart where another run is compared with this one.
        """
        return ", ".join(f"{key}={_written(value)}" for key, value in sorted(self.keywords.items()))


def _written(value: object) -> str:
    """A value as text without addresses: by its name, or its type and shape."""
    if isinstance(value, Fixture):
        return f"fixture {value.name}"
    if isinstance(value, TEXTUAL):
        return repr(value)
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_written, value))})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_written(item)}' for key, item in value.items())}}}"
    if isinstance(value, functools.partial):
        said = [
            *map(_written, value.args),
            *(f"{key}={_written(item)}" for key, item in value.keywords.items()),
        ]
        return f"{_written(value.func)}({', '.join(said)})"
    if isinstance(value, FunctionType):
        return f"{value.__qualname__}{_held(value)}"
    if not isinstance(value, type) and hasattr(value, "named_parameters"):
        return f"{type(value).__qualname__}{_shapes(value)}"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"{type(value).__name__}{tuple(shape)}"
    return str(getattr(value, "__qualname__", None) or type(value).__qualname__)


def _held(function: FunctionType) -> str:
    """What tells functions of one name apart: the plain values that one is closed over; of a lambda its constants."""
    code = function.__code__
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    held = [value for value in cells if value is not None and isinstance(value, TEXTUAL)]
    if function.__name__ == "<lambda>":
        held += [
            *code.co_names,
            *(value for value in code.co_consts if value is not None and isinstance(value, TEXTUAL)),
        ]
    return f"({', '.join(map(str, held))})" if held else ""


def _is_filled(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _shapes(module: Any) -> str:
    """What tells models of one class apart, in a few digits: names and shapes of their parameters."""
    try:
        facts = [f"{name}{tuple(tensor.shape)}" for name, tensor in module.named_parameters()]
    except Exception:  # a lazy one has none yet, and a user's class may be no module
        return ""
    return "#" + hashlib.sha256("\n".join(facts).encode("utf-8", "surrogatepass")).hexdigest()[:6]


def merge(layers: Iterable[Mapping[str, object]], settings: Settings) -> Source:
    """The closest layer that says a thing wins; `inputs` and `input_size` say the same thing. Fixtures come last."""
    merged: dict[str, object] = {}
    for layer in layers:
        taken = "inputs" in merged or "input_size" in merged
        for key, value in layer.items():
            if key in merged or (taken and key in ("inputs", "input_size")):
                continue
            merged[key] = _fixture_or_value(key, value)
    merged.setdefault("model", Fixture(settings.model_fixture))
    if "inputs" not in merged and "input_size" not in merged:
        merged["inputs"] = Fixture(settings.inputs_fixture)
    if settings.device:
        merged.setdefault("device", settings.device)
    return Source(merged)


def _fixture_or_value(key: str, value: object) -> object:
    is_name = key in ("model", "inputs") and isinstance(value, str) and ":" not in value
    return Fixture(str(value)) if is_name else value
