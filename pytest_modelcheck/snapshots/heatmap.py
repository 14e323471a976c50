"""`heatmap_snapshot`: syrupy's snapshot with our extension, and a preset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..checks.explain.compare import BEYOND, PRESETS, HeatmapComparison, Preset, StoredMap, compare, tolerance
from ..errors import MeasurementError
from .assertion import TellingSnapshot
from .files import HEATMAP, StoredFile
from .png import decode, encode

if TYPE_CHECKING:
    from syrupy.types import SerializableData, SerializedData


class HeatmapExtension(StoredFile):
    """Stores a heatmap as a PNG; a snapshot within the preset's tolerance matches, and is not written again."""

    file_extension = HEATMAP
    noun, advice = "heatmap", "look at the picture"
    preset = "default"
    limits = PRESETS["default"]
    last: tuple[SerializedData, SerializedData, HeatmapComparison] | None = (
        None  # what was compared, and the outcome
    )

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
        """The comparison of two snapshot files; a damaged one is a reason of its own."""
        if self.last is None or self.last[:2] != (actual, expected):
            self.last = actual, expected, self._compared(actual, expected)
        return self.last[2]

    def _compared(self, actual: SerializedData, expected: SerializedData) -> HeatmapComparison:
        try:
            return compare(decode(_bytes(actual)), decode(_bytes(expected)), self.preset, self.limits)
        except MeasurementError as error:
            return HeatmapComparison(self.preset, reason=str(error), limits=self.limits)

    def differing(self, actual: SerializedData, expected: SerializedData) -> list[str]:
        """The two numbers with their limits, or what makes it another map; and the scores where they differ."""
        comparison = self.compared(actual, expected)
        if comparison.matches:
            return []
        if comparison.expected is None:
            return [f"cannot be compared: {comparison.reason}"]
        return [*comparison.lines(), *scores(comparison.expected, decode(_bytes(actual)))]

    def telling(self, lines: Sequence[str]) -> str:
        """The first number beyond its limit."""
        return next((line for line in lines if BEYOND in line), *lines[:1])

    def rule(self) -> str:
        """The preset."""
        return f" (preset {self.preset!r})"

    def diff_lines(self, serialized_data: SerializedData, snapshot_data: SerializedData) -> Iterator[str]:
        """The two numbers, the rule, and the command that accepts the new map."""
        if not snapshot_data:
            yield "create it: run the same command with --snapshot-update, then look at the PNG"
            yield from self.told
            return
        yield f"heatmap differs (preset {self.preset!r})"
        yield from (f"  {line}" for line in self.differing(serialized_data, snapshot_data))
        yield "accept the new map: run the same command with --snapshot-update, then look at the PNG"
        yield from self.told


def _bytes(file: SerializedData) -> bytes:
    return file if isinstance(file, bytes) else file.encode("utf-8")


def scores(expected: StoredMap | None, actual: StoredMap) -> list[str]:
    """The scores of two maps, where they differ."""
    old, new = expected.facts.get("score") if expected else None, actual.facts.get("score")
    return [f"score     {old} expected, {new} measured"] if old != new else []


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
    takes = ("preset", "places", "strength")

    def __call__(
        self,
        *,
        preset: Preset | None = None,
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
