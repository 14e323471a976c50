"""What the panels of explanation compute: lines of a plot, and which pictures stand beside which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from ...drawing.html import nodeids_in_words
from .words import GIVEN, NOBODY, SIGMOID, SOFTMAX

Entry: TypeAlias = Mapping[str, Any]  # of the sections `heatmaps` and `projections`, of older records too
HEIGHT = 0.25  # of a signal's picture, as a share of its width
Box: TypeAlias = tuple[float, float, float, float]  # x, y, width and height


def per_sample(
    rows: Sequence[Sequence[float]], targets: Sequence[str], most: int = 8
) -> dict[str, list[float]]:
    """Lines of a plot from rows of one value per sample; with many samples, the mean and the extremes."""
    columns = list(zip(*rows, strict=True))
    if len(columns) <= most:
        return {f"input {i}, {_target(targets[i])}": list(column) for i, column in enumerate(columns)}
    return {
        "mean": [sum(row) / len(row) for row in rows],
        "lowest": [min(row) for row in rows],
        "highest": [max(row) for row in rows],
    }


class Mark(NamedTuple):
    """Where the hottest pixel was to lie, in the frame's units: boxes, or the outline of a mask; and where it lies."""

    boxes: Sequence[Box]
    outline: str
    dots: Sequence[tuple[float, float]]
    hit: bool
    told: str


class Shown(NamedTuple):
    """A sample of an explanation: its picture, the map in it, and what was asked of it. `frame`: width and height of
    the picture in pixels of the input, which has so many `axes`. `probability` of the target, where it is known.
    """

    entry: Entry
    sample: int
    image: str
    heat: str
    frame: tuple[float, float]
    axes: int
    slices: Sequence[int]
    target: str
    probability: float | None
    score: object
    marks: Sequence[Mark]
    tests: str


class Row(NamedTuple):
    """An input, and what explanations made of it. `top`: names of the likeliest classes with their probability."""

    input: str
    sample: int
    samples: int
    top: Sequence[tuple[str, float]]
    probability: str
    pictures: Sequence[Shown]


def rows(section: Iterable[Entry], few: bool = False) -> list[Row]:
    """The pictures by their input, in the order of the section; `few`: the first alone.

    What no test asked for is left out where a test made the same, and what several tests made stands once.
    """
    found: dict[str, list[tuple[Entry, Mapping[str, Any], str]]] = {}
    for entry, tests in _distinct([one for one in section if "image" in one]):
        for view in _views(entry):
            found.setdefault(view["input"], []).append((entry, view, tests))
    made = [_row(given, seen) for given, seen in found.items()]
    return [made[0]._replace(pictures=made[0].pictures[:1])] if few and made else made


def _distinct(entries: Sequence[Entry]) -> list[tuple[Entry, str]]:
    """Each with its tests in words, and with what all of these asked of it."""
    asked = {_what(entry) for entry in entries if entry.get("nodeid")}
    found: dict[tuple[object, ...], list[Entry]] = {}
    for number, entry in enumerate(entries):
        if entry.get("nodeid"):
            found.setdefault((*_what(entry), entry["image"]), []).append(entry)
        elif _what(entry) not in asked:
            found[number,] = [entry]
    return [(_joined(same), nodeids_in_words(same)) for same in found.values()]


def _joined(same: Sequence[Entry]) -> Entry:
    asked = [one for entry in same for one in entry.get("asked", ())]
    return {**same[0], "asked": [one for i, one in enumerate(asked) if one not in asked[:i]]}


def _what(entry: Entry) -> tuple[str, ...]:
    """Method, layer, target and input."""
    return (*(str(entry.get(key)) for key in ("method", "layer", "target")), str(entry.get("input")))


def _views(entry: Entry) -> list[Mapping[str, Any]]:
    """Of each sample; the first one's pictures stand in the entry, alone in an older record's."""
    first = {"sample": 0, "slices": [], "image": entry["image"], "input": entry["input"]}
    views = entry.get("views") or [{}]
    return [{**first, **views[0]}, *(view for view in views[1:] if "image" in view and "input" in view)]


def _row(given: str, seen: Sequence[tuple[Entry, Mapping[str, Any], str]]) -> Row:
    entry, view, _ = next((one for one in seen if _likeliest(one[0], one[1]["sample"])), seen[0])
    top = [(_class(entry, c), p) for c, p in _likeliest(entry, view["sample"])]
    pictures = [_shown(*one) for one in seen]
    samples = len(seen[0][0].get("score", ()))
    return Row(given, view["sample"], samples, top, made(str(entry.get("probability", ""))), pictures)


def _likeliest(entry: Entry, sample: int) -> list[tuple[int, float]]:
    top = entry.get("top") or []
    rows = top[sample] if sample < len(top) else []
    return [(row[0], row[1]) for row in rows if isinstance(row[1], (int, float))]


def _class(entry: Entry, target: object) -> str:
    """`Egyptian cat (class 285)`; of a callable its name."""
    if not isinstance(target, int):
        return str(target)
    name = entry.get("names", {}).get(str(target), "")
    return f"{name} (class {target})" if name else f"class {target}"


def _of(values: Sequence[Any], sample: int) -> Any:
    return values[sample] if sample < len(values) else values[0] if values else None


def _shown(entry: Entry, view: Mapping[str, Any], tests: str) -> Shown:
    sample, slices = view["sample"], view["slices"]
    target = _of(entry.get("target", ()), sample)
    space = entry.get("space") or [1, 1]
    known = dict(_likeliest(entry, sample))
    asked = [one for one in entry.get("asked", ()) if one["sample"] == sample]
    return Shown(
        entry=entry,
        sample=sample,
        image=view["image"],
        heat=view.get("heat", ""),
        frame=_frame(space, slices),
        axes=len(space),
        slices=slices,
        target=_class(entry, target),
        probability=known.get(target) if isinstance(target, int) else None,
        score=_of(entry.get("score", ()), sample),
        marks=[_mark(one, space, slices) for one in asked],
        tests=tests,
    )


def _frame(space: Sequence[int], slices: Sequence[int]) -> tuple[float, float]:
    """Width and height of the picture of an input, in its pixels; slices stand side by side, a signal is as high as
    its line is drawn.
    """
    return space[-1] * max(len(slices), 1), space[-2] if len(space) > 1 else space[-1] * HEIGHT


def _mark(asked: Mapping[str, Any], space: Sequence[int], slices: Sequence[int]) -> Mark:
    place, outline = list(reversed(asked["hottest"])), asked.get("outline", "")
    at = ", ".join(f"{axis} {i}" for axis, i in zip("xyz", place, strict=False))
    around = f" with a margin of {asked['margin']}" if asked["margin"] else ""
    where = f"the {'mask' if outline else 'box'}{around}"
    told = f"hottest at {at}: {'in' if asked['hit'] else 'not in'} {where}" if place else NOBODY
    dots = [
        (left + place[0] + 0.5, place[1] + 0.5 if len(place) > 1 else space[-1] * HEIGHT / 2)
        for left in _lefts(place, space, slices)
    ]
    boxes = list(_boxes(asked["box"], space, slices)) if not outline else []
    return Mark(boxes, outline, dots, asked["hit"], told)


def _lefts(place: Sequence[float], space: Sequence[int], slices: Sequence[int]) -> list[int]:
    """Where the slices begin that have a place; of what is no volume, where the picture does."""
    if len(space) < 3:
        return [0] if place else []
    return [number * space[-1] for number, i in enumerate(slices) if place and i == place[2]]


def _boxes(box: Sequence[float], space: Sequence[int], slices: Sequence[int]) -> Iterable[Box]:
    first, last = box[: len(space)], box[len(space) :]
    top, height = (first[1], last[1] - first[1]) if len(space) > 1 else (0, space[-1] * HEIGHT)
    within = [i for i in slices if first[2] <= i < last[2]] if len(space) > 2 else [0]
    for i in within:
        left = slices.index(i) * space[-1] if len(space) > 2 else 0
        yield left + first[0], top, last[0] - first[0], height


def _target(name: str) -> str:
    """A class, a group of them, or a callable's name."""
    return f"class {name}" if name[:1].isdigit() or name[:1] == "(" else name


def judged(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """A heatmap's figures, and those of the maps that know nothing."""
    return {"this map": found, **{f"{name} map": one for name, one in found.get("baselines", {}).items()}}


def curves(maps: Mapping[str, Mapping[str, Any]], of: str) -> dict[str, list[float]]:
    """Lines of a plot: that curve of each map."""
    return {name: one[of] for name, one in maps.items()}


MADE = {
    SOFTMAX: "softmax of the output",
    SIGMOID: "sigmoid of the output",
    GIVEN: "as the model gives it",
}


def made(how: str) -> str:
    """How a probability was made of the output, in words; a callable by its name."""
    return MADE.get(how, f"by {how}") if how else ""
