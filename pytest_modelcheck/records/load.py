"""Read a report.json that someone else wrote: its size, its schema version and its shape are checked first."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from ..errors import ModelCheckError
from .reading import from_json, opened
from .schema import problem
from .section import Catalogue, Section, content_of, sections_of
from .types import SCHEMA_VERSION, Base64, Record, TableContent
from .upgrade import upgraded

MAX_BYTES = 64 * 2**20
FILE = "report.json"
PIECE = 2**22  # bytes that are read at once
_UNREADABLE = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,  # it has a password
    NotImplementedError,
    ValueError,
    OverflowError,
    struct.error,
)  # fmt: skip


class RecordError(ModelCheckError):
    """A file that is not a record we can use."""


def read_record(path: Path, catalogue: Catalogue, max_bytes: int = MAX_BYTES) -> Record:
    """The record in `path`: a report.json, a folder or a zip file (an artifact as GitHub hands it out) with one.

    One of an older release is brought to today's form; the sections of `catalogue` are checked too. Raises
    RecordError for a file that is missing, larger than `max_bytes`, no JSON, of a newer schema or of another shape; it
    says which and where.
    """
    return check_record(_json(_read(path, max_bytes), path), path, catalogue)


def check_record(record: Any, path: object, catalogue: Catalogue) -> Record:
    """`record`, if it has the version and the shape of one; `path` says where it came from. Raises RecordError."""
    version = record.get("schema_version") if isinstance(record, dict) else None
    if type(version) is not int:
        raise RecordError(f"{path} is not a report of pytest-modelcheck: it has no schema_version")
    if not 1 <= version <= SCHEMA_VERSION:
        raise RecordError(
            f"{path} has schema_version {version}; this pytest-modelcheck reads 1 to {SCHEMA_VERSION}.\n"
            "Install the version of pytest-modelcheck that wrote it, or a newer one."
        )
    whole = _current(upgraded(record, version), version, catalogue)
    wrong = (
        problem(whole, Record)
        or _sections_problem(whole, catalogue)
        or _panels_problem(whole)
        or _changes_problem(whole, catalogue)
    )
    if wrong:
        raise RecordError(f"{path} is not a whole report of pytest-modelcheck: {wrong}")
    return cast("Record", whole)


def _current(record: dict[str, Any], version: int, catalogue: Catalogue) -> dict[str, Any]:
    """With the sections of an older record under their names and in their forms of today."""
    subjects = record.get("subjects")
    if version == SCHEMA_VERSION or not isinstance(subjects, list):
        return record
    if not all(isinstance(entry, dict) for entry in subjects):
        return record  # the check of its shape tells
    return {**record, "subjects": [_current_sections(entry, catalogue) for entry in subjects]}


def _current_sections(entry: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    known = catalogue.sections.values()
    names = {old: section.name for section in known for old in section.former}
    made = {names.get(key, key): value for key, value in entry.items()}
    for section in known:
        content = content_of(made, section.name)
        whole = section.upgraded is not None and content and not problem(content, section.type)
        if section.upgraded is not None and whole:
            made[section.name] = section.upgraded(content, sections_of(made))
    return made


def _sections_problem(record: dict[str, Any], catalogue: Catalogue) -> str:
    """What is wrong with the sections of the subjects."""
    for i, entry in enumerate(record["subjects"]):
        for name in sections_of(entry):
            section = catalogue.sections.get(name)
            wrong = section and _section_problem(entry, section, f"subjects[{i}].{name}")
            if wrong:
                return wrong
    return ""


def _section_problem(entry: dict[str, Any], section: Section, where: str) -> str:
    content = entry[section.name]
    if isinstance(content, dict) and isinstance(content.get("error"), str):
        return ""
    wrong = problem(content, section.type, where)
    if wrong or section.problem is None:
        return wrong
    found = section.problem(content_of(entry, section.name))
    return f"in the {section.name} of {entry['name']!r} {found}" if found else ""


def _panels_problem(record: dict[str, Any]) -> str:
    """What is wrong with the content of users' own panels."""
    shapes: dict[str, Any] = {"text": str, "image": Base64, "table": TableContent}
    found = (
        problem(panel["content"], shapes[panel["kind"]], f"panels[{i}].content")
        for i, panel in enumerate(record["panels"])
    )
    return next(filter(None, found), "")


def _changes_problem(record: dict[str, Any], catalogue: Catalogue) -> str:
    """What is wrong with what the sections found changed."""
    shapes = {
        key: shape
        for section in catalogue.sections.values()
        if section.changes is not None
        for key, shape in section.changes.types.items()
    }
    for i, entry in enumerate(record.get("changes", {}).get("subjects", ())):
        for key, shape in shapes.items():
            wrong = problem(entry[key], shape, f"changes.subjects[{i}].{key}") if key in entry else ""
            if wrong:
                return wrong
    return ""


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        if path.is_dir():
            path = path / FILE
        with opened(path) as file:
            if zipfile.is_zipfile(file):
                return _packed(file, path, max_bytes)
            file.seek(0)
            return _limited(file, os.fstat(file.fileno()).st_size, path, max_bytes)
    except KeyError:
        raise RecordError(f"{path} holds no {FILE}") from None
    except _UNREADABLE as error:
        raise RecordError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _packed(file: BinaryIO, path: Path, max_bytes: int) -> bytes:
    """The report in a zip file. Of other ways to pack, zipfile unpacks as much at once as there is."""
    with zipfile.ZipFile(cast("IO[bytes]", _InPieces(file))) as archive:
        found = archive.getinfo(FILE)
        if found.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile("it is packed in a way that is not read here; pack it with zip")
        with archive.open(FILE) as member:
            return _limited(member, found.file_size, path, max_bytes)


class _InPieces:
    """A zip file, of which a piece is read at once: its list of contents may claim to be as long as it likes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """As of any file. Raises BadZipFile for more than a piece."""
        if size > PIECE:
            raise zipfile.BadZipFile("its list of contents is too long")
        return self._file.read(
            size if size >= 0 else PIECE
        )  # without a size: the end, where that list is found


def _limited(file: IO[bytes], size: int, path: Path, max_bytes: int) -> bytes:
    """What is in a file that says to have so many bytes, should these be no more than are allowed."""
    data = bytearray()
    while size <= max_bytes and (piece := file.read(PIECE)):
        data += piece
        size = max(size, len(data))
    if size > max_bytes:
        raise RecordError(f"{path} is larger than {max_bytes:,} bytes; --max-bytes allows more")
    return bytes(data)


def _json(data: bytes, path: Path) -> Any:
    try:
        return from_json(data)
    except ValueError as error:
        raise RecordError(f"{path} is not JSON: {error}") from error
