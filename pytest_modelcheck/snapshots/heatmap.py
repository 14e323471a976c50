"""`heatmap_snapshot`: syrupy's snapshot with our extension, and a preset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from syrupy.assertion import AssertionResult, SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension

from ..checks.explain.compare import PRESETS, HeatmapComparison, StoredMap, compare, tolerance
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
    comparison: HeatmapComparison | None = None  # once compared

    def serialize(self, data: SerializableData, **_: object) -> SerializedData:
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
        return self.compared(serialized_data, snapshot_data).matches

    def compared(self, actual: SerializedData, expected: SerializedData) -> HeatmapComparison:
        """The comparison of two snapshot files; a damaged one is a reason of its own. Made once."""
        if self.comparison is None:
            try:
                maps = decode(_bytes(actual)), decode(_bytes(expected))
                self.comparison = compare(*maps, self.preset, self.limits)
            except MeasurementError as error:
                self.comparison = HeatmapComparison(self.preset, reason=str(error), limits=self.limits)
        return self.comparison

    def diff_lines(self, serialized_data: SerializedData, snapshot_data: SerializedData) -> Iterator[str]:
        """The two numbers, the rule, and the command that accepts the new map."""
        if not snapshot_data:
            yield "create it: run the same command with --snapshot-update, then look at the PNG"
            return
        comparison = self.compared(serialized_data, snapshot_data)
        if comparison.reason and comparison.expected is None:
            yield f"heatmap cannot be compared: {comparison.reason}"
        else:
            yield f"heatmap differs (preset {self.preset!r})"
            yield from (f"  {line}" for line in comparison.lines())
            yield from _scores(comparison, decode(_bytes(serialized_data)))
        yield "accept the new map: run the same command with --snapshot-update, then look at the PNG"


def _bytes(file: SerializedData) -> bytes:
    return file if isinstance(file, bytes) else file.encode("utf-8")


def _scores(comparison: HeatmapComparison, actual: StoredMap) -> Iterator[str]:
    expected = comparison.expected
    old, new = expected.facts.get("score") if expected else None, actual.facts.get("score")
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


def _seen(result: AssertionResult, extension: HeatmapExtension) -> HeatmapComparison:
    """What syrupy's result stands on."""
    if result.recalled_data is None or result.asserted_data is None:
        words = "" if result.success else "there is no snapshot yet; create it with --snapshot-update"
        return HeatmapComparison(extension.preset, created=bool(result.success), reason=words)
    return extension.compared(result.asserted_data, result.recalled_data)


def make_heatmap_snapshot(
    snapshot: SnapshotAssertion, on_compare: OnCompare | None = None
) -> HeatmapSnapshot:
    """The fixture's value, made from syrupy's own `snapshot`; `on_compare` hears of every comparison."""

    def tell(result: AssertionResult, extension: HeatmapExtension, heatmap: Heatmap) -> None:
        if on_compare is not None:
            on_compare(_seen(result, extension), heatmap)

    return make_snapshot(HeatmapSnapshot, snapshot, HeatmapExtension, tell)
