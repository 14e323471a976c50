"""What an export found, as values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...text import first_line_repr
from ...verdict.units import BYTES
from ..reported import Reported
from .distance import ATOL, RTOL, OutputError, first_beyond

if TYPE_CHECKING:
    from .standing import Standing


@dataclass(frozen=True)
class Onnx(Reported):
    """An exported model. `operators` counts nodes by type; `outputs` has an entry for each output, at the example's
    sizes and at each of those that were `tried` along free axes; `repeat` says how far a second run of the model itself
    is from its first. `left_out`: what the model returns and no file can hold.

    `reason` says why it could not be exported or run (then little else is known); `fixed` which axes were asked to be
    free and are not, `untried` why another could not be tried; `vacuous`: agreement proves nothing, since the outputs
    are zero, empty, NaN, or the same for any input (`silence` says which). `file` is where the report keeps it,
    `unkept` why it does not. `standing`: how a file that stands in the repository compares.
    """

    section = "onnx"

    name: str
    opset: int | None = None
    dynamic: object = None
    size_bytes: int = 0
    operators: Mapping[str, int] = field(default_factory=dict)
    outputs: tuple[OutputError, ...] = ()
    repeat: tuple[OutputError, ...] = ()
    left_out: tuple[str, ...] = ()
    vacuous: bool = False
    silence: str = ""
    tried: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    untried: str = ""
    reason: str = ""
    model: bytes = field(default=b"", repr=False)
    file: str = ""
    unkept: str = ""
    standing: Standing | None = None
    details: str = ""  # the reason at length, where it is cut

    @property
    def exported(self) -> bool:
        """Whether there is a model."""
        return not self.reason

    @property
    def max_relative_error(self) -> float | None:
        """The largest `relative` error of any output at any size that was tried, without end where the file does not
        run: at other sizes of an axis that it fixes. None if not exported.
        """
        if not self.exported:
            return None
        return math.inf if self.fixed else max((output.relative for output in self.outputs), default=0.0)

    @property
    def differences(self) -> list[str]:
        """What a file that stands in the repository has otherwise, in words; empty where it is up to date."""
        return [] if self.standing is None else self.standing.differences(RTOL, ATOL)

    def disagreement(self, rtol: float, atol: float) -> OutputError | None:
        """The first output that is further off than both tolerances allow."""
        return first_beyond(self.outputs, rtol, atol)

    def unsteadiness(self, rtol: float, atol: float) -> OutputError | None:
        """The first output in which two runs of the model itself are further apart than that."""
        return first_beyond(self.repeat, rtol, atol)

    def save(self, path: str | Path) -> Path:
        """Write the .onnx file. Raises OSError."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.model)
        return target

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `onnx`."""
        facts = {k: v for k, v in vars(self).items() if k not in ("model", "outputs", "dynamic")}
        unsteady = self.unsteadiness(RTOL, ATOL)
        return {
            **facts,
            "dynamic": str(self.dynamic) if self.dynamic else None,
            "operators": dict(self.operators),
            "outputs": [asdict(output) for output in self.outputs],
            "repeat": [asdict(output) for output in self.repeat],
            "unsteady": "" if unsteady is None else str(unsteady),
            "max_relative_error": self.max_relative_error,
            "standing": None if self.standing is None else self.standing.to_dict(),
        }

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        if self.reason:
            return f"{self.name}: not exportable: {self.reason}"
        counts = ", ".join(f"{name} {count}" for name, count in self.operators.items())
        first = f"{self.name}: opset {self.opset}, {BYTES.format(self.size_bytes)}, {self._agreement()}"
        return "\n".join([first, counts, *self.differences])

    def _agreement(self) -> str:
        if self.fixed:
            return "; ".join(self.fixed)
        if (unsteady := self.unsteadiness(RTOL, ATOL)) is not None:
            return f"two runs of the model itself differ: {unsteady}"
        worst = f"largest relative error {self.max_relative_error:.3g}"
        agreement = f"vacuous: of the outputs, {self.silence}" if self.vacuous else worst
        return agreement + (f", also at {'; '.join(self.tried)}" if self.tried else "")
