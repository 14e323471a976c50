"""What the installed torch has, where a test needs it."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch.onnx._internal.exporter import _capture_strategies
from torch.utils._python_dispatch import TorchDispatchMode

needs_watched_flows = pytest.mark.skipif(
    not hasattr(TorchDispatchMode, "supports_higher_order_operators"),
    reason="this torch runs flex_attention and scans under no mode",
)
needs_grouped_mm = pytest.mark.skipif(
    not hasattr(torch, "_grouped_mm"), reason="this torch has no _grouped_mm"
)
EXPORT_TRACES = any("Jit" in one.__name__ for one in _capture_strategies.CAPTURE_STRATEGIES)
needs_strict_export = pytest.mark.skipif(EXPORT_TRACES, reason="this torch traces what it cannot export")


def rows(table: Mapping[str, tuple[Any, ...]], needs: Mapping[str, pytest.MarkDecorator]) -> list[Any]:
    """A table's rows as parameters; those that `needs` names have its mark."""
    return [pytest.param(*row, id=name, marks=needs.get(name, ())) for name, row in table.items()]
