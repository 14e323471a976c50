"""Read a report.json that someone else wrote: its size, its schema version and its shape are checked first."""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from ..checks.structure.read import graph_problem
from ..errors import ModelCheckError
from ..verdict.judge import Outcome
from .build import SCHEMA_VERSION
from .shape import Described, Many, Matching, OneOf, Optional, Pair
from .shape import problem as shape_problem

MAX_BYTES = 64 * 2**20
DIGITS = 30  # of a whole number; longer ones are no count of anything, and slow
FILE = "report.json"


class RecordError(ModelCheckError):
    """A file that is not a record we can use."""


BASE64 = Matching(r"[A-Za-z0-9+/]*={0,2}", "base64")
FIGURE = (int, float, type(None))
NUMBER = (int, float, str, type(None))  # NaN and infinities are strings in a record
_COST = {"name": str, "type": str, "own_macs?": NUMBER}
_MODULE = {
    "name": str,
    "type": str,
    "depth": int,
    "attributes": str,
    "params": int,
    "own_params": int,
    "frozen": bool,
    "shapes": [Pair(str, [int])],
    "settings": dict,
}
_SCOPE = {"module": str, "type": str, "call": int, "parent": int, "status?": str}
_NODE = {
    "operator": str,
    "scope": int,
    "inputs": [Pair(int, int)],
    "attributes": dict,
    "params": [Pair(str, [int])],
    "shapes": [[int]],
    "dtypes": [str],
    "dynamic": bool,
    "status?": str,
}
_GRAPH = Optional({"nodes": [_NODE], "scopes": [_SCOPE], "unused": int})
_CHANGE = {
    "kind": OneOf("added", "removed", "changed", "moved"),
    "path": str,
    "what": str,
    "before": (str, type(None)),
    "after": (str, type(None)),
    "text": str,
}
_STRUCTURE = {
    "fingerprint?": str,
    "modules?": [_MODULE],
    "graph?": _GRAPH,
    "diff?": {"base": str, "changes": [_CHANGE], "graph": _GRAPH},
}
_HEATMAP = {
    "title": str,
    "method": str,
    "layer": str,
    "target": list,
    "score": [NUMBER],
    "image": BASE64,
    "input": BASE64,
    "nodeid": (str, type(None)),
    "raw?": {"shape": [int], "float32": BASE64},
}
_EXPORT = {
    "name": str,
    "opset?": FIGURE,
    "dynamic?": (str, type(None)),
    "size_bytes?": FIGURE,
    "operators": Many(int),
    "reason?": str,
}
_SUBJECT = {
    "name": str,
    "type": str,
    "inputs": [str],
    "training": bool,
    "signature": str,
    "nodeids": [str],
    "complexity?": {
        "modules?": [_COST],
        "operators?": [{"name": str, "calls?": int}],
        "unknown_operators?": Many(int),
    },
    "memory?": Described([{"total": NUMBER, "phase?": str}]),
    "structure?": _STRUCTURE,
    "heatmaps?": Described([_HEATMAP]),
    "onnx?": Described([_EXPORT]),
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
    "changes?": [{"module": str, "base": NUMBER, "value": NUMBER}],
    "contributors": [{"module": str, "value": NUMBER, "share": NUMBER}],
    "options": dict,
    "where": str,
    "value_text": str,
    "limit_text": str,
    "caveat?": str,
    "reason?": str,
    "protocol?": str,
    "headroom": FIGURE,
}
_COUNT = {"operator": str, "base": int, "head": int}
_HEATMAP_CHANGE = {
    "title": str,
    "from": str,
    "nodeid": (str, type(None)),
    "moved": bool,
    "places": NUMBER,
    "strength": NUMBER,
    "limits": [(int, float)],
    "reason": str,
    "score": [FIGURE],
    "pictures?": [BASE64],
}
_COSTS = {"macs": [(int, float)], "params": [(int, float)]}
_METRIC = {"metric": str, "title": str, "unit": str, "share": FIGURE, "base": FIGURE, "head": FIGURE}
_CHANGED = {
    "name": str,
    "from?": str,
    "status": OneOf("new", "removed", "changed", "unchanged"),
    "metrics": [_METRIC],
    "modules?": [{"module": str, "type": str, "status": OneOf("new", "removed", "changed"), **_COSTS}],
    "structure?": [_CHANGE],
    "graph?": {"base": int, "head": int, "added": int, "removed": int, "changed": int},
    "operators?": [_COUNT],
    "onnx?": [
        {"name": str, "operators": [_COUNT], "opset?": [FIGURE], "size_bytes?": [FIGURE], "reason?": [str]}
    ],
    "heatmaps?": [_HEATMAP_CHANGE],
    "slowdowns?": [{"title": str, "value": (int, float), "interval": [FIGURE], "moved": bool}],
    "weights?": {"changed": int, "of": int, "tensors": [{"tensor": str, "base": FIGURE, "head": FIGURE}]},
}
_CHANGES = {
    "error?": str,
    "notes?": [str],
    "gone?": [str],
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
    "timed?": [Pair(str, str)],
    "gone?": [str],
    "notes?": [str],
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
    problem = shape_problem(record, SHAPE) or _graphs_problem(record)
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
        return json.loads(data, parse_constant=_refuse, parse_int=_int, parse_float=_float)
    except RecursionError:
        raise RecordError(f"{path} is not JSON that we read: nested too deep") from None
    except ValueError as error:
        raise RecordError(f"{path} is not JSON: {error}") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _int(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"a number of {len(text):,} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:DIGITS]} is no number we can hold")
    return value


def _graphs_problem(record: Mapping[str, Any]) -> str:
    """Graphs whose nodes and scopes name each other by wrong numbers: drawing them might never end."""
    for subject in record["subjects"]:
        structure = subject.get("structure", {})
        for graph, ordered in (
            (structure.get("graph"), True),
            (structure.get("diff", {}).get("graph"), False),
        ):
            found = graph_problem(graph, ordered=ordered) if graph else ""
            if found:
                return f"in the graph of {subject['name']!r} {found}"
    return ""
