"""The file that a report keeps: which ones, where, and what is said of one that it does not."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

from ...settings import Settings
from ...text import file_stem
from ...verdict.units import BYTES
from .result import Onnx
from .started import STARTED

KEY = "modelcheck_onnx_keep"
KEEP = Settings().onnx_keep


def keep_file(result: Onnx, folder: Path | None, most: float = KEEP) -> Onnx:
    """Write the model below a report folder, if it has at most so many bytes: the result with its place there, or with
    why it was not kept.
    """
    if folder is None or not result.model:
        return result
    if result.size_bytes > most:
        return replace(result, unkept=_too_large(result, most))
    try:
        return replace(result, file=_write(folder, result))
    except OSError as error:
        return replace(result, unkept=f"not kept: it could not be written ({error.strerror})")


def _too_large(result: Onnx, most: float) -> str:
    limit = f"files up to {BYTES.written('10 MB').format(most)}" if most else "no file"
    size = BYTES.format(result.size_bytes)
    return f"not kept ({size}): ini key {KEY} keeps {limit}; pytest -o {KEY}=all keeps it"


def _write(folder: Path, result: Onnx) -> str:
    """Under the first name that no other model of this run has; returns it."""
    (folder / "models").mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        name = f"models/{file_stem(result.name)}{f'-{number}' if number > 1 else ''}.onnx"
        path = folder / name
        try:
            with path.open("xb") as file:
                file.write(result.model)
            return name
        except FileExistsError:
            if path.stat().st_mtime < STARTED:
                result.save(path)
                return name
            if path.read_bytes() == result.model:
                return name
    raise AssertionError("count() ends nowhere")
