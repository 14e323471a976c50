"""A stored file of outputs: lines for a reviewer, and behind them all that is compared, as compressed text.

The lines are made of what lies behind them, and never read back: of the values themselves, where all of them are kept,
so that nobody can review other figures than are compared. No pickle: JSON, then the bytes of the values, those of one
weight side by side, since exponents repeat.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...errors import MeasurementError
from ...text import count
from .result import MOST, Outputs, Row, row_of
from .values import KINDS, Figures, little, places

FORMAT = 1
LIMIT = 256 * 2**10  # bytes of a file
LISTED = 64  # outputs that have lines of their own, and things that are not kept
WIDTH = 100
BEHIND = "values, compressed (zlib, base64):"
_UNPACKED = 2**22  # bytes that a file may unpack to
_LARGEST = 2**40  # values of an output
_CONFLICT = ("<<<<<<< ", ">>>>>>> ")
_DAMAGES = (binascii.Error, zlib.error, ValueError, KeyError, TypeError, RecursionError, OverflowError)


def to_text(outputs: Outputs) -> str:
    """The file. Raises MeasurementError where it would be too large (names of many thousand letters)."""
    behind = _behind(outputs)
    packed = base64.b64encode(zlib.compress(behind, 9)).decode("ascii")
    text = "\n".join([*outputs.lines(LISTED), "", BEHIND, *_wrapped(packed), ""])
    if len(text.encode("utf-8", "surrogatepass")) > LIMIT or len(behind) > _UNPACKED:
        raise MeasurementError(
            f"the outputs of {outputs.name or 'the model'} do not fit into a file of {LIMIT // 2**10} KiB: the "
            f"{count(len(outputs.rows) + len(outputs.others), 'path')} that lead to them are too many or too long.\n"
            "Snapshot a part: a module that returns the outputs that matter."
        )
    return text


def _wrapped(text: str) -> Iterator[str]:
    return (text[start : start + WIDTH] for start in range(0, len(text), WIDTH))


def _behind(outputs: Outputs) -> bytes:
    facts = {"format": FORMAT, "rows": [_told(row) for row in outputs.rows], "others": outputs.others}
    return b"\n".join([json.dumps(facts).encode(), b"".join(_bytes(row.values) for row in outputs.rows)])


def _told(row: Row) -> dict[str, Any]:
    """What the bytes of its values do not tell."""
    told = {"path": row.path, "shape": row.shape, "dtype": row.dtype, "kind": row.values.dtype.name}
    if not row.is_sample:
        return told
    return {**told, "kept": row.values.size, "figures": row.figures, "digest": row.digest}


def _bytes(values: np.ndarray) -> bytes:
    flat = np.ascontiguousarray(little(values)).reshape(-1)
    return flat.view(np.uint8).reshape(-1, values.itemsize).T.tobytes()


def from_text(text: str) -> Outputs:
    """What a file holds. Raises MeasurementError if it is none, damaged, edited, or of another format."""
    try:
        return _from_lines(text.splitlines())
    except MeasurementError:
        if any(line.startswith(_CONFLICT) for line in text.splitlines()):
            raise MeasurementError(
                "the stored file holds a merge conflict: run with --snapshot-update"
            ) from None
        raise


def _from_lines(lines: list[str]) -> Outputs:
    if BEHIND not in lines:
        raise MeasurementError(
            "the stored file holds no values: another tool wrote it, or it was cut; run with --snapshot-update"
        )
    at = lines.index(BEHIND)
    try:
        read = _read(_unpacked("".join(lines[at + 1 :])))
    except _DAMAGES as error:
        raise MeasurementError(f"the stored file is damaged ({error}): run with --snapshot-update") from error
    if lines[:at] != [*read.lines(LISTED), ""]:
        raise MeasurementError(
            "the stored file's lines are not those of its values: they were edited; run with --snapshot-update"
        )
    return read


def _unpacked(packed: str) -> bytes:
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(base64.b64decode(packed, validate=True), _UNPACKED)
    if not unpacker.eof:
        raise ValueError("its values do not end")
    return raw


def _read(raw: bytes) -> Outputs:
    head, _, values = raw.partition(b"\n")
    facts = json.loads(head)
    if facts["format"] != FORMAT:
        raise MeasurementError(
            f"format changed ({facts['format']!r} stored, {FORMAT} now): --snapshot-update"
        )
    rows, start = [], 0
    for told in facts["rows"][:MOST]:
        row = _row(told, values[start:])
        rows.append(row)
        start += row.values.nbytes
    if start != len(values) or len(rows) != len(facts["rows"]):
        raise ValueError("it has more than it tells of")
    arrays = {row.path: row.values for row in rows if not row.is_sample}
    if len({row.path for row in rows}) != len(rows):
        raise ValueError("it has a path twice")
    return Outputs("", tuple(rows), tuple(map(_text, facts["others"])), arrays)


def _row(told: Mapping[str, Any], raw: bytes) -> Row:
    path, dtype, kind = map(_text, (told["path"], told["dtype"], told["kind"]))
    shape = tuple(map(_whole, told["shape"]))
    size, sampled = math.prod(shape), told.get("kept")
    kept = size if sampled is None else _whole(sampled)
    if kind not in KINDS or size > _LARGEST or not (sampled is None or 0 < kept < size):
        raise ValueError(f"no values of {kind!r}, {kept} of {size}")
    values = _values(raw, np.dtype(kind), kept)
    if sampled is None:
        return row_of(path, dtype, values.reshape(shape))
    return Row(
        path, shape, dtype, _figures(told["figures"]), values, places(size, kept), _text(told["digest"])
    )


def _values(raw: bytes, kind: np.dtype[Any], kept: int) -> np.ndarray:
    taken = raw[: kept * kind.itemsize]
    if len(taken) < kept * kind.itemsize:
        raise ValueError("values are missing")
    columns = np.frombuffer(taken, np.uint8).reshape(kind.itemsize, kept)
    return np.ascontiguousarray(columns.T).reshape(-1).view(kind.newbyteorder("<")).astype(kind)


def _figures(told: list[Any]) -> Figures:
    *four, largest, nan, inf = told
    mean, std, low, high = (None if value is None else _number(value) for value in four)
    pairs = tuple((tuple(map(_whole, at)), _number(value)) for at, value in largest)
    return Figures(mean, std, low, high, pairs, _whole(nan), _whole(inf))


def _number(told: object) -> float:
    if not isinstance(told, (int, float)) or not math.isfinite(told):
        raise ValueError(f"{told!r} is no number")
    return told


def _whole(told: object) -> int:
    if not isinstance(told, int) or isinstance(told, bool) or told < 0:
        raise ValueError(f"{told!r} is no whole number from 0 on")
    return told


def _text(told: object) -> str:
    if not isinstance(told, str):
        raise ValueError(f"{told!r} is no text")
    return told
