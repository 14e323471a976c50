"""A syrupy assertion that tells what it compared; the base of all our snapshot fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from syrupy.assertion import AssertionResult, SnapshotAssertion
from typing_extensions import Self

from ..demand.arguments import unknown
from ..errors import LimitError, StoredFileError
from .files import Claim, StoredFile, claim, shared

if TYPE_CHECKING:
    from syrupy.extensions.base import AbstractSyrupyExtension
    from syrupy.types import SerializableData

# Hears of every comparison that could be made: syrupy's result, the extension that compared, what the test gave.
OnCompare = Callable[[AssertionResult, Any, Any], None]
Made = TypeVar("Made", bound="TellingSnapshot")


class Explanation(NamedTuple):
    """A failed assertion: what was compared, what differs (the dearest first), and the command that accepts it; and all
    of it in one `line`.
    """

    title: str
    lines: list[str]
    rest: Sequence[str] = ()
    line: str = ""

    def block(self, most: int, room: int) -> list[str]:
        """At most `most` lines with at most `room` characters in all, as far as what must be said leaves some."""
        left = room - sum(map(len, (self.title, *self.rest)))
        shown: list[str] = []
        for line in self.lines[: max(most - len(self.rest) - 2, 1)]:
            left -= len(line)
            if shown and left < 0:
                break
            shown.append(line)
        more = len(self.lines) - len(shown)
        return [self.title, *shown, *([f"and {more:,} more: -vv shows all"] if more else []), *self.rest]


class TellingSnapshot(SnapshotAssertion):
    """Calls `on_compare` after each comparison, and explains a wrong type in one line instead of a traceback."""

    noun = "snapshot"
    takes: ClassVar[tuple[str, ...]] = ()  # keywords of its own, beside syrupy's
    on_compare: OnCompare | None = None
    compared_with: Any = None

    def __call__(self, **options: Any) -> Self:
        """The same fixture for one comparison: `name=`, and what else its kind takes. Raises LimitError."""
        self._refuse(options, SnapshotAssertion.__call__)
        super().__call__(**options)
        return self

    def __repr__(self) -> str:
        return f"{self.noun}({self.name!r})"

    def _assert(self, data: SerializableData) -> bool:
        # syrupy goes back to the default extension before it asks for the difference
        self.compared_with = compared = self.extension
        with self._own_file(compared):
            held: bool = super()._assert(data)
        result = self._execution_results[self._executions - 1]
        if isinstance(result.exception, StoredFileError):
            raise result.exception
        if self.on_compare is not None and result.asserted_data is not None:
            self.on_compare(result, compared, data)
        return held

    @contextmanager
    def _own_file(self, extension: AbstractSyrupyExtension) -> Iterator[None]:
        """Within this the assertion's file is its own. Raises StoredFileError if another one of this run has it.

        What an assertion of this test wrote in this run is not written again with other content.
        """
        test, index, update = self.test_location, self.index, self.update_snapshots
        location = extension.get_location(test_location=test, index=index)
        if isinstance(extension, StoredFile):
            claim(test.item, location, index)
            extension.former = extension.former_location(test_location=test, index=index)
        written = any(r.updated for r in self.executions.values() if r.snapshot_location == location)
        self.update_snapshots = update and not written
        try:
            yield
        finally:
            self.update_snapshots = update
        if written and not self.executions[self.num_executions - 1].success:
            raise shared(location, *[Claim(location, test.nodeid, index)] * 2)

    def with_defaults(self, **options: Any) -> Self:
        """syrupy's: another assertion fixture with other defaults. It tells of its comparisons too."""
        self._refuse(options, SnapshotAssertion.with_defaults)
        made: Self = super().with_defaults(**options)  # type: ignore[assignment]  # of this class, says its source
        made.on_compare = self.on_compare
        return made

    def _refuse(self, options: Mapping[str, object], method: Callable[..., object]) -> None:
        """What nobody takes is an error with the keywords that are taken: our own, and `name`."""
        own = self.takes if method is SnapshotAssertion.__call__ else ()
        theirs = [key for key in signature(method).parameters if key != "self"]
        shown = (*own, *(key for key in theirs if key == "name"))
        problems = [
            problem
            for key in options
            if key not in theirs
            for problem in unknown(self.noun, [key], shown or theirs)
        ]
        if problems:
            raise LimitError("; ".join(problems))

    def explanation(self, subject: str, command: str) -> Explanation | None:
        """What a failed assertion says, `command` being what accepts it; None where there is nothing to explain."""
        result, extension = self._execution_results[self._executions - 1], self.compared_with
        if result.success or not isinstance(extension, StoredFile):
            return None
        title = f"{extension.noun} of {subject or 'the test'} == {self.noun}"
        advice = f"{command}   (then {extension.advice})"
        name = f"{subject} {extension.noun}".strip()
        if isinstance(
            result.exception, (TypeError, OSError)
        ):  # a wrong type, or a file that cannot be written
            return Explanation(title, [_said(result.exception)], line=_said(result.exception))
        if result.asserted_data is None:
            return None
        if result.recalled_data is None:
            lines = [f"there is no snapshot yet: {result.snapshot_name} does not exist!"]
            rest = [*extension.told, f"create it: {advice}"]
            return Explanation(title, lines, rest, f"{name}: {lines[0]}")
        lines = extension.differing(result.asserted_data, result.recalled_data)
        gist, rule = f"{name} differs: {extension.gist(lines)}", extension.rule()
        head = [f"{extension.noun} differs{rule}"] if rule else []
        return Explanation(title, [*head, *lines], [*extension.told, f"accept it: {advice}"], gist)

    def get_assert_diff(self, **options: Any) -> list[str]:
        """syrupy's lines for a failed assertion."""
        error = self._execution_results[self._executions - 1].exception
        if isinstance(error, (TypeError, OSError)):
            return [_said(error)]
        self._extension = self.compared_with
        try:
            return super().get_assert_diff(**options)
        finally:
            self._extension = None


def _said(error: TypeError | OSError) -> str:
    if isinstance(error, TypeError):
        return str(error)
    return f"the stored file cannot be read or written, and stays as it was: {error}"


def make_snapshot(
    kind: type[Made],
    snapshot: SnapshotAssertion,
    extension: type[AbstractSyrupyExtension],
    on_compare: OnCompare | None = None,
) -> Made:
    """A fixture's value, made from syrupy's own `snapshot`."""
    made = kind(
        session=snapshot.session,
        extension_class=extension,
        test_location=snapshot.test_location,
        update_snapshots=snapshot.update_snapshots,
        **_newer_options(snapshot),
    )
    made.on_compare = on_compare
    return made


def _newer_options(snapshot: SnapshotAssertion) -> dict[str, Any]:
    name = "update_new_snapshots_only"
    return {name: getattr(snapshot, name)} if hasattr(snapshot, name) else {}
