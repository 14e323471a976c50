"""The heatmap that a report shows by itself: Grad-CAM of the top class, where it means something.

What a network with random weights looks at, or any network in noise, is no news and no alarm.
"""

from __future__ import annotations

from ...errors import ExplanationError, ModelCheckError
from ...model.subject import Subject
from .cam import cam
from .images import find_images


def describe(subject: Subject, heatmaps: str = "auto") -> list[dict[str, object]] | dict[str, str]:
    """The record's section `heatmaps`: one overlay, or `{"error": why there is none}`.

    `heatmaps`: "always" draws one wherever it can be drawn, "never" none, "auto" where the inputs are the user's own
    and the weights were loaded.
    """
    reason = _not_asked_for(subject, heatmaps) or _not_an_image(subject)
    if reason:
        return {"error": reason}
    try:
        return [cam(subject).to_dict()]
    except ModelCheckError as error:
        return {"error": str(error)}


def _not_asked_for(subject: Subject, heatmaps: str) -> str:
    if heatmaps == "never":
        return "no test asks for one (modelcheck_heatmaps = never)"
    if heatmaps == "auto" and not (subject.owns_inputs and subject.is_loaded):
        lacking = "its weights were not loaded" if subject.owns_inputs else "its inputs are random"
        return f"no test asks for one, and {lacking} (modelcheck_heatmaps = always draws it all the same)"
    return ""


def _not_an_image(subject: Subject) -> str:
    if subject.inputs is None:
        return "no example inputs were given"
    try:
        find_images(subject)
    except ExplanationError as error:
        return f"no image input: {error}"
    return ""
