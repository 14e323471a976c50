"""Shared by all tests: pytester, and the browser where there is one."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import pkgutil
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import pytest_modelcheck

# pytester forgets the modules that a run inside this process has loaded, and torch's cannot be loaded twice:
# so load all that a run needs beforehand. Our own all at once: then their bytecode is there for every process.
for name in (
    "torch._dynamo",
    "torch._dynamo.repro.after_dynamo",
    "torch._inductor.compile_fx",
    "torch._inductor.runtime.autotune_cache",
    "torch._dynamo.repro.after_dynamo",
    "filelock",
):
    importlib.import_module(name)
for name in ("libcst.metadata", "onnx", "onnxscript", "onnxruntime"):
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
for module in pkgutil.walk_packages(pytest_modelcheck.__path__, "pytest_modelcheck."):
    if not module.name.endswith("__main__"):
        with contextlib.suppress(ModuleNotFoundError):  # what writes limits, without libcst
            importlib.import_module(module.name)

pytest_plugins = ["pytester"]


def pytest_configure(config: pytest.Config) -> None:
    """The plugins that this run goes without, by its own options: those that it starts go without them too."""
    os.environ["PYTEST_ADDOPTS"] = _without(config)


def _without(config: pytest.Config) -> str:
    blocked = dict.fromkeys(name for name in config.option.plugins if name.startswith("no:"))
    return " ".join(f"-p {name}" for name in blocked)


@pytest.fixture
def pytester(pytester: pytest.Pytester, pytestconfig: pytest.Config) -> Iterator[pytest.Pytester]:
    """pytest's own forgets the options that stand in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_ADDOPTS", _without(pytestconfig))
        yield pytester


def pytest_runtest_setup(item: pytest.Item) -> None:
    import torch

    if item.get_closest_marker("cuda") and not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")


@pytest.fixture(autouse=True)
def no_stale_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytecode knows its source by second and size: a test that writes a file twice would run the first one again."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")


@pytest.fixture(autouse=True)
def no_foreign_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """The browser's driver leaves its event loop running in this thread: other tests must not find one."""
    if request.node.get_closest_marker("browser"):
        yield
        return
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium. Without one the test skips, unless MODELCHECK_REQUIRE_BROWSER says that there must be one."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("MODELCHECK_REQUIRE_BROWSER"):
            pytest.fail("MODELCHECK_REQUIRE_BROWSER is set, but no Chromium was found")
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()
