"""Stands for a command: `client.py ADDRESS REAL NAME ARGUMENTS...` has the server run it, with its own streams.

Imports little: it is started for each command.
"""

import json
import os
import resource
import signal
import socket
import sys

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LIMITS = ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_NOFILE")
EXECNET = ["-u", "-c", "import sys;exec(eval(sys.stdin.readline()))"]  # how it starts a worker of xdist


PATH = os.environ.get("PYTHONPATH", "").split(os.pathsep)
OWN_START = ("PYTHONWARNINGS", "PYTHONHASHSEED", "PYTHONOPTIMIZE", "PYTHONSAFEPATH", "PYTHONDEVMODE")


def is_known(name: str, arguments: list[str], real: str) -> bool:
    """Whether the server does what the interpreter would."""
    if any(map(os.environ.get, OWN_START)) or any(os.path.exists(f"{p}/sitecustomize.py") for p in PATH):
        return False
    if name != "python":
        return True
    first = arguments[0] if arguments else ""
    if first.startswith("-"):
        return first == "-m" or first.startswith("-mpytest") or arguments == EXECNET
    return first.endswith(".py") and "site-packages" not in os.path.abspath(first)


def main(address: str, real: str, name: str, *arguments: str) -> None:
    if not is_known(name, list(arguments), real):
        os.execv(real, [real, *(() if name == "python" else ("-m", name.replace("-", "_"))), *arguments])
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        call = {
            "name": name,
            "command": os.path.join(os.path.dirname(address), "python"),
            "arguments": arguments,
            "folder": os.getcwd(),
            "environment": dict(os.environ),
            "leads": os.getsid(0) == os.getpid(),  # a signal to its group means all that it started, too
            "limits": {name: resource.getrlimit(getattr(resource, name)) for name in LIMITS},
            "umask": os.umask(0o22),
            "ignored": [s for s in PASSED_ON if signal.getsignal(s) == signal.SIG_IGN],
        }
        text = json.dumps(call).encode()
        socket.send_fds(server, [len(text).to_bytes(4, "big")], [0, 1, 2])
        server.sendall(text)
        answers = server.makefile()
        child = int(answers.readline())
        for each in PASSED_ON:
            if each not in call["ignored"]:
                signal.signal(each, lambda number, _: os.kill(child, number))
        status = int(answers.readline() or 1)
    if status < 0:  # killed by a signal: so are we
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


main(*sys.argv[1:])
