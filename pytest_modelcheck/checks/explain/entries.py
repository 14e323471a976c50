"""What a record holds of heatmaps, and of how they changed."""

from __future__ import annotations

from typing_extensions import NotRequired, TypedDict

from ...records.types import Base64, Figure, Number

_From = TypedDict("_From", {"from": str})


class RawMap(TypedDict):
    """A map (N, h, w) as float32 values, little endian, in base64."""

    shape: list[int]
    float32: Base64


class Compared(TypedDict):
    """Two maps of a sample beside their input. Expected and actual are coloured from 0 to `top`, or, where one of them
    goes below zero (`signed`), from -`top` to `top`; the difference by a scale of its own, to `most`. `bar` and
    `difference_bar` are these scales. `place`: where the difference is largest, in pixels of the input, x first.
    `notes`: what a reader must know.
    """

    expected: Base64
    actual: Base64
    difference: NotRequired[Base64]
    input: NotRequired[Base64]
    signed: bool
    top: Number
    most: NotRequired[Number]
    bar: Base64
    difference_bar: NotRequired[Base64]
    sample: int
    place: NotRequired[list[int]]
    notes: list[str]


class ViewEntry(TypedDict):
    """What is shown of one sample. `heat`: its map in 256 steps, for who chooses the colours; `slices`: of a volume.
    `image` and `input` of the first sample stand in the heatmap's entry.
    """

    sample: int
    slices: list[int]
    heat: NotRequired[Base64]
    image: NotRequired[Base64]
    input: NotRequired[Base64]


class AskedEntry(TypedDict):
    """Where the hottest pixel of a sample was to lie: a box (x first; right and bottom exclusive), or the outline of a
    mask, as a picture. `hottest`: where it lies, a number for each axis of the input; empty
    where no place speaks for the target.
    """

    sample: int
    box: NotRequired[list[Number]]
    outline: NotRequired[Base64]
    margin: int
    hit: bool
    hottest: list[int]


class HeatmapEntry(TypedDict):
    """What `Heatmap.to_dict()` gives; pictures are PNG files in base64. `space`: of the input, in pixels. `views`: the
    samples that are shown, `image` and `input` the pictures of the first. `names`: of classes. `map_shape`: of one.
    `extent`: which share of the map, from the first corner on, lies over the input, along each axis; without it all.
    """

    title: str
    method: str
    layer: str
    target: list[object]
    score: list[Number]
    image: Base64
    input: Base64
    nodeid: str | None
    map_shape: NotRequired[list[int]]
    raw: NotRequired[RawMap]
    why: NotRequired[str]
    top: NotRequired[list[list[list[Number]]]]
    probability: NotRequired[str]
    notes: NotRequired[list[str]]
    names: NotRequired[dict[str, str]]
    space: NotRequired[list[int]]
    views: NotRequired[list[ViewEntry]]
    extent: NotRequired[list[float]]
    asked: NotRequired[list[AskedEntry]]
    compared: NotRequired[Compared]


class HeatmapChange(_From):
    """A heatmap that both sides have: how far its places and its strengths moved, whether that is a difference."""

    title: str
    nodeid: str | None
    moved: bool
    places: Number
    strength: Number
    limits: list[float]
    reason: str
    score: list[Figure]
    pictures: NotRequired[list[Base64]]
    compared: NotRequired[Compared]
