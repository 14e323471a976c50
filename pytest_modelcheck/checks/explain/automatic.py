"""The heatmap that a report shows by itself: Grad-CAM of the top class, where it means something.

What a network with random weights looks at, or any network in noise, is no news and no alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...errors import ModelCheckError
from ...model.subject import Subject
from .cam import mapped
from .entrances import NoPictureError
from .images import find_images


def describe(
    subject: Subject, heatmaps: str = "auto", classes: Sequence[str] = ()
) -> list[dict[str, object]] | dict[str, str]:
    """The record's section `heatmaps`: one overlay, or `{"error": why there is none}`.

    `heatmaps`: "always" draws one wherever it can be drawn, "never" none, "auto" where the inputs are the user's own
    and the weights were loaded.
    """
    reason = _not_asked_for(subject, heatmaps)
    if reason or subject.inputs is None:
        return {"error": reason or "no example inputs were given"}
    try:
        return [replace(mapped(find_images(subject)), names=dict(enumerate(classes))).to_dict()]
    except NoPictureError as error:
        return {"error": f"no image input: {error}"}
    except ModelCheckError as error:
        return {"error": str(error)}


def _not_asked_for(subject: Subject, heatmaps: str) -> str:
    if heatmaps == "never":
        return "no test asks for one (modelcheck_heatmaps = never)"
    if heatmaps == "auto" and not (subject.owns_inputs and subject.is_loaded):
        lacking = "its weights were not loaded" if subject.owns_inputs else "its inputs are random"
        return f"no test asks for one, and {lacking} (modelcheck_heatmaps = always draws it all the same)"
    return ""
