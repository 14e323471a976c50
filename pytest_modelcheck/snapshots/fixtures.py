"""`heatmap_snapshot`: syrupy's snapshot with our extension, and a preset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from syrupy.assertion import AssertionResult, SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension

from ..checks.explain.compare import PRESETS, HeatmapComparison, compare, tolerance
from ..errors import MeasurementError
from .assertion import TellingSnapshot, make_snapshot
from .png import decode, encode

if TYPE_CHECKING:
    from syrupy.types import SerializableData, SerializedData

    from ..checks.explain.heatmap import Heatmap

OnCompare = Callable[[HeatmapComparison, "Heatmap"], None]


class HeatmapExtension(SingleFileSnapshotExtension):
    """Stores a heatmap as a PNG; a snapshot within the preset's tolerance matches, and is not written again."""

    file_extension = "png"
    preset = "default"
    limits = PRESETS["default"]

    def serialize(self, data: SerializableData, **_: Any) -> SerializedData:
        """The PNG of a Heatmap. Raises TypeError for anything else."""
        from ..checks.explain.heatmap import Heatmap

        if not isinstance(data, Heatmap):
            raise TypeError(
                f"heatmap_snapshot compares heatmaps, not {type(data).__name__}: "
                "write `assert modelcheck.gradcam(...) == heatmap_snapshot`"
            )
        return encode(data)

    def matches(self, *, serialized_data: SerializedData, snapshot_data: SerializedData) -> bool:
        """Whether two snapshot files hold the same map, for this preset."""
        try:
            return self._compare(serialized_data, snapshot_data).matches
        except MeasurementError:
            return False

    def diff_lines(self, serialized_data: SerializedData, snapshot_data: SerializedData) -> Iterator[str]:
        """The two numbers, the rule, and the command that accepts the new map."""
        if not snapshot_data:
            yield "create it: run the same command with --snapshot-update, then look at the PNG"
            return
        try:
            comparison = self._compare(serialized_data, snapshot_data)
            yield f"heatmap differs (preset {self.preset!r})"
            yield from (f"  {line}" for line in comparison.lines())
            yield from _scores(serialized_data, snapshot_data)
        except MeasurementError as error:
            yield f"heatmap cannot be compared: {error}"
        yield "accept the new map: run the same command with --snapshot-update, then look at the PNG"

    def _compare(self, actual: Any, expected: Any) -> HeatmapComparison:
        return compare(decode(actual), decode(expected), self.preset, self.limits)


def _scores(actual: Any, expected: Any) -> Iterator[str]:
    old, new = decode(expected).facts.get("score"), decode(actual).facts.get("score")
    if old != new:
        yield f"  score     {old} expected, {new} measured"


EXTENSIONS: dict[str, type[HeatmapExtension]] = {}


def extension(preset: str | None, places: float | None, strength: float | None) -> type[HeatmapExtension]:
    """The extension that compares with these limits: syrupy wants a class. Raises LimitError."""
    name, limits = tolerance(preset, places, strength)
    if name not in EXTENSIONS:
        EXTENSIONS[name] = type("HeatmapExtension", (HeatmapExtension,), {"preset": name, "limits": limits})
    return EXTENSIONS[name]


class HeatmapSnapshot(TellingSnapshot):
    """A snapshot assertion that can be called with `preset=`, and that tells what it compared."""

    noun = "heatmap_snapshot"

    def __call__(
        self,
        *,
        preset: str | None = None,
        places: float | None = None,
        strength: float | None = None,
        **options: Any,
    ) -> HeatmapSnapshot:
        """`preset="strict" | "default" | "loose"`, and this test's own limits in place of the preset's.

        `places`: of 1 - Pearson; `strength`: of the largest change, as a share of the largest value. Everything else
        is syrupy's own. Raises LimitError.
        """
        if (preset, places, strength) != (None, None, None):
            options["extension_class"] = extension(preset, places, strength)
        super().__call__(**options)
        return self


def _seen(result: Any, preset: str) -> HeatmapComparison:
    if result.recalled_data is None:
        words = "" if result.success else "there is no snapshot yet; create it with --snapshot-update"
        return HeatmapComparison(preset, created=result.success, reason=words)
    try:
        limits = EXTENSIONS[preset].limits if preset in EXTENSIONS else None
        return compare(decode(result.asserted_data), decode(result.recalled_data), preset, limits)
    except MeasurementError as error:
        return HeatmapComparison(preset, reason=str(error))


def make_heatmap_snapshot(
    snapshot: SnapshotAssertion, on_compare: OnCompare | None = None
) -> HeatmapSnapshot:
    """The fixture's value, made from syrupy's own `snapshot`; `on_compare` hears of every comparison."""

    def tell(result: AssertionResult, extension: HeatmapExtension, heatmap: Heatmap) -> None:
        if on_compare is not None:
            on_compare(_seen(result, extension.preset), heatmap)

    return make_snapshot(HeatmapSnapshot, snapshot, HeatmapExtension, tell)
