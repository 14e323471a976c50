"""An export without a limit of the user's."""

from __future__ import annotations

from ...demand.trial import Mark, Trial
from ...model.onnx_packages import PACKAGES
from .check import EXPORT, ExportCheck

MARKS = (Mark(ExportCheck.name),)
TRIAL = Trial(
    "export",
    marks=MARKS,
    words=ExportCheck().names(EXPORT),
    packages=PACKAGES,
    extra="onnx",
    budgets=lambda check: MARKS,
)
