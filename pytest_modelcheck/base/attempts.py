"""A worker that dies is laid to the file or the test that it was at; another one goes on without that."""

from __future__ import annotations

import ast
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..progress import busy
from ..records.entries import loss_entry
from ..records.types import LossEntry
from .process import Ended, Worker, tail

DEATHS = 5  # at most
READS = "reads.json"  # says what the process read


class Attempts:
    """Workers for one job in `folder`, one after the other, until one leaves a result; in the block the first works.

    `what`: what the process does, in words. `lost`: what others died of. `timeout`: seconds, all of them together.
    """

    def __init__(self, folder: Path, job: Mapping[str, Any], cwd: Path, timeout: float, what: str) -> None:
        self.folder, self.cwd, self.timeout, self.what = folder, cwd, timeout, what
        self.result, self.journal = folder / "record.json", Journal(folder / "journal")
        self.reads = folder / READS
        self.job = {**job, "result": str(self.result), "journal": str(self.journal.path)}
        self.lost: list[LossEntry] = []
        self.ending = ExitStack()

    def __enter__(self) -> Attempts:
        self.started = time.monotonic()
        self._start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ending.close()

    def _start(self) -> None:
        self.ending.close()
        self.journal.clear()
        worker = Worker(self.folder, {**self.job, "lost": self.lost}, self.cwd)
        self.worker = self.ending.enter_context(worker)

    def error(self) -> str:
        """Wait for the result; why there is none, or empty."""
        while True:
            with busy(self.what) as say:
                left = max(self.started + self.timeout - time.monotonic(), 0.0)
                ended = self.worker.wait(left, lambda: say(self.journal.told(self.what)), self.result.exists)
            if self.result.exists():
                return ""
            loss = self._loss(ended)
            if loss is None or ended.status is None or len(self.lost) == DEATHS or self._is_known(loss):
                said = Ended(None, self.timeout) if ended.status is None else ended
                at = f"; it was at {loss['nodeid']}" if loss is not None else ""
                text = f"the process for {self.what} {said} without a result{at}{said.hint}"
                return f"{text}\n{tail(self.folder / 'log')}".rstrip()
            self.lost.append(loss)
            self._start()

    def _is_known(self, loss: LossEntry) -> bool:
        return loss["nodeid"] in (known["nodeid"] for known in self.lost)

    def _loss(self, ended: Ended) -> LossEntry | None:
        """The test or file that the process was at; None before the first, and after the last."""
        phase, nodeid = self.journal.last
        if phase not in ("collect", "call") or not nodeid:
            return None
        text = f"the process for {self.what} {ended} while it was at {nodeid}{ended.hint}"
        return loss_entry(nodeid, "process", text)


class Journal:
    """Where a worker is: a line for each file and each test, and how many tests there are."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def lines(self) -> list[tuple[str, str]]:
        """All of them, each a word and a text. A process that dies leaves half a line."""
        if not self.path.exists():
            return []
        whole = [
            line for line in self.path.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")
        ]
        pairs = [line.partition(" ") for line in whole]
        return [(word, str(ast.literal_eval(text.strip()))) for word, _, text in pairs]

    @property
    def last(self) -> tuple[str, str]:
        """The last one."""
        return next(reversed(self.lines), ("", ""))

    def told(self, what: str) -> str:
        """What goes on, in words."""
        lines = self.lines
        total = next((text for word, text in lines if word == "tests"), "")
        done = sum(word == "call" for word, _ in lines)
        return f"{what}: {done} of {total} tests" if total else f"{what}: collecting tests"

    def clear(self) -> None:
        """Begin again."""
        self.path.unlink(missing_ok=True)
