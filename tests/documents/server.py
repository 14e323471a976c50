"""A process that has imported torch and forks for each command, so that a command of the documentation takes a second.

`python server.py SOCKET`. A client (`client.py`, which stands for `pytest`, `pytest-modelcheck` and `python`) sends its
arguments, folder and environment, and its three streams; it is answered with the exit status.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.metadata
import json
import os
import pkgutil
import runpy
import select
import shutil
import signal
import socket
import sys
import traceback
from collections.abc import Iterator

import pytest_modelcheck


def preloaded() -> Iterator[str]:
    """What commands import: what is large, and all of the package."""
    yield from ("torch._dynamo", "torch._inductor.compile_fx", "torchvision", "onnxruntime", "onnxscript")
    yield from (plugin.module for plugin in importlib.metadata.entry_points(group="pytest11"))
    for module in pkgutil.walk_packages(pytest_modelcheck.__path__, "pytest_modelcheck."):
        if not module.name.endswith("__main__"):
            yield module.name


def main(path: str) -> None:
    for name in preloaded():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # what is there for good needs no looking through, which pytest asks for five times
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        print("ready", flush=True)
        while True:
            client, _ = server.accept()
            if os.fork() == 0:
                try:
                    answer(client)
                finally:
                    os._exit(0)
            client.close()
            with contextlib.suppress(ChildProcessError):  # those that have ended
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def answer(client: socket.socket) -> None:
    """Runs the command in a fork of this one, whose end it waits for."""
    text, streams, _, _ = socket.recv_fds(client, 1 << 20, 3)
    call = json.loads(text)
    child = os.fork()
    if child == 0:
        os._exit(run(call, streams))
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            with contextlib.suppress(BrokenPipeError):  # a client that was killed
                client.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            return
        if select.select([client], [], [], 0.02)[0]:  # it hung up: somebody killed it
            os.kill(child, signal.SIGKILL)


def run(call: dict, streams: list[int]) -> int:
    """The command's exit status."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    sys.argv = [call["name"], *call["arguments"]]
    sys.executable = shutil.which("python") or sys.executable  # ours: the base's process starts as quickly
    try:
        return int(COMMANDS[call["name"]](call["arguments"]) or 0)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else bool(error.code)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _pytest(arguments: list[str]) -> int:
    import pytest

    return pytest.main(arguments)


def _modelcheck(arguments: list[str]) -> int:
    from pytest_modelcheck.cli import main

    return main(arguments)


def _python(arguments: list[str]) -> int:
    sys.path.insert(0, "")
    if arguments[0] == "-m":
        sys.argv = sys.argv[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = arguments, os.path.dirname(os.path.abspath(arguments[0]))
        runpy.run_path(arguments[0], run_name="__main__")
    return 0


COMMANDS = {"pytest": _pytest, "pytest-modelcheck": _modelcheck, "python": _python}

if __name__ == "__main__":
    main(sys.argv[1])
