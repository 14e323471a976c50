"""The check of `--modelcheck-model`: no test file needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .log import SECTION
from .state import run_of, state_of


class ModelItem(pytest.Item):
    """Counts the model, and describes it for the report."""

    def runtest(self) -> None:
        from ..checks.complexity.measure import count
        from ..model.subject import build_subject

        settings = run_of(self.config).settings
        subject = build_subject(settings.model, input_size=settings.input_size, device=settings.device)
        state_of(self).recorder.subject(subject, f"model={settings.model!r}")
        self.add_report_section("call", SECTION, str(count(subject)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from ..errors import ModelCheckError

        if isinstance(excinfo.value, ModelCheckError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.config.rootpath, None, self.name
