"""Text snapshots: one readable file per assertion, so that the pull request's own diff is the report.

A kind of snapshot is a `TextExtension` with a file ending, the type it takes, `text(data)`, and (where equal text is
not the rule) `differences`. A file of format 1 says nothing of it; later ones begin with a line `format N`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from syrupy.extensions.single_file import WriteMode
from typing_extensions import Self

from ..errors import NothingSeenError
from ..verdict.metric import Metric
from ..verdict.units import DIFFERENCES
from .assertion import TellingSnapshot
from .files import StoredFile

if TYPE_CHECKING:
    from syrupy.types import SerializableData, SerializedData

SHOWN = 40  # lines of a difference
FORMAT = "format "


class TextExtension(StoredFile):
    """Stores what `text(data)` says. Two kinds in one test need different endings: `test_it.complexity.txt`."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"
    noun = "text"
    usage: ClassVar[str] = ""  # how to write the assertion
    metric: ClassVar[Metric] = Metric("text_snapshot", DIFFERENCES, nature="distance")
    format: ClassVar[int] = 1  # of the file: one more whenever the same data would make other text
    last: tuple[SerializedData, SerializedData, list[str]] | None = (
        None  # what was compared, and what differs
    )

    def accepts(self, data: object) -> bool:
        """Whether `data` is of the kind that this snapshot compares."""
        return isinstance(data, str)

    def text(self, data: Any) -> str:
        """The file's content: lines in a stable order, one fact each; names through `text.printable`."""
        return str(data)

    def differences(self, actual: str, expected: str) -> list[str]:
        """The lines that differ, as a unified diff without its head; empty if the two match."""
        lines = difflib.unified_diff(expected.splitlines(), actual.splitlines(), lineterm="", n=1)
        return list(lines)[2:]

    def silence(self, data: Any) -> NothingSeenError | None:
        """Why `data` is no evidence of anything, whatever is stored; None where it is."""
        return None

    def notes(self, data: Any) -> Sequence[str]:
        """What is to be said with a comparison of `data`, whatever came of it."""
        return ()

    def reasons(self, data: Any) -> Sequence[str]:
        """What may be behind a difference of `data`, if that is known."""
        return ()

    def serialize(self, data: SerializableData, **_: object) -> SerializedData:
        """The file. Raises TypeError for data of another kind."""
        if not self.accepts(data):
            raise TypeError(
                f"{self.noun}_snapshot cannot compare a {type(data).__name__}: write `{self.usage}`"
            )
        head = f"{FORMAT}{self.format}\n" if self.format > 1 else ""
        return head + self.text(data)

    def matches(self, *, serialized_data: SerializedData, snapshot_data: SerializedData) -> bool:
        """Whether what was measured is what is stored."""
        return not self.differing(serialized_data, snapshot_data)

    def differing(self, actual: SerializedData, expected: SerializedData) -> list[str]:
        """The lines that differ; or that the file is of an older format, which says nothing about the model."""
        if self.last is None or self.last[:2] != (actual, expected):
            self.last = actual, expected, self._differing(str(actual), str(expected))
        return self.last[2]

    def _differing(self, actual: str, expected: str) -> list[str]:
        stored, text = _format(expected)
        if expected and stored != self.format:
            return [f"format changed ({stored} stored, {self.format} now): --snapshot-update"]
        return self.differences(_format(actual)[1], text)

    def diff_lines(self, serialized_data: SerializedData, snapshot_data: SerializedData) -> Iterator[str]:
        """What differs; the command that accepts it comes first, since pytest shows eight lines without -vv."""
        if not snapshot_data:
            yield "create it: run the same command with --snapshot-update, then read the file"
            yield from self.told
            return
        lines = self.differing(serialized_data, snapshot_data)
        yield f"{self.noun} differs{self.rule()}; to accept it run the same command with --snapshot-update"
        yield from self.told
        yield from lines[:SHOWN]
        if len(lines) > SHOWN:
            yield f"... and {len(lines) - SHOWN} lines more"


def _format(file: str) -> tuple[int, str]:
    """The format of a stored file, and its text."""
    first, _, rest = file.partition("\n")
    number = first.removeprefix(FORMAT)
    return (int(number), rest) if first.startswith(FORMAT) and number.isdecimal() else (1, file)


class TextSnapshot(TellingSnapshot):
    """The value of a fixture that compares text; `on_nothing` hears of data that is no evidence."""

    on_nothing: Callable[[Any, NothingSeenError], object] | None = None

    def with_defaults(self, **options: Any) -> Self:
        """syrupy's: another assertion fixture with other defaults."""
        made = super().with_defaults(**options)
        made.on_nothing = self.on_nothing
        return made

    def _assert(self, data: Any) -> bool:
        """Raises NothingSeenError for data that is no evidence: whatever is stored, it holds for many a model."""
        told = self.extension
        error = told.silence(data) if isinstance(told, TextExtension) and told.accepts(data) else None
        if error is not None:
            if self.on_nothing is not None:
                self.on_nothing(data, error)
            raise error
        return super()._assert(data)

    @property
    def noun(self) -> str:  # type: ignore[override]  # of the one kind that its extension stores
        """The fixture's name."""
        return f"{self.extension_class.noun}_snapshot"  # type: ignore[attr-defined]
