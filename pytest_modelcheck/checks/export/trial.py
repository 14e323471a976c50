"""An export without a limit of the user's."""

from __future__ import annotations

from ...demand.trial import Mark, Trial
from .check import EXPORT, ExportCheck
from .packages import PACKAGES

MARKS = (Mark(ExportCheck.name),)
TRIAL = Trial(
    "export",
    marks=MARKS,
    words=ExportCheck().names(EXPORT),
    packages=PACKAGES,
    extra="onnx",
    budgets=lambda check: MARKS,
)
