"""What a ModelCheck tells about ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..handle import Handle

if TYPE_CHECKING:
    from .result import Onnx


class ExportMethods(Handle):
    """Measurements of the ONNX export."""

    def onnx(self, *, opset: int | None = None, dynamic: object = None) -> Onnx:
        """Export to ONNX, check the file, run it with ONNX Runtime on the example inputs, and compare.

        `dynamic`: dynamic_shapes of torch.onnx.export. `.max_relative_error .vacuous .operators .size_bytes`;
        `.save(path)` writes the file. A model that cannot be exported has `.reason`. Raises MissingExtraError,
        ModelRunError.
        """
        from .measure import export, keep_file

        result = export(self.subject, opset=opset, dynamic=dynamic)
        result = keep_file(result, self._recorder.folder if self._recorder is not None else None)
        self._keep("onnx", result)
        return result
