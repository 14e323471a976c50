"""Text snapshots: one readable file per assertion, so that the pull request's own diff is the report.

A kind of snapshot is a `TextExtension` with a file ending, the type it takes, `text(data)`, and (where equal text is
not the rule) `differences`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from .assertion import TellingSnapshot

if TYPE_CHECKING:
    from syrupy.types import SerializableData, SerializedData

SHOWN = 40  # lines of a difference


class TextExtension(SingleFileSnapshotExtension):
    """Stores what `text(data)` says. Two kinds in one test need different endings: `test_it.complexity.txt`."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"
    noun: ClassVar[str] = "text"  # what is compared: "complexity"
    usage: ClassVar[str] = ""  # how to write the assertion

    def accepts(self, data: Any) -> bool:
        """Whether `data` is of the kind that this snapshot compares."""
        return isinstance(data, str)

    def text(self, data: Any) -> str:
        """The file's content: lines in a stable order, one fact each; names through `text.printable`."""
        return str(data)

    def differences(self, actual: str, expected: str) -> list[str]:
        """The lines that differ, as a unified diff without its head; empty if the two match."""
        lines = difflib.unified_diff(expected.splitlines(), actual.splitlines(), lineterm="", n=1)
        return list(lines)[2:]

    def serialize(self, data: SerializableData, **_: Any) -> SerializedData:
        """The text. Raises TypeError for data of another kind."""
        if not self.accepts(data):
            raise TypeError(
                f"{self.noun}_snapshot cannot compare a {type(data).__name__}: write `{self.usage}`"
            )
        return self.text(data)

    def matches(self, *, serialized_data: SerializedData, snapshot_data: SerializedData) -> bool:
        """Whether what was measured is what is stored."""
        return not self.differences(str(serialized_data), str(snapshot_data))

    def diff_lines(self, serialized_data: SerializedData, snapshot_data: SerializedData) -> Iterator[str]:
        """What differs; the command that accepts it comes first, since pytest shows eight lines without -vv."""
        if not snapshot_data:
            yield "create it: run the same command with --snapshot-update, then read the file"
            return
        lines = self.differences(str(serialized_data), str(snapshot_data))
        yield f"{self.noun} differs{self.rule()}; to accept it run the same command with --snapshot-update"
        yield from lines[:SHOWN]
        if len(lines) > SHOWN:
            yield f"... and {len(lines) - SHOWN} lines more"

    def rule(self) -> str:
        """What to add to "differs" about how the two were compared."""
        return ""


class TextSnapshot(TellingSnapshot):
    """The value of a fixture that compares text."""

    def __repr__(self) -> str:
        return f"{self.extension_class.noun}_snapshot({self.name!r})"  # type: ignore[attr-defined]
