"""A syrupy assertion that tells what it compared; the base of all our snapshot fixtures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from syrupy.assertion import AssertionResult, SnapshotAssertion

if TYPE_CHECKING:
    from syrupy.extensions.base import AbstractSyrupyExtension
    from syrupy.types import SerializableData

# Hears of every comparison that could be made: syrupy's result, the extension that compared, what the test gave.
OnCompare = Callable[[AssertionResult, Any, Any], None]
Made = TypeVar("Made", bound="TellingSnapshot")


class TellingSnapshot(SnapshotAssertion):
    """Calls `on_compare` after each comparison, and explains a wrong type in one line instead of a traceback."""

    noun = "snapshot"
    on_compare: OnCompare | None = None
    compared_with: Any = None

    def __repr__(self) -> str:
        return f"{self.noun}({self.name!r})"

    def _assert(self, data: SerializableData) -> bool:
        # syrupy goes back to the default extension before it asks for the difference
        self.compared_with = compared = self.extension
        held: bool = super()._assert(data)
        result = self._execution_results[self._executions - 1]
        if self.on_compare is not None and result.asserted_data is not None:
            self.on_compare(result, compared, data)
        return held

    def get_assert_diff(self, **options: Any) -> list[str]:
        """syrupy's lines for a failed assertion."""
        error = self._execution_results[self._executions - 1].exception
        if isinstance(error, TypeError):
            return [str(error)]
        self._extension = self.compared_with
        try:
            return super().get_assert_diff(**options)
        finally:
            self._extension = None


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
