"""Shared by all tests: pytester, and the browser where there is one."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.pytester import Pytester, SysModulesSnapshot

from pytest_modelcheck.model import draws

from .interpreter import REAL, quick_commands
from .interpreter.loaded import load
from .tabs import Tabs

# pytester forgets the modules that a run inside this process has loaded, and torch's cannot be loaded twice:
# so load all that a run needs beforehand
load()
gc.freeze()  # a collection of garbage looks through what is not frozen, which took a second in each measurement

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a job in a shell's background ignores it
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["pytester"]


def pytest_configure(config: pytest.Config) -> None:
    """The plugins that this run goes without, by its own options: those that it starts go without them too."""
    os.environ["PYTEST_ADDOPTS"] = _without(config)


def _without(config: pytest.Config) -> str:
    blocked = dict.fromkeys(name for name in config.option.plugins if name.startswith("no:"))
    return " ".join(f"-p {name}" for name in blocked)


KEPT = ("torch", "torchvision", "numpy", "onnx", "onnxscript", "onnxruntime", "coverage", "pytest_modelcheck")


def _snapshot(_: pytest.Pytester) -> SysModulesSnapshot:
    """pytester's own forgets what a run has loaded: a module of these would be there twice then, with two states."""
    return SysModulesSnapshot(preserve=lambda name: name.partition(".")[0] in KEPT)


Pytester._Pytester__take_sys_modules_snapshot = _snapshot  # type: ignore[attr-defined]


@pytest.fixture
def pytester(pytester: pytest.Pytester, pytestconfig: pytest.Config) -> Iterator[pytest.Pytester]:
    """pytest's own forgets the options that stand in the environment. Seeds of tests before are nobody's choice."""
    for stream in draws._streams().values():
        stream.forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_ADDOPTS", _without(pytestconfig))
        yield pytester


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a device come last: a process that has used it cannot be forked, which others do."""
    items.sort(key=lambda item: item.get_closest_marker("cuda") is not None)


def pytest_collection_finish() -> None:
    gc.freeze()  # thousands of tests


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
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `python`, `pytest` and `pytest-modelcheck` that start in a tenth of a second."""
    with quick_commands(tmp_path_factory.mktemp("commands")) as folder:
        yield folder


@pytest.fixture
def real_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of processes themselves, and of what they import."""
    monkeypatch.setattr(sys, "executable", REAL)


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


@pytest.fixture(scope="session")
def tabs(browser: Any) -> Tabs:
    return Tabs(browser)


@pytest.fixture
def tab(tabs: Tabs) -> Iterator[Callable[..., Any]]:
    """`tab(width)`: an empty page of the browser; one is used for many tests."""
    yield tabs.take
    tabs.give_back()
