"""Measure the base: its sources in a worktree, this tree's tests in a process of its own, a record as the result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..progress import busy
from ..text import printable
from .contents import fill
from .declared import declared_options
from .git import BaseError, changed_dependencies, files, merge_base, toplevel, worktree
from .gone import gone_checks
from .records.load import MAX_BYTES, RecordError, read_record

if TYPE_CHECKING:
    import pytest


WINDOWS = sys.platform == "win32"
OF_THIS_RUN = (  # beginnings of names: what these say in the environment is said, or not wanted, at the base
    "PYTEST_ADDOPTS",
    "PYTEST_CURRENT_TEST",
    "PYTEST_VERSION",
    "PYTEST_XDIST",
    "GITHUB_STEP",
)


def measure_base(
    config: pytest.Config, revision: str, timeout: float, markers: Collection[str]
) -> dict[str, Any]:
    """The record of the merge-base with `revision`; `{"error": ...}` if it could not be measured.

    `markers`: the names of those that check a model. Raises BaseError where there is no such revision or no merge-base.
    Nothing stays behind.
    """
    if WINDOWS:
        raise BaseError(
            "measuring another revision needs the process groups of POSIX systems, which Windows has not.\n"
            "Write a report there (--modelcheck-report) and compare with it: --modelcheck-base-report=PATH"
        )
    root = toplevel(config.rootpath)
    commit = merge_base(root, revision)
    with worktree(root, commit) as folder:
        notes = fill(root, folder / "tree", commit)
        job = {
            "root": str(root),
            "rootdir": str(config.rootpath),
            "tree": str(folder / "tree"),
            "files": files(root),
            "patterns": config.getini("python_files"),
            "path": [entry or os.getcwd() for entry in sys.path],
            "arguments": _arguments(config),
            "options": declared_options(config),
            "result": str(folder / "record.json"),
        }
        cwd = config.invocation_params.dir
        with busy("measuring the base"):
            record = _run(folder, job, cwd, timeout)
        if record.get("timed"):
            from .timing.pairs import measure_pairs

            given = job | {"arguments": _arguments(config, tests=False)}
            record["pairs"] = measure_pairs(folder, given, record["timed"], cwd, timeout)
    if "error" in record:
        return {"error": "\n".join([record["error"], *notes])}
    record["environment"]["commit"] = commit
    gone = gone_checks(root, commit, config.getini("python_files"), markers)
    return {
        **record,
        "dependencies": changed_dependencies(root, commit),
        "gone": gone,
        "notes": notes,
    }


def _arguments(config: pytest.Config, tests: bool = True) -> list[str]:
    """The same selection of tests, wherever it was said (addopts too), and nothing that writes."""
    option = config.option
    given = ["-q", "-o", "addopts=", "-p", "no:cacheprovider", f"--rootdir={config.rootpath}", "-s"]
    given += [
        f"--import-mode={option.importmode}",
        "--modelcheck-github=off",
        "--continue-on-collection-errors",
    ]
    given += ["-c", str(config.inipath)] if config.inipath else []
    given += [part for name in option.plugins or () if "xdist" not in name for part in ("-p", name)]
    given += [part for value in option.override_ini or () for part in ("-o", value)]
    given += ["-o", "modelcheck_report=false"]
    given += ["-k", option.keyword] if option.keyword else []
    given += ["-m", option.markexpr] if option.markexpr else []
    given += ["--pyargs"] if option.pyargs else []
    given += ["--noconftest"] if option.noconftest else []
    given += [f"--confcutdir={option.confcutdir}"] if option.confcutdir else []
    for name in ("deselect", "ignore", "ignore_glob"):
        given += [f"--{name.replace('_', '-')}={value}" for value in getattr(option, name, None) or ()]
    for name in ("model", "input_size", "device", "threads"):
        value = getattr(option, f"modelcheck_{name}", None)
        given += [f"--modelcheck-{name.replace('_', '-')}={value}"] if value else []
    return [*given, *(map(str, config.args) if tests else ())]


def _run(folder: Path, job: dict[str, Any], cwd: Path, timeout: float) -> dict[str, Any]:
    """The record that a worker left."""
    return _result(folder, supervise(folder, job, cwd, timeout))


def supervise(
    folder: Path, job: dict[str, Any], cwd: Path, timeout: float, tick: Callable[[], None] = lambda: None
) -> str:
    """Start a worker, wait (`tick()` each second), and say how it ended; whatever happens, its processes end."""
    (folder / "job.json").write_text(json.dumps(job), "utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(OF_THIS_RUN)}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(Path(__file__).with_name("worker.py")), str(folder / "job.json")]
    with (folder / "log").open("wb") as log:
        worker = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            status = _wait(worker, timeout, tick)
            return f"ended with status {status}" if status >= 0 else f"was killed by signal {-status}"
        except subprocess.TimeoutExpired:
            return f"did not end within {timeout:g} s"
        finally:
            _end(worker)


def _wait(worker: subprocess.Popen[bytes], timeout: float, tick: Callable[[], None]) -> int:
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 1:
        with suppress(subprocess.TimeoutExpired):
            return worker.wait(1)
        tick()
    return worker.wait(max(left, 0))


def _end(worker: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    if worker.stdin is not None:
        worker.stdin.close()


def _result(folder: Path, said: str) -> dict[str, Any]:
    path = folder / "record.json"
    if not path.exists():
        return {
            "error": f"the process that measures the base {said} without a result\n{tail(folder / 'log')}".rstrip()
        }
    try:
        error = json.loads(path.read_bytes()[:MAX_BYTES]).get("error")
        return {"error": f"{error}\n{tail(folder / 'log')}".rstrip()} if error else read_record(path)
    except (RecordError, ValueError, AttributeError) as error:
        return {"error": f"the process that measures the base left no record: {error}"}


def tail(log: Path, lines: int = 12) -> str:
    """The last lines that a worker wrote."""
    text = log.read_bytes()[-20_000:].decode("utf-8", "replace")
    return printable("\n".join(text.strip().splitlines()[-lines:]), keep="\n")
