"""Read a report.json that someone else wrote: its size, its schema version and its shape are checked first."""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from ..errors import ModelCheckError
from ..record import SCHEMA_VERSION
from ..verdict import Outcome

MAX_BYTES = 64 * 2**20
FILE = "report.json"


class RecordError(ModelCheckError):
    """A file that is not a record we can use."""


class Many:
    """A mapping whose values all have one shape."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


class OneOf:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words


FIGURE = (int, float, type(None))
NUMBER = (int, float, str, type(None))  # NaN and infinities are strings in a record
_MODULE = {"name": str, "type": str}
_SUBJECT = {
    "name": str,
    "type": str,
    "inputs": [str],
    "training": bool,
    "signature": str,
    "nodeids": [str],
    "complexity?": {"modules?": [_MODULE], "unknown_operators?": Many(int)},
    "structure?": {"fingerprint?": str, "modules?": [_MODULE]},
    "weights?": {"tensors?": [{"name": str}]},
}
_CHECK = {
    "nodeid": str,
    "subject": str,
    "metric": str,
    "title": str,
    "value": NUMBER,
    "unit": str,
    "level": OneOf("fail", "warn"),
    "outcome": OneOf(*(outcome.value for outcome in Outcome)),
    "message": str,
    "contributors": [{"module": str, "value": NUMBER, "share": NUMBER}],
    "options": dict,
    "where": str,
    "value_text": str,
    "limit_text": str,
    "headroom": FIGURE,
}
_SIDES = {"base": NUMBER, "head": NUMBER}
_COSTS = {"macs": [(int, float)], "params": [(int, float)]}
_METRIC = {"metric": str, "title": str, "unit": str, "share": FIGURE, "base": FIGURE, "head": FIGURE}
_CHANGED = {
    "name": str,
    "from?": str,
    "status": OneOf("new", "removed", "changed", "unchanged"),
    "metrics": [_METRIC],
    "modules?": [{"module": str, "type": str, "status": OneOf("new", "removed", "changed"), **_COSTS}],
    "structure?": [{"module": str, "change": str, "from": str, "to": str}],
    "operators?": [{"operator": str, **_SIDES}],
    "weights?": {"changed": int, "of": int, "tensors": [{"tensor": str, "base": FIGURE, "head": FIGURE}]},
}
_CHANGES = {
    "error?": str,
    "notes?": [str],
    "base": {"commit": str, "created": str},
    "head": {"commit": str, "created": str},
    "environment": [{"name": str, "base": str, "head": str}],
    "subjects": [_CHANGED],
}
_PANEL = {"nodeid": str, "subject": str, "title": str, "kind": OneOf("text", "table", "image")}
SHAPE = {  # what we rely on; a key with "?" may be missing, all else is passed on as it is
    "schema_version": int,
    "created": str,
    "environment": Many(str),
    "run": {
        "exit_status": int,
        "interrupted": bool,
        "seconds": (int, float),
        "tests": Many(int),
        "no_result": [str],
    },
    "subjects": [_SUBJECT],
    "checks": [_CHECK],
    "panels": [_PANEL],
    "changes?": _CHANGES,
    "dependencies?": [str],
    "broken?": [str],
}


def read_record(path: Path, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The record in `path`: a report.json, a folder or a zip file (an artifact as GitHub hands it out) with one.

    Raises RecordError for a file that is missing, larger than `max_bytes`, no JSON, of another schema version or
    of another shape; it says which and where.
    """
    return check_record(_json(_read(path, max_bytes), path), path)


def check_record(record: Any, path: object) -> dict[str, Any]:
    """`record`, if it has the version and the shape of one; `path` says where it came from. Raises RecordError."""
    version = record.get("schema_version") if isinstance(record, dict) else None
    if type(version) is not int:
        raise RecordError(f"{path} is not a report of pytest-modelcheck: it has no schema_version")
    if version != SCHEMA_VERSION:
        raise RecordError(
            f"{path} has schema_version {version}; this pytest-modelcheck reads {SCHEMA_VERSION}.\n"
            "Write both reports with the same version of pytest-modelcheck."
        )
    problem = _problem(record, SHAPE, "")
    if problem:
        raise RecordError(f"{path} is not a whole report of pytest-modelcheck: {problem}")
    return dict(record)


def number(value: object) -> float | None:
    """A finite number, or None: records hold NaN and infinities as strings."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) else None


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        if path.is_dir():
            path = path / FILE
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                return _limited(file, path, max_bytes)
        with zipfile.ZipFile(path) as archive, archive.open(FILE) as member:
            return _limited(member, path, max_bytes)
    except KeyError:
        raise RecordError(f"{path} holds no {FILE}") from None
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        raise RecordError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _limited(file: IO[bytes], path: Path, max_bytes: int) -> bytes:
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise RecordError(f"{path} is larger than {max_bytes:,} bytes; --max-bytes allows more")
    return data


def _json(data: bytes, path: Path) -> Any:
    try:
        return json.loads(data, parse_constant=_refuse)
    except RecursionError:
        raise RecordError(f"{path} is not JSON that we read: nested too deep") from None
    except ValueError as error:
        raise RecordError(f"{path} is not JSON: {error}") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _problem(value: Any, shape: Any, where: str) -> str:
    """What is wrong with `value`, the first thing found; empty if nothing is."""
    if isinstance(shape, OneOf):
        good = isinstance(value, str) and value in shape.words
        return "" if good else f"{where} is not one of {', '.join(shape.words)}"
    if isinstance(shape, list):
        return _parts_problem(value, list, where, lambda i: f"{where}[{i}]", shape[0])
    if isinstance(shape, Many):
        return _parts_problem(value, dict, where, lambda key: f"{where}.{key}", shape.shape)
    if isinstance(shape, dict):
        return _mapping_problem(value, shape, where)
    wanted = shape if isinstance(shape, tuple) else (shape,)
    if isinstance(value, wanted) and (not isinstance(value, bool) or bool in wanted):
        return ""
    return f"{where} is a {type(value).__name__}, not {' or '.join(t.__name__ for t in wanted)}"


def _parts_problem(
    value: Any,
    kind: type[list[Any]] | type[dict[Any, Any]],
    where: str,
    name: Callable[[Any], str],
    shape: Any,
) -> str:
    if not isinstance(value, kind):
        return f"{where} is a {type(value).__name__}, not {kind.__name__}"
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return next((found for key, item in items if (found := _problem(item, shape, name(key)))), "")


def _mapping_problem(value: Any, shape: Mapping[str, Any], where: str) -> str:
    if not isinstance(value, dict):
        return f"{where or 'the whole'} is a {type(value).__name__}, not dict"
    for key, inner in shape.items():
        name = key.removesuffix("?")
        if name not in value:
            if name == key:
                return f"{where or 'the whole'} has no {name!r}"
            continue
        found = _problem(value[name], inner, f"{where}.{name}".lstrip("."))
        if found:
            return found
    return ""
