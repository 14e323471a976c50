"""A test file as text, formatted as formatters would leave it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..demand.trial import Mark

WIDTH = 88  # what formatters allow a line if nobody says otherwise
HEAD = "What this model costs and does today, as `pytest-modelcheck init` saw it."
RECORD = "Record the snapshots once: pytest THIS_FILE --snapshot-update"


@dataclass(frozen=True)
class Test:
    """A test: markers and no body, or an assertion on a snapshot."""

    name: str
    marks: Sequence[Mark] = ()
    snapshot: tuple[str, str] | None = None

    def lines(self) -> Iterator[str]:
        """Of its source."""
        for mark in self.marks:
            yield from call(f"@pytest.mark.{mark.name}", mark.args, mark.kwargs)
        if self.snapshot is None:
            yield f"def test_{self.name}(): ..."
            return
        method, fixture = self.snapshot
        yield f"def test_{self.name}(modelcheck, {fixture}):"
        yield f"    assert modelcheck.{method}() == {fixture}"


@dataclass
class Draft:
    """A file. `subject`: the keywords of the marker that names its model; `left_out`: why other tests are not there."""

    subject: Mapping[str, object]
    tests: list[Test] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def has_snapshots(self) -> bool:
        """Whether there is something to record."""
        return any(test.snapshot for test in self.tests)

    def text(self) -> str:
        """The source."""
        head = [f'"""{HEAD}', "", RECORD, '"""'] if self.has_snapshots else [f'"""{HEAD}"""']
        parts = [
            [*head, "", "import pytest", "", *call("pytestmark = pytest.mark.modelcheck", (), self.subject)]
        ]
        parts += [list(test.lines()) for test in self.tests]
        parts += [self._comments()] if self.left_out else []
        return "\n\n\n".join("\n".join(part) for part in parts) + "\n"

    def _comments(self) -> list[str]:
        told = ["Left out, since it does not pass today:", *(f"- {text}" for text in self.left_out)]
        lines = (line for text in told for line in textwrap.wrap(text, WIDTH - 2, subsequent_indent="  "))
        return [f"# {line}" for line in lines]


def call(function: str, args: Sequence[object], kwargs: Mapping[str, object]) -> list[str]:
    """A call in one line, or with an argument a line."""
    given = [*map(literal, args), *(f"{key}={literal(value)}" for key, value in kwargs.items())]
    line = f"{function}({', '.join(given)})"
    if len(line) <= WIDTH or not given:
        return [line]
    return [f"{function}(", *(f"    {one}," for one in given), ")"]


def literal(value: object) -> str:
    """A value as source, texts in double quotes where these need no escape."""
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    text = repr(value)
    if isinstance(value, str) and text.startswith("'") and '"' not in text:
        return f'"{text[1:-1]}"'
    return text
