"""What an export found, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path

from ...text import first_line_repr
from ...verdict.units import BYTES


@dataclass(frozen=True)
class OutputError:
    """How far one output of ONNX Runtime is from the model's own.

    `relative` is to the output's largest magnitude; of masks and whole numbers, which have no distance, it is the share
    of entries that differ (`differing` of them). `at`: the sizes of the inputs, where they are not the example's.
    """

    name: str
    relative: float
    absolute: float
    scale: float
    where: tuple[int, ...] = ()
    reason: str = ""
    differing: int = 0
    at: str = ""


@dataclass(frozen=True)
class Onnx:
    """An exported model. `operators` counts nodes by type; `outputs` has an entry for each output, at the example's
    sizes and at each of those that were `tried` along free axes.

    `reason` says why it could not be exported or run (then nothing else is known); `vacuous`: agreement proves nothing,
    since the outputs are zero, empty, NaN, or the same for any input (`silence` says which).
    """

    name: str
    opset: int | None = None
    dynamic: object = None
    size_bytes: int = 0
    operators: Mapping[str, int] = field(default_factory=dict)
    outputs: tuple[OutputError, ...] = ()
    vacuous: bool = False
    silence: str = ""
    tried: tuple[str, ...] = ()
    reason: str = ""
    model: bytes = field(default=b"", repr=False)
    file: str = ""
    details: str = ""  # the reason at length, where it is cut

    @property
    def exported(self) -> bool:
        """Whether there is a model."""
        return not self.reason

    @property
    def max_relative_error(self) -> float | None:
        """The largest `relative` error of any output at any size that was tried; None if not exported."""
        return max((output.relative for output in self.outputs), default=0.0) if self.exported else None

    def disagreement(self, rtol: float, atol: float) -> OutputError | None:
        """The first output that is further off than both tolerances allow."""
        return next((o for o in self.outputs if o.reason or (o.relative > rtol and o.absolute > atol)), None)

    def save(self, path: str | Path) -> Path:
        """Write the .onnx file. Raises OSError."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.model)
        return target

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `onnx`."""
        facts = {k: v for k, v in vars(self).items() if k not in ("model", "outputs", "dynamic")}
        return {
            **facts,
            "dynamic": str(self.dynamic) if self.dynamic else None,
            "tried": list(self.tried),
            "operators": dict(self.operators),
            "outputs": [asdict(output) for output in self.outputs],
            "max_relative_error": self.max_relative_error,
        }

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        if self.reason:
            return f"{self.name}: not exportable: {self.reason}"
        worst = f"largest relative error {self.max_relative_error:.3g}"
        agreement = f"vacuous: of the outputs, {self.silence}" if self.vacuous else worst
        agreement += f", also at {'; '.join(self.tried)}" if self.tried else ""
        counts = ", ".join(f"{name} {count}" for name, count in self.operators.items())
        return f"{self.name}: opset {self.opset}, {BYTES.format(self.size_bytes)}, {agreement}\n{counts}"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"
