"""Models as they are written: what was compiled runs eagerly, so that hooks and modes see it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def eager() -> Iterator[None]:
    """What was compiled in place (`module.compile()`) runs as written in the block."""
    if "torch._dynamo" not in sys.modules:  # else nothing can be compiled, and importing it takes a second
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
