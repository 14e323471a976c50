"""What a ModelCheck tells about ONNX."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import MeasurementError, NothingSeenError
from ..handle import Handle
from .check import observed, places

if TYPE_CHECKING:
    from .result import Onnx


class ExportMethods(Handle):
    """Measurements of the ONNX export."""

    def onnx(
        self, *, opset: int | None = None, dynamic: object = None, against: str | PathLike[str] | None = None
    ) -> Onnx:
        """Export to ONNX, check the file, run it with ONNX Runtime on the example inputs, and compare.

        `dynamic`: dynamic_shapes of torch.onnx.export. `.max_relative_error .vacuous .operators .size_bytes`;
        `.save(path)` writes the file. `against`: an .onnx file to compare with (in a test relative to its file, or to
        the rootdir); `.differences` are then what is not the same today, in words. A model that cannot be exported has
        `.reason`. Raises MissingExtraError, ModelRunError; NothingSeenError for a free axis that could not be tried;
        MeasurementError for a file that is missing or damaged.
        """
        recorder = self._recorder
        report = recorder.folder if recorder is not None else None
        files = [] if against is None else self._places(fspath(against))
        result = observed(self.subject, report, self._setting("onnx_keep"), opset, dynamic, files)
        if result.untried:
            raise NothingSeenError(result.untried)
        if result.standing is not None and result.standing.problem:
            raise MeasurementError(f"{result.standing.problem}\n{result.standing.anew}")
        self._keep(result)
        return result

    def _places(self, name: str) -> list[Path]:
        """Where a file may stand; without a test, below the current folder."""
        if self._recorder is None:
            return [Path(name)]
        return places(name, self._recorder.nodeid, self._setting("root"))
