"""Stored files: one for each assertion, under names that cannot meet.

A test's name as syrupy has it (`TestIt.test_it[a]`, then `.1` or `[name]` of the assertion) is the file's name as long
as it is clean: short enough, and without signs that files' names cannot hold. Any other name is cleaned, and ends with
a digest of what it was: `test_it[ab]~306b0382` for `test_it[a/b]`.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import warnings
from collections.abc import Sequence
from errno import EACCES
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from unicodedata import category, normalize

import pytest
from syrupy.extensions.base import AbstractSyrupyExtension
from syrupy.extensions.single_file import SingleFileSnapshotExtension

from ..errors import StoredFileError
from ..records.reading import contents
from ..records.whole import sweep, write_whole

if TYPE_CHECKING:
    from syrupy.data import SnapshotCollection
    from syrupy.location import PyTestLocation
    from syrupy.types import SerializedData, SnapshotIndex

HEATMAP, COMPLEXITY, STRUCTURE, OUTPUTS = ENDINGS = "png", "complexity.txt", "structure.txt", "outputs.txt"
FACTS = "modelcheck"  # the text chunk that tells a PNG of ours from any other
_STAMP = f"zTXt{FACTS}\0".encode()
_LONGEST = 255  # bytes of a file's name
LARGEST = 2**29  # bytes of a file
_DIGEST = re.compile(r"~[0-9a-f]{8}$")


class StoredFile(SingleFileSnapshotExtension):
    """What all our kinds of snapshot have in common."""

    noun: ClassVar[str] = "data"  # what is compared: "complexity"
    advice: ClassVar[str] = "read the file"  # before it is accepted
    told: tuple[str, ...] = ()  # what is to be said with a failed comparison
    former: Path | None = (
        None  # where its file was while several names could come to one; None if that is its name
    )

    def differing(self, actual: SerializedData, expected: SerializedData) -> list[str]:
        """What differs, in words, the most telling first; empty if the two match."""
        raise NotImplementedError

    def gist(self, lines: Sequence[str]) -> str:
        """What differs in one line: the part that differs most, before a whole that is made of it."""
        rest = f", and {len(lines) - 1:,} more" if len(lines) > 1 else ""
        return " ".join(self.telling(lines).split()) + rest

    def telling(self, lines: Sequence[str]) -> str:
        """The most telling of the lines that differ."""
        return lines[0] if lines else ""

    def rule(self) -> str:
        """What to add about how the two were compared."""
        return ""

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: SnapshotIndex = 0) -> str:
        """The file's name, without its ending."""
        full = AbstractSyrupyExtension.get_snapshot_name(test_location=test_location, index=index)
        return _unambiguous(full, _LONGEST - len(f".{cls.file_extension}"))

    @classmethod
    def matches_test_location(cls, *, test_location: PyTestLocation, snapshot_location: str) -> bool:
        """Whether the file may be one of the test's."""
        path = Path(snapshot_location)
        in_place = str(path.parent) == cls.dirname(test_location=test_location)
        return in_place and may_own(test_location.snapshot_name, path.name)

    def read_snapshot_data_from_location(
        self, *, snapshot_location: str, snapshot_name: str, session_id: str
    ) -> SerializedData | None:
        """What is stored; None where nothing is. Bytes that are no text stand in it as `\\xff`.

        Raises StoredFileError for what is no file, or none of ours for its size.
        """
        try:
            data = contents(snapshot_location, LARGEST)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoredFileError(
                f"{snapshot_location} cannot be read: {error.strerror or error}.\n"
                "Take it away, then store it anew with --snapshot-update."
            ) from None
        encoding = self.get_write_encoding()
        if encoding is None:
            return data
        return io.TextIOWrapper(io.BytesIO(data), encoding, "backslashreplace").read()

    @classmethod
    def write_snapshot(cls, **given: Any) -> None:
        """syrupy's, without its warning that a cleaned name is not the test's: older releases do not ask us."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"\s*Can not relate snapshot")
            super().write_snapshot(**given)

    @classmethod
    def write_snapshot_collection(cls, *, snapshot_collection: SnapshotCollection, **given: Any) -> None:
        """syrupy's, whole or not at all: a disk that is full does not cost the file that was there."""
        place = Path(snapshot_collection.location).resolve()  # behind a link
        data = next(iter(snapshot_collection)).data
        if place.exists() and not os.access(place, os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES), str(place))
        sweep(place.parent)
        write_whole(place, data if isinstance(data, bytes) else str(data).encode("utf-8"))

    @classmethod
    def former_location(cls, *, test_location: PyTestLocation, index: SnapshotIndex) -> Path | None:
        """As in `former`."""
        full = AbstractSyrupyExtension.get_snapshot_name(test_location=test_location, index=index)
        ending = f".{cls.file_extension}"
        name = _cleaned(full)[: _LONGEST - len(ending)]
        if name == cls.get_snapshot_name(test_location=test_location, index=index):
            return None
        return Path(cls.dirname(test_location=test_location), name + ending)


def _cleaned(name: str) -> str:
    """Without the signs that syrupy drops: those that files' names cannot hold somewhere, and control characters."""
    return "".join(c for c in name if c not in '\\/?*:|"<>' and "C" not in category(c))


def _unambiguous(full: str, room: int) -> str:
    """`full` if it can be a file's name of at most `room` bytes, else what is left of it and its digest."""
    clean = _cleaned(full)
    if clean == full and len(full.encode()) <= room and not _DIGEST.search(full):
        return full
    digest = hashlib.sha256(full.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{clean.encode()[: room - 9].decode(errors='ignore')}~{digest}"


def may_own(test: str, file: str) -> bool:
    """Whether a test of that name may have stored a file of that name; a name that was cut begins the test's."""
    clean = _cleaned(test)
    if file.startswith(clean):
        return file[len(clean) :][:1] in (".", "[", "~")
    stem = re.split(r"~[0-9a-f]{8}\.|\.[^.\]]+$", file)[0]
    return len(file.encode()) > _LONGEST - 4 and clean.startswith(stem)


def is_ours(path: Path) -> bool:
    """Whether a snapshot of ours is stored there; other extensions of syrupy store PNGs too."""
    loaded, endings = StoredFile.__subclasses__(), set(ENDINGS)
    while loaded:
        kind = loaded.pop()
        endings.add(kind.file_extension)
        loaded += kind.__subclasses__()
    if path.suffix == f".{HEATMAP}":
        try:
            return _STAMP in contents(path, LARGEST)
        except OSError:
            return False
    return path.name.endswith(tuple(f".{ending}" for ending in endings))


class Claim(NamedTuple):
    """An assertion of this run, and its file."""

    location: str
    nodeid: str
    which: SnapshotIndex

    def __str__(self) -> str:
        which = f"name={self.which!r}" if isinstance(self.which, str) else f"assertion {self.which + 1}"
        return f"{self.nodeid} ({which})"


_CLAIMS: pytest.StashKey[dict[str, list[Claim]]] = pytest.StashKey()


def claim(item: pytest.Item, location: str, index: SnapshotIndex) -> None:
    """Note whose file that is. Raises StoredFileError if another assertion of this run has it."""
    mine = Claim(location, item.nodeid, index)
    others = item.config.stash.setdefault(_CLAIMS, {}).setdefault(normalize("NFC", location).casefold(), [])
    for other in others:
        if other[1:] == mine[1:]:
            return
        if other.location == location or _ignores_case(item.path):
            raise shared(location, other, mine)
    others.append(mine)


def shared(location: str, first: Claim, second: Claim) -> StoredFileError:
    """Two assertions, one file."""
    return StoredFileError(
        f"two assertions share one stored file, {location}:\n  {first}\n  {second}\n"
        "Give one of them another name: snapshot(name=...), pytest.param(..., id=...), or another test's name."
    )


def _ignores_case(path: Path) -> bool:
    """Whether the file system there takes `A` and `a` for one name."""
    other = path.with_name(path.name.swapcase())
    return other.exists() and other.samefile(path)
