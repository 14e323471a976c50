"""Another process that works for this one: started with a job, watched, and ended whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..text import ended, memory_hint, printable

LOOK = 0.05  # seconds between two looks
OF_THIS_RUN = (  # beginnings of names: what these say in the environment is said, or not wanted, at the base
    "PYTEST_ADDOPTS",
    "PYTEST_CURRENT_TEST",
    "PYTEST_VERSION",
    "PYTEST_XDIST",
    "GITHUB_STEP",
)


class Ended(NamedTuple):
    """How a worker ended; without a status it was ended, since its time was over."""

    status: int | None
    timeout: float

    def __str__(self) -> str:
        if self.status is None:
            return f"did not end within {self.timeout:g} s"
        return ended(self.status)

    @property
    def hint(self) -> str:
        """What to look at besides, in a line of its own; or nothing."""
        return memory_hint(self.status or 0)


class Worker:
    """A started worker; in its block it works, afterwards its processes have ended."""

    def __init__(self, folder: Path, job: Mapping[str, object], cwd: Path) -> None:
        self.folder, self.job, self.cwd = folder, job, cwd

    def __enter__(self) -> Worker:
        (self.folder / "job.json").write_text(json.dumps(self.job), "utf-8")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(OF_THIS_RUN)}
        environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
        main = Path(__file__).parents[1] / "worker" / "main.py"
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(main), str(self.folder / "job.json")],
                cwd=self.cwd,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def wait(
        self,
        timeout: float,
        tick: Callable[[], None] = lambda: None,
        done: Callable[[], bool] = lambda: False,
    ) -> Ended:
        """Wait for its end or until it is `done`, at most `timeout` seconds; `tick()` each second."""
        try:
            return Ended(_wait(self.process, timeout, tick, done), timeout)
        except subprocess.TimeoutExpired:
            return Ended(None, timeout)

    def __exit__(self, *error: object) -> None:
        _end(self.process)


def supervise(
    folder: Path,
    job: Mapping[str, object],
    cwd: Path,
    timeout: float,
    tick: Callable[[], None] = lambda: None,
) -> Ended:
    """Start a worker, wait, and say how it ended; whatever happens, its processes end."""
    with Worker(folder, job, cwd) as worker:
        return worker.wait(timeout, tick)


def _wait(
    worker: subprocess.Popen[bytes], timeout: float, tick: Callable[[], None], done: Callable[[], bool]
) -> int:
    deadline = time.monotonic() + timeout
    told = time.monotonic()
    while not done():
        if (status := worker.poll()) is not None:
            return status
        if time.monotonic() > deadline:
            raise subprocess.TimeoutExpired(worker.args, timeout)
        time.sleep(max(min(LOOK, deadline - time.monotonic()), 0))
        if time.monotonic() > told + 1:
            told = time.monotonic()
            tick()
    return 0


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
