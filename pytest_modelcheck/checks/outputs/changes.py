"""What a comparison with the base says of outputs: one line in every run, asked for or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...records.plain import number
from ...records.section import Comparison, Line, Paths, Sections
from .entries import AnswersEntry, DriftChange
from .words import BASE, SAME, words


def _compare(old: Sections, new: Sections, paths: Paths, checks: Sequence[object]) -> Mapping[str, object]:
    """What was found between both revisions; of a report, which holds no model, whether the answers are the same."""
    entries = new.get("drift")
    listed = entries if isinstance(entries, list) else []
    measured = [one for one in listed if one["against"] == BASE]
    found = max(measured, key=_how_far, default=None)  # of several tests of one subject: the farthest
    if found is None:
        return _of_report(old.get("answers"), new.get("answers"))
    is_same = bool(found["bit_for_bit"]) and not found["incomparable"] and not found["vacuous"]
    told: DriftChange = {
        "text": words(found),
        "stands": found["stands"],
        "first": found["first_module"],
        "same": is_same or bool(found["vacuous"]),
    }
    return {"drift": told}


def _how_far(entry: Mapping[str, Any]) -> tuple[bool, bool, float]:
    error = number(entry["max_error"])
    is_apart = bool(entry["incomparable"]) or not (entry["bit_for_bit"] or entry["vacuous"])
    return bool(entry["incomparable"]), is_apart, float("inf") if error is None else error


def _of_report(old: AnswersEntry | None, new: AnswersEntry | None) -> Mapping[str, object]:
    if not old or not new or not old.get("outputs") or not new.get("outputs"):
        return {}
    if old["outputs"] == new["outputs"]:
        is_same = old["weights"] == new["weights"] and old["inputs"] == new["inputs"]
        text = SAME if is_same else f"{SAME}, with other weights or inputs"
    else:
        text = "not the same bit for bit; how far apart tells --modelcheck-base=REV, a report holds no models"
    told: DriftChange = {"text": text, "stands": "", "first": None, "same": old["outputs"] == new["outputs"]}
    return {"drift": told}


def _lines(changes: Mapping[str, Any], most: int) -> Iterator[Line]:
    told = changes.get("drift")
    if told:
        text = f"outputs: {told['text']}"
        yield Line(
            text, short=None if told["same"] else text, link="drift", strong=not told["same"], always=True
        )
        if told["stands"]:
            yield Line(told["stands"], strong=True, always=True)


COMPARISON = Comparison(
    ("drift",),
    _compare,
    lines=_lines,
    is_change=lambda key, value: not value["same"] or bool(value["stands"]),
    types={"drift": DriftChange},
)
