"""A process that has imported torch and what a run of pytest imports, and forks for each command.

`python server.py ADDRESS`. A client (`client.py`) sends its arguments, folder and environment, and its three streams;
it is told the process, and, when it has ended, its exit status.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import random
import resource
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
import traceback

OWN = os.environ.get("PYTHONPATH", "")


def prepare() -> None:
    """Load it all; pytest's plugins by a run, since they are rewritten as they are imported."""
    import pytest

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["-p", "no:cacheprovider", "--rootdir", folder, "-c", os.devnull, folder])
    from tests.interpreter.loaded import compile_templates, load

    load()
    compile_templates()
    gc.collect()
    gc.freeze()  # what is there for good needs no looking through, which pytest asks for five times


def main(address: str) -> None:
    prepare()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)
        while True:
            client, _ = server.accept()
            if os.fork() == 0:
                server.close()
                try:
                    answer(client)
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(0)
            client.close()
            with contextlib.suppress(ChildProcessError):  # those that have ended
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def answer(client: socket.socket) -> None:
    """Runs the command in a fork of this one, whose end it waits for."""
    size, streams, _, _ = socket.recv_fds(client, 4, 3)
    text = client.makefile("rb").read(int.from_bytes(size, "big"))
    call = json.loads(text)
    child = os.fork()
    if child == 0:
        client.close()
        run(call, streams)
    for stream in {0, 1, 2, *streams}:
        os.close(stream)
    ended = os.pidfd_open(child)
    client.sendall(f"{child}\n".encode())
    ready, _, _ = select.select([client, ended], [], [])
    if ended not in ready:  # the client hung up: somebody killed it
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if call["leads"] else os.kill)(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    with contextlib.suppress(BrokenPipeError):
        client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def run(call: dict, streams: list[int]) -> None:
    """The command, to the end of this process."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    become(call)
    status: object = 1
    try:
        status = COMMANDS[call["name"]](call["arguments"])
    except SystemExit as error:
        status = error.code
    except KeyboardInterrupt:
        traceback.print_exc()
        status = 130
    except BaseException:
        traceback.print_exc()
    if isinstance(status, str):
        print(status, file=sys.stderr)
        status = 1
    with contextlib.suppress(BaseException):
        threading._shutdown()
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(int(status or 0))  # type: ignore[call-overload]


def become(call: dict) -> None:
    """What the real command has: streams, signals, limits, folder, environment, paths, threads, chance."""
    import numpy
    import torch

    from pytest_modelcheck.model import begun, draws

    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, errors="backslashreplace", buffering=1)  # noqa: SIM115
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if number in call["ignored"] else usual)
    for name, limits in call["limits"].items():
        resource.setrlimit(getattr(resource, name), limits)
    os.umask(call["umask"])
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    tempfile.tempdir = None
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    own = [os.path.abspath(path) for path in OWN.split(os.pathsep) if path]
    given = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [*given, *(path for path in sys.path[1:] if path not in own)]
    importlib.invalidate_caches()
    sys.argv = [call["name"], *call["arguments"]]
    sys.executable = call["command"]  # what it starts in turn starts as quickly
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))))
    torch.seed()
    random.seed()
    numpy.random.set_bit_generator(numpy.random.MT19937())
    begun.PYTHON = random.getstate()  # as it would be at the import
    draws._STREAMS = {"python": draws._Python(begun.PYTHON)}


def _pytest(arguments: list[str]) -> object:
    import pytest

    sys.path.insert(0, os.path.dirname(sys.executable))
    return pytest.console_main()


def _modelcheck(arguments: list[str]) -> object:
    from pytest_modelcheck.cli import main

    return main(arguments)


def _python(arguments: list[str]) -> object:
    first, *rest = arguments
    if first == "-u":
        sys.path.insert(0, "")
        sys.argv = ["-c"]
        exec(rest[-1], {"__name__": "__main__"})
    elif first.startswith("-m"):
        name, *rest = [first[2:], *rest] if first[2:] else rest
        sys.path.insert(0, os.getcwd())
        sys.argv = [name, *rest]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, os.path.dirname(os.path.abspath(first)))
        sys.argv = arguments
        runpy.run_path(first, run_name="__main__")
    return 0


COMMANDS = {"pytest": _pytest, "pytest-modelcheck": _modelcheck, "python": _python}

if __name__ == "__main__":
    main(sys.argv[1])
