"""Models as they are written: what was compiled runs eagerly, so that hooks and modes see it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from .plainly import Rule, plainly


@contextmanager
def eager(rules: Mapping[str, Rule] | None = None) -> Iterator[None]:
    """In the block what was compiled in place (`module.compile()`) runs as written, control flow by `rules`."""
    with plainly(rules):
        if "torch._dynamo" not in sys.modules:  # else nothing is compiled, and importing it takes a second
            yield
            return
        with torch.compiler.set_stance("force_eager"):
            yield
