"""What each run of pytest would load again, loaded once: modules, and the compiled templates of the page."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from jinja2.bccache import Bucket, BytecodeCache

import pytest_modelcheck
from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.drawing.html import environment
from pytest_modelcheck.report.frame import templates

LARGE = (
    "torch._dynamo.repro.after_dynamo",
    "torch._inductor.compile_fx",
    "torch._inductor.runtime.autotune_cache",
    "torch._subclasses.schema_check_mode",
    "torchvision",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "filelock",
    "libcst.metadata",
    "hypothesis",  # its plugin loads it to end a run
    "xdist.dsession",
    "xdist.remote",
    "PIL.Image",
)


def load() -> None:
    """All of it, of which some may be missing; our own all at once: then their bytecode is there for every process."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    for name in LARGE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name in _own():
        with contextlib.suppress(ModuleNotFoundError):  # what writes limits, without libcst
            importlib.import_module(name)
    environment().bytecode_cache = _Kept()


def compile_templates() -> None:
    """So that forks of this process have them."""
    frame = templates(default_registry())
    root = Path(pytest_modelcheck.__file__).parent
    for path in root.rglob("*.j2"):
        *rooms, file = path.relative_to(root.parent).parts
        package = ".".join(room for room in rooms if room != "templates")
        inner = f"templates/{file}" if "templates" in rooms else file
        frame.get_template(file if package.endswith(".drawing") else f"{package}:{inner}")


def _own() -> Iterator[str]:
    for module in pkgutil.walk_packages(pytest_modelcheck.__path__, "pytest_modelcheck."):
        if not module.name.endswith("__main__"):
            yield module.name


class _Kept(BytecodeCache):
    """In memory: each page has an environment of its own, which would compile its templates anew."""

    def __init__(self) -> None:
        self.compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.compiled:
            bucket.bytecode_from_string(self.compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.compiled[bucket.key] = bucket.bytecode_to_string()
