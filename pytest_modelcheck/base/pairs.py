"""Time both revisions in turns, in a process of its own; what comes back is one comparison for each limit."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..progress import progress
from .process import supervise, tail

CAP = 30.0  # seconds that one comparison may go on


def measure_pairs(
    folder: Path, job: dict[str, object], keys: Sequence[Any], cwd: Path, timeout: float
) -> list[dict[str, object]]:
    """For each of `keys` (node id, which demand) a `comparison`, a `reason` why there is none, or an `error`.

    `timeout`: seconds that loading the revisions may take. Results that were there before the process died count.
    """
    if not hasattr(os, "fork"):
        reason = "two revisions can be timed in turns only where processes fork (Linux, macOS)"
        return [{"nodeid": nodeid, "demand": demand, "reason": reason} for nodeid, demand in keys]
    results = folder / "pairs.jsonl"
    given = {
        name: job[name]
        for name in ("root", "rootdir", "tree", "files", "patterns", "path", "arguments", "options", "moves")
    }
    given |= {"keys": list(keys), "results": str(results), "timeout": timeout, "cap": CAP}
    with progress("timed in turns with the base", len(keys)) as step:
        done = 0

        def tick() -> None:
            nonlocal done
            now = len(_entries(results))
            step(now - done)
            done = now

        said = supervise(folder, given, cwd, timeout + len(keys) * (timeout + 3 * CAP), tick)
    found = {(entry["nodeid"], entry["demand"]): entry for entry in _entries(results)}
    error = f"the process that compares {said} without a result{said.hint}\n{tail(folder / 'log')}".rstrip()
    return [
        found.get((nodeid, demand), {"nodeid": nodeid, "demand": demand, "error": error})
        for nodeid, demand in keys
    ]


def _entries(results: Path) -> list[dict[str, object]]:
    """The lines that can be read; a process that dies leaves half a line."""
    found = []
    for line in results.read_bytes().splitlines() if results.exists() else ():
        try:
            entry = json.loads(line)
            found.append({**entry, "nodeid": str(entry["nodeid"]), "demand": str(entry["demand"])})
        except (ValueError, LookupError, TypeError):
            continue
    return found
