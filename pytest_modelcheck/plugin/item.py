"""The check of `--modelcheck-model`: no test file needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..settings import Settings


class ModelItem(pytest.Item):
    """Counts the model, and describes it for the report."""

    def runtest(self) -> None:
        from ..checks.complexity.measure import count
        from ..model.draws import same_draws
        from ..model.subject import build_subject

        plugin: Any = self.config.pluginmanager.get_plugin("modelcheck-run")
        settings: Settings = plugin.settings
        with same_draws():
            subject = build_subject(settings.model, input_size=settings.input_size, device=settings.device)
        plugin.recorder(self).subject(subject)
        self.add_report_section("call", "modelcheck", str(count(subject)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from ..errors import ModelCheckError

        if isinstance(excinfo.value, ModelCheckError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.config.rootpath, None, self.name
