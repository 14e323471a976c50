"""Two outputs side by side, as a person would look at them: class scores, masks, images, boxes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from ...drawing.images import to_base64
from .values import as_kept, shown

Arrays: TypeAlias = Mapping[str, np.ndarray]
TOP = 5  # classes
MOST = 4  # outputs that are shown
SIDE = 176  # pixels of a picture's longer side
BOXES = 12  # boxes that are drawn
CLASSES = 256  # of a segmentation, at most; more channels are features
FINEST = 8  # height and width of a map, at least
GREY, APART, FORMER = 0.35, (214, 40, 57), (42, 102, 168)
DOT = 2  # pixels
_BOXES = re.compile(r"(?:^|\.)(pred_)?boxes$")


def side_by_side(
    inputs: Sequence[Tensor],
    expected: Mapping[str, Tensor | np.ndarray],
    actual: Mapping[str, Tensor | np.ndarray],
) -> list[dict[str, Any]]:
    """What to show of each output that differs, JSON: `expected` and `actual` by path (`leaves`).

    What only one of them has, or has in another shape, is left out, but for boxes: there may be fewer. A panel draws it
    with the macro `shown` of `shown.html.j2`.
    """
    old, new, given = _arrays(expected), _arrays(actual), [as_kept(tensor) for tensor in inputs]
    pictures = [one for one in given if one is not None]
    found: list[dict[str, Any]] = []
    for path in (path for path in old if path in new and not _same(old[path], new[path])):
        entry = _entry(path, old, new, pictures) if len(found) < MOST else None
        if entry is not None:
            found.append({"path": path, **entry})
    return found


def _arrays(given: Mapping[str, Tensor | np.ndarray]) -> Arrays:
    arrays = {path: as_kept(one) if isinstance(one, Tensor) else one for path, one in given.items()}
    return {path: array for path, array in arrays.items() if array is not None}


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and one.tobytes() == other.tobytes()


def _entry(path: str, old: Arrays, new: Arrays, pictures: Sequence[np.ndarray]) -> dict[str, Any] | None:
    """Of one output; None for what nobody looks at."""
    one, other = old[path], new[path]
    if _BOXES.search(path) and one.shape[-1:] == other.shape[-1:] == (4,):
        return _boxes(path, old, new, pictures)
    if one.shape != other.shape or not one.size or one.dtype.kind == "c":
        return None
    if _is_map(one, pictures):
        return _maps(one, other)
    if one.dtype.kind == "f" and 1 <= one.ndim <= 3 and one.shape[-1] > 1:
        return _scores(one, other)
    return None


def _is_map(array: np.ndarray, pictures: Sequence[np.ndarray]) -> bool:
    """Whether it has a value for each place of a picture: (N, C, H, W), or (N, H, W) of whole numbers."""
    is_labels = array.dtype.kind in "biu" and array.ndim in (3, 4)
    is_floats = array.dtype.kind == "f" and array.ndim == 4 and array.shape[1] <= CLASSES
    if not (is_labels or is_floats) or min(array.shape[-2:]) < FINEST:
        return False
    sizes = [picture.shape[-2:] for picture in pictures if picture.ndim >= 3]
    return any(8 * array.shape[-2] >= h and 8 * array.shape[-1] >= w for h, w in sizes)


def _worst(one: np.ndarray, other: np.ndarray) -> tuple[int, ...]:
    """Where they are farthest apart; a NaN on one side alone is farther than any number."""
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(one.astype(np.float64) - other.astype(np.float64))
    off[np.isnan(off)] = np.inf
    off[(one == other) | (np.isnan(one) & np.isnan(other))] = 0
    return tuple(int(i) for i in np.unravel_index(int(off.argmax()), off.shape))


def _scores(one: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    """The likeliest classes of both, where the two are farthest apart."""
    at = _worst(one, other)[:-1]
    before, now = one[at], other[at]
    ranks = [_ranks(before), _ranks(now)]
    classes = sorted(
        {int(c) for order in ranks for c in order[:TOP]}, key=lambda c: (list(ranks[0]).index(c), c)
    )
    rows = [
        {
            "class": c,
            "scores": [_plain(before[c]), _plain(now[c])],
            "ranks": [int(np.flatnonzero(order == c)[0]) + 1 for order in ranks],
        }
        for c in classes
    ]
    firsts = one.argmax(-1) == other.argmax(-1)
    return {
        "kind": "scores",
        "at": list(at),
        "first": [int(order[0]) for order in ranks],
        "rows": rows,
        "same_first": int(firsts.sum()),
        "of": int(firsts.size),
    }


def _ranks(scores: np.ndarray) -> np.ndarray:
    """Classes, the likeliest first; NaN last."""
    return np.argsort(-np.nan_to_num(scores.astype(np.float64), nan=-np.inf), kind="stable")


def _plain(value: Any) -> float | str:
    number = float(value)
    return number if np.isfinite(number) else shown(number)


def _maps(one: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    """Of the sample that differs most: what each place is taken for, or, of one or three channels, the picture."""
    sample = _worst(one, other)[0]
    before, now = one[sample], other[sample]
    if one.dtype.kind == "f" and before.shape[0] in (1, 3):
        return {"sample": sample, **_pictures(before, now)}
    labels = [part.argmax(0) if part.ndim == 3 and part.dtype.kind == "f" else part for part in (before, now)]
    return {"sample": sample, **_masks(*(part[0] if part.ndim == 3 else part for part in labels))}


def _pictures(before: np.ndarray, now: np.ndarray) -> dict[str, Any]:
    """On one scale, from the smallest to the largest value of both; the difference from 0 to its largest."""
    both = np.stack([before, now]).astype(np.float64)
    finite = both[np.isfinite(both)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    spread = max(high - low, 1e-12)
    off = np.nan_to_num(np.abs(both[0] - both[1]), nan=np.inf).max(0)
    far = float(off[np.isfinite(off)].max(initial=0.0))
    share = np.clip(off / (far or 1), 0, 1)
    return {
        "kind": "images",
        "images": [_png(_rgb((part - low) / spread)) for part in both],
        "apart": _png(_rgb(share[None])),
        "range": [low, high],
        "far": far,
    }


def _rgb(channels: np.ndarray) -> np.ndarray:
    """(C, H, W) of shares as bytes."""
    shares = np.clip(np.nan_to_num(channels), 0, 1)
    colours: np.ndarray = shares.repeat(3 // len(shares), 0).transpose(1, 2, 0) * 255
    return colours.round().astype(np.uint8)


def _masks(before: np.ndarray, now: np.ndarray) -> dict[str, Any]:
    """What each place is taken for, in a colour for each class; where the two differ, over the former in grey."""
    differs = before != now
    if not differs.any():
        return {"kind": "masks", "images": [], "differ": 0, "of": int(differs.size)}
    classes, sizes = np.unique(np.concatenate([before, now], None), return_counts=True)
    largest = classes[np.argsort(-sizes, kind="stable")][: TOP + 1]
    rows = [
        {
            "class": int(label),
            "colour": "#" + _colours(np.array([label])).tobytes().hex(),
            "shares": [float((part == label).mean()) for part in (before, now)],
        }
        for label in largest
    ]
    return {
        "kind": "masks",
        "images": [_png(_colours(part)) for part in (before, now)],
        "apart": to_base64(Image.fromarray(_marked(_grey(_colours(before)), differs))),  # all its colours
        "differ": int(differs.sum()),
        "of": int(differs.size),
        "rows": rows,
        "classes": len(classes),
    }


def _grey(pixels: np.ndarray) -> np.ndarray:
    """Pale, so that a colour stands out on it."""
    pale = pixels.mean(-1, keepdims=True) * GREY + 255 * (1 - GREY)
    return np.asarray(pale.repeat(3, -1).astype(np.uint8))


def _marked(base: np.ndarray, places: np.ndarray) -> np.ndarray:
    """A small picture on which a single place of a large one can be seen: a dot of at least `DOT` pixels a side."""
    image = _small(base)
    rows, columns = np.nonzero(places)
    across, down = image.width / base.shape[1], image.height / base.shape[0]
    pixels = np.array(image)
    for y, x in zip((rows * down).astype(int), (columns * across).astype(int), strict=True):
        pixels[y : y + max(DOT, int(down)), x : x + max(DOT, int(across))] = APART
    return pixels


def _colours(labels: np.ndarray) -> np.ndarray:
    """A colour for each class, the same everywhere: hues by the golden angle, in three strengths; 0 is dark."""
    number = labels.astype(np.int64)
    hue = (number * 0.61803398875) % 1 * 6
    strength = 0.95 - 0.2 * (number % 3)
    part = np.stack([np.clip(np.abs((hue + turn) % 6 - 3) - 1, 0, 1) for turn in (0, 4, 2)], -1)
    rgb = (0.25 + 0.75 * part) * strength[..., None] * 255
    rgb[number == 0] = 40
    return np.asarray(rgb.round().astype(np.uint8))


def _boxes(path: str, old: Arrays, new: Arrays, pictures: Sequence[np.ndarray]) -> dict[str, Any] | None:
    """Both sides' boxes on the input that they are of: the best ones, where there are scores."""
    place = re.match(r"(\d+)\.", path)
    sample = int(place[1]) if place else 0
    base = _input(pictures, sample)
    if base is None:
        return None
    sides = [_chosen(side, path) for side in (old, new)]
    colours = [_colours(np.arange(1, BOXES + 1)), np.array([FORMER] * BOXES), np.array([APART] * BOXES)]
    ground, centred = _small(base), "pred_boxes" in path
    drawn = [_with_boxes(ground, base.shape, boxes, colours[0], centred) for boxes, _ in sides]
    both = Image.fromarray(_grey(np.asarray(ground)))
    for (boxes, _), colour in zip(sides, colours[1:], strict=True):
        both = _with_boxes(both, base.shape, boxes, colour, centred)
    return {
        "kind": "boxes",
        "sample": sample,
        "images": [to_base64(one, compact=True) for one in drawn],
        "apart": to_base64(both, compact=True),
        "counts": [count for _, count in sides],
        "drawn": BOXES,
    }


def _chosen(side: Arrays, path: str) -> tuple[np.ndarray, int]:
    """The best boxes of a picture, and how many it has."""
    boxes = side[path].reshape(-1, *side[path].shape[-2:])[0] if side[path].ndim > 2 else side[path]
    scores = side.get(_BOXES.sub(lambda found: found[0].replace("boxes", "scores"), path))
    return _best(boxes, scores), len(boxes)


def _input(pictures: Sequence[np.ndarray], sample: int) -> np.ndarray | None:
    """The picture (H, W, 3) of that sample, from its own range."""
    for array in pictures:
        if array.ndim == 4 and array.shape[1] in (1, 3) and sample < len(array):
            return _from_range(array[sample])
    single = [array for array in pictures if array.ndim == 3 and array.shape[0] in (1, 3)]
    return _from_range(single[sample]) if sample < len(single) else None


def _from_range(channels: np.ndarray) -> np.ndarray:
    wide = channels.astype(np.float64)
    low, high = np.nanmin(wide), np.nanmax(wide)
    return _rgb((wide - low) / max(high - low, 1e-12))


def _best(boxes: np.ndarray, scores: np.ndarray | None) -> np.ndarray:
    if scores is None or scores.shape != boxes.shape[:1]:
        return boxes[:BOXES]
    return np.asarray(boxes[_ranks(scores)[:BOXES]])


def _with_boxes(
    ground: Image.Image, size: tuple[int, ...], boxes: np.ndarray, colours: np.ndarray, centred: bool
) -> Image.Image:
    """Boxes are corners in pixels of a picture of that `size` (height, width), or (`centred`) middle and extent as
    shares of it.
    """
    image = ground.copy()
    height, width = size[:2]
    scale = np.array([image.width / width, image.height / height] * 2)
    corners = boxes.astype(np.float64)
    if centred:
        half = corners[:, 2:] / 2
        corners = np.concatenate([corners[:, :2] - half, corners[:, :2] + half], 1)
        corners = corners * np.array([width, height] * 2)
    pen = ImageDraw.Draw(image)
    for (left, top, right, bottom), colour in zip(_finite(corners) * scale, colours, strict=False):
        red, green, blue = (int(part) for part in colour)
        ends = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
        pen.rectangle(ends, outline=(red, green, blue), width=2)
    return image


def _finite(corners: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(corners[np.isfinite(corners).all(1)], -1e6, 1e6))


def _small(pixels: np.ndarray) -> Image.Image:
    image = Image.fromarray(pixels)
    scale = SIDE / max(image.size)
    if scale >= 2:
        whole = int(scale)
        return image.resize((image.width * whole, image.height * whole), Image.Resampling.NEAREST)
    if scale < 1:
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        return image.resize(size, Image.Resampling.NEAREST)
    return image


def _png(pixels: np.ndarray) -> str:
    return to_base64(_small(pixels), compact=True)
