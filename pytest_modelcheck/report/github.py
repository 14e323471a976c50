"""GitHub Actions: a job summary and annotations, from the process that collects."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..records.outcome import other_failures, shown_outcome
from ..records.section import Catalogue
from ..records.types import CheckEntry, FailureEntry, Record
from ..text import log_safe, printable
from .markdown import MAX_BYTES, record_markdown
from .text import failure_line

SHOWN = 10  # annotations of a kind that GitHub shows per step
_KINDS = {"fail": "error", "error": "error", "warn": "warning", "inconclusive": "warning"}


def active(mode: str) -> bool:
    """Whether this runs in GitHub Actions, and may say so."""
    return mode == "auto" and os.environ.get("GITHUB_ACTIONS") == "true"


def write_summary(record: Record, catalogue: Catalogue, more: str = "") -> None:
    """Append the record, and `more`, to the job's summary, which has room for 1 MiB in all."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    path = Path(name)
    room = MAX_BYTES - (path.stat().st_size if path.exists() else 0) - len(more.encode("utf-8", "replace"))
    if room > 1000:
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(record_markdown(record, catalogue, max_bytes=room, link=_link()) + "\n" + more)


def _link() -> str:
    parts = [os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    return (
        f"[Artifacts of this run]({parts[0]}/{parts[1]}/actions/runs/{parts[2]}#artifacts): `index.html` is the report"
        if all(parts)
        else ""
    )


def commands(record: Record, root: Path) -> Iterator[str]:
    """A workflow command per failed or undecided check, at its marker's file and line, and per test with checks that
    failed otherwise; the last one counts the rest.
    """
    for kind in ("error", "warning"):
        told = [_of_check(kind, c, root) for c in record["checks"] if _KINDS.get(shown_outcome(c)) == kind]
        told += [_of_failure(failure, root) for failure in _failures(record)] if kind == "error" else []
        yield from told[: SHOWN - (len(told) > SHOWN)]
        if len(told) > SHOWN:
            yield f"::{kind} title=model check::and {len(told) - SHOWN + 1} more, in the job summary"


def _failures(record: Record) -> list[FailureEntry]:
    """Those of other tests are other plugins' to annotate."""
    ours = {nodeid for subject in record["subjects"] for nodeid in subject["nodeids"]}
    ours |= {check["nodeid"] for check in record["checks"]}
    return [failure for failure in other_failures(record) if failure["nodeid"] in ours]


def _of_check(kind: str, check: CheckEntry, root: Path) -> str:
    title = f"{check['subject'] or '?'}: {check['title']}"
    return _command(kind, check["where"], check["nodeid"], title, check["message"], root)


def _of_failure(failure: FailureEntry, root: Path) -> str:
    nodeid = failure["nodeid"]
    return _command("error", failure["where"], nodeid, nodeid, failure_line(failure), root)


def _command(kind: str, where: str, nodeid: str, title: str, text: str, root: Path) -> str:
    file, _, line = where.rpartition(":")
    facts = {"file": _from_workspace(file or nodeid.partition("::")[0], root)}
    facts |= {"line": line} if line.isdecimal() else {}
    facts["title"] = title
    told = ",".join(f"{key}={_property(value)}" for key, value in facts.items())
    return f"::{kind} {told}::{_data(printable(text, keep=chr(10)))}"


def _from_workspace(file: str, root: Path) -> str:
    workspace = os.environ.get("GITHUB_WORKSPACE")
    path = root / file
    inside = workspace and path.is_relative_to(workspace)
    return path.relative_to(str(workspace)).as_posix() if inside else file


def _data(text: str) -> str:
    return log_safe(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
