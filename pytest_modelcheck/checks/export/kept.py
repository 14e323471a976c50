"""The file that a report keeps: which ones, where, and what is said of one that it does not."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

from ...records.whole import write_whole
from ...settings import Settings
from ...text import file_stem
from ...verdict.units import BYTES
from .result import Onnx
from .started import STARTED

KEY = "modelcheck_onnx_keep"
KEEP = Settings().onnx_keep
_WRITTEN: set[Path] = set()  # by this process: none of them is an earlier run's, whatever the clock says


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
        if path in _WRITTEN or not (_made(path, result.model) or _replaced(path, result.model)):
            if path.read_bytes() == result.model:
                return name
            continue
        _WRITTEN.add(path)
        return name
    raise AssertionError("count() ends nowhere")


def _made(path: Path, data: bytes) -> bool:
    """Whether there was no such file; now there is."""
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        return False
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True


def _replaced(path: Path, data: bytes) -> bool:
    """Whether the file was one of an earlier run, so that this one's could take its place."""
    is_older = path.stat().st_mtime < STARTED
    if is_older:
        write_whole(path, data)
    return is_older
