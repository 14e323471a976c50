"""Questions to the base's own models, in the process that measured them: it stays until the run ends."""

from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import MeasurementError, ModelCheckError, UngatedError, in_short
from .git import own_prefix

SOCKET = "ask"  # in the worktree's folder
LONGEST = 100  # characters that the path of a socket may have
MOST = 2**20  # bytes of a reply: what it tells of lies in a file


class Asking:
    """Asks the process that listens at `address`; where there is none yet, `start()` starts one and says where.

    `timeout`: seconds that an answer may take. Who once did not answer is not asked again: `lost` says why.
    """

    def __init__(self, address: str, timeout: float, start: Callable[[], str] | None = None) -> None:
        self.address, self.timeout, self.start = address, timeout, start
        self.lost = ""

    def reach(self) -> None:
        """Start the process where there is none yet; `lost` says why it cannot be asked."""
        if self.address or self.lost:
            return
        try:
            self.address = self.start() if self.start is not None else ""
            self.lost = "" if self.address else "its models cannot be asked on this system"
        except (ModelCheckError, OSError) as error:
            self.lost = str(error)

    def __call__(self, nodeid: str, source: str, section: str, given: Any) -> Any:
        """What `section` answers of the subject of which a test says `source`.

        Raises MeasurementError, UngatedError.
        """
        self.reach()
        if self.lost:
            raise MeasurementError(f"at the base: {self.lost}")
        try:
            return self._answer(nodeid, source, section, given)
        except (OSError, EOFError, RuntimeError) as error:  # torch's, of files that are cut short
            raise MeasurementError(
                f"at the base: question and answer lie in files, and one cannot be written or read: {in_short(error)}\n"
                "Is there room in the temporary folder? Another one: TMPDIR"
            ) from error

    def _answer(self, nodeid: str, source: str, section: str, given: Any) -> Any:
        import torch

        with tempfile.TemporaryDirectory(prefix="ask-", dir=self._place) as folder:
            asked, answered = Path(folder) / "asked", Path(folder) / "answered"
            torch.save(given, asked)
            question = {
                "nodeid": nodeid,
                "source": source,
                "section": section,
                "asked": str(asked),
                "answered": str(answered),
            }
            said = self._talk(question)
            if "absent" in said:
                raise UngatedError(f"new: the base has no {said['absent']}")
            if "error" in said:
                raise MeasurementError(f"at the base: {said['error']}")
            return torch.load(answered, weights_only=True)

    @property
    def _place(self) -> Path | None:
        """Beside the socket, which goes with the run whatever happens."""
        place = Path(self.address).parent
        return place if place.exists() else None

    def _talk(self, question: dict[str, str]) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(self.timeout)
                line.connect(self.address)
                line.sendall(json.dumps(question).encode() + b"\n")
                with line.makefile("rb") as reply:
                    said = json.loads(reply.readline(MOST))
        except TimeoutError:
            self.lost = f"its process did not answer within {self.timeout:g} s, asked of {question['nodeid']}"
        except (OSError, ValueError):
            self.lost = f"its process died while it was asked of {question['nodeid']}, or before"
        else:
            return said if isinstance(said, dict) else {"error": "it answered garbage"}
        return {"error": self.lost}


@contextmanager
def socket_in(folder: Path) -> Iterator[str]:
    """Where a process of that folder can be asked: there, or in one of its own where the path is too long for a socket;
    empty on systems without sockets in files.
    """
    path = str(folder / SOCKET)
    if not hasattr(socket, "AF_UNIX"):
        yield ""
    elif len(path) <= LONGEST:
        yield path
    else:
        with tempfile.TemporaryDirectory(
            prefix=own_prefix(), dir="/tmp", ignore_cleanup_errors=True
        ) as other:
            yield str(Path(other) / SOCKET)
