"""What a failed or missing snapshot would become: the new file, in the report's folder, ready to be put in its place.

`snapshots/` there holds it under the path of the stored file below pytest's root folder, `snapshots.sha256` says which
files we put there: the next report takes those away, and no others.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..records.reading import contents

if TYPE_CHECKING:
    from syrupy.assertion import AssertionResult

    from .files import StoredFile

FOLDER, SUMS = "snapshots", "snapshots.sha256"
LARGEST = 2**29  # bytes of a file that is looked at


def write_replacement(
    result: AssertionResult, extension: StoredFile, report: Path, root: Path
) -> Path | None:
    """Write the file as `--snapshot-update` would, and return its path; None if that cannot be done.

    `report`: the report's folder; `root`: pytest's root folder.
    """
    from syrupy.data import Snapshot, SnapshotCollection

    stored = Path(result.snapshot_location)
    inside = stored.is_relative_to(root)
    relative = FOLDER / (stored.relative_to(root) if inside else stored.relative_to(stored.anchor))
    place = report / relative
    new = SnapshotCollection(location=str(place))
    new.add(Snapshot(name=result.snapshot_name, data=result.asserted_data))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        extension.write_snapshot_collection(snapshot_collection=new)
        with (report / SUMS).open("a", encoding="utf-8", errors="surrogateescape", newline="\n") as sums:
            sums.write(f"{_digest(place)}  {relative.as_posix()}\n")
    except OSError:  # the report cannot be written either, and says so
        with suppress(OSError):  # nobody would take it away
            place.unlink(missing_ok=True)
        return None
    return place


def remove_replacements(report: Path) -> None:
    """Take away what an earlier run wrote, as long as it is what that run wrote, and folders that this empties."""
    sums, top = report / SUMS, report / FOLDER
    with suppress(OSError):
        for line in contents(sums, LARGEST).decode("utf-8", "surrogateescape").splitlines():
            digest, _, relative = line.partition("  ")
            place = report / relative
            if not place.is_relative_to(top) or ".." in place.relative_to(top).parts:
                continue
            with suppress(OSError):
                _remove(place, digest, top)
        sums.unlink()


def _remove(place: Path, digest: str, top: Path) -> None:
    if _digest(place) != digest:
        return
    place.unlink()
    for folder in (folder for folder in place.parents if folder.is_relative_to(top)):
        folder.rmdir()  # raises where it is not empty


def _digest(file: Path) -> str:
    return hashlib.sha256(contents(file, LARGEST)).hexdigest()


def shown(path: Path) -> str:
    """For a message: below the current folder without that."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
