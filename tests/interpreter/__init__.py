"""`python`, `pytest` and `pytest-modelcheck` as commands that start in a tenth of a second.

They are forks of a server that has imported what every run imports. What they do is what the real ones do, with
their own arguments, folder, environment, streams, signals and exit status; a call of which that is not sure (other
options, other descriptors, a script of another package) is left to the real interpreter, `REAL`. Tests of processes
themselves (who is whose child, what a kill leaves) use that one: the fixture `real_interpreter`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REAL = sys.executable
HERE = Path(__file__).parent
COMMANDS = ("python", "pytest", "pytest-modelcheck")


@contextmanager
def quick_commands(folder: Path) -> Iterator[Path]:
    """The folder, with the commands in it, while their server runs."""
    address = folder / "server"
    for name in COMMANDS:
        command = folder / name
        command.write_text(f'#!/bin/sh\nexec {REAL} -S -E {HERE}/client.py {address} {REAL} {name} "$@"\n')
        command.chmod(0o755)
    said = [name for name in os.environ if name.startswith("PYTEST_") and name != "PYTEST_ADDOPTS"]
    kept = {name: value for name, value in os.environ.items() if name not in said}
    environment = {**kept, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [REAL, "-m", "tests.interpreter.server", address]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, cwd=HERE.parents[1]) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield folder
        finally:
            server.kill()
