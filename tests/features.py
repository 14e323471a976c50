"""What the installed torch has, where a test needs it."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import PIL
import pytest
import torch
from packaging.version import Version
from torch._dynamo.symbolic_convert import InstructionTranslatorBase
from torch.utils._python_dispatch import TorchDispatchMode

needs_watched_flows = pytest.mark.skipif(
    not hasattr(TorchDispatchMode, "supports_higher_order_operators"),
    reason="this torch runs flex_attention and scans under no mode",
)
needs_grouped_mm = pytest.mark.skipif(
    not hasattr(torch, "_grouped_mm"), reason="this torch has no _grouped_mm"
)
DYNAMO_SAYS_ALL = hasattr(
    InstructionTranslatorBase, "log_graph_break"
)  # torch 2.6 says less, and traces less
RECOMPILE_LIMIT = (
    "recompile_limit" if hasattr(torch._dynamo.config, "recompile_limit") else "cache_size_limit"
)
needs_traced_classes = pytest.mark.skipif(
    not DYNAMO_SAYS_ALL, reason="this torch breaks the graph where an attribute of a class is set"
)
needs_profilers_in_turn = pytest.mark.skipif(
    torch.__version__ < (2, 7), reason="this torch crashes when another profiler takes the place of its own"
)
_EXPORTER_2_6 = not find_spec("torch.onnx._internal.exporter._dynamic_shapes")
needs_lstm_that_onnx_checks = pytest.mark.skipif(
    _EXPORTER_2_6, reason="this torch writes an LSTM by SplitToSequence, whose shapes onnx.checker gets wrong"
)
needs_export_of_parity = pytest.mark.skipif(
    _EXPORTER_2_6, reason="this torch exports no branch on a size that is even"
)
needs_fixed_axis_by_name = pytest.mark.skipif(
    _EXPORTER_2_6, reason="this torch says that the model fixes an axis, but not of which input"
)
ENDS_A_GROUP = Version(pytest.__version__) < Version(
    "9"
)  # seen with 8.2: under `-x` one of two workers goes on
DRAWS_OTHERWISE = Version(PIL.__version__) < Version("11.1")  # a Pillow whose polygons are not the example's


def rows(table: Mapping[str, tuple[Any, ...]], needs: Mapping[str, pytest.MarkDecorator]) -> list[Any]:
    """A table's rows as parameters; those that `needs` names have its mark."""
    return [pytest.param(*row, id=name, marks=needs.get(name, ())) for name, row in table.items()]
