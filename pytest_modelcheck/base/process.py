"""Another process that works for this one: started with a job, watched, and ended whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..text import printable

OF_THIS_RUN = (  # beginnings of names: what these say in the environment is said, or not wanted, at the base
    "PYTEST_ADDOPTS",
    "PYTEST_CURRENT_TEST",
    "PYTEST_VERSION",
    "PYTEST_XDIST",
    "GITHUB_STEP",
)


def supervise(
    folder: Path, job: dict[str, object], cwd: Path, timeout: float, tick: Callable[[], None] = lambda: None
) -> str:
    """Start a worker, wait (`tick()` each second), and say how it ended; whatever happens, its processes end."""
    (folder / "job.json").write_text(json.dumps(job), "utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(OF_THIS_RUN)}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
    command = [
        sys.executable,
        str(Path(__file__).parents[1] / "worker" / "main.py"),
        str(folder / "job.json"),
    ]
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


def tail(log: Path, lines: int = 12) -> str:
    """The last lines that a worker wrote."""
    text = log.read_bytes()[-20_000:].decode("utf-8", "replace")
    return printable("\n".join(text.strip().splitlines()[-lines:]), keep="\n")
