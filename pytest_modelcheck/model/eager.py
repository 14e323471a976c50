"""Models as they are written: what was compiled runs eagerly, so that hooks and modes see it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn

from .plainly import Rule, plainly
from .undoing import patched, undoing

_IN_PLACE = "_compiled_call_impl"  # the attribute that `module.compile()` sets


@contextmanager
def eager(rules: Mapping[str, Rule] | None = None) -> Iterator[None]:
    """In the block what was compiled in place (`module.compile()`) runs as written, control flow by `rules`."""
    with plainly(rules):
        if "torch._dynamo" not in sys.modules:  # else nothing is compiled, and importing it takes a second
            yield
            return
        frames: Any = sys.modules["torch._dynamo.eval_frame"]
        # not by torch.compiler.set_stance: a block of it that ends late, after an interrupt, puts back a stance of ours
        with patched(frames, _stance=type(frames._stance)("force_eager")):
            yield


def is_compiled(module: nn.Module) -> bool:
    """Whether it or a part of it is: by `torch.compile`, or in place."""
    return any(
        "_orig_mod" in part._modules or vars(part).get(_IN_PLACE) is not None for part in module.modules()
    )


@contextmanager
def uncompiled(module: nn.Module) -> Iterator[None]:
    """A block in which what was compiled in place (`module.compile()`) is what it was made from."""
    compiled = [(vars(part), vars(part)[_IN_PLACE]) for part in module.modules() if _IN_PLACE in vars(part)]

    def restore() -> None:
        for attributes, call in compiled:
            attributes[_IN_PLACE] = call

    with undoing(restore):
        for attributes, _ in compiled:
            attributes.pop(_IN_PLACE)
        yield
