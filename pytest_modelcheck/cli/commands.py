"""The commands: each takes its arguments, and returns what to print and the exit status."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checks.registry import default_registry
from ..errors import ModelCheckError
from ..records.compare import compare as compared
from ..records.compare import regressions, ungated
from ..records.load import read_record
from ..records.merge import merge as merged
from ..records.outcome import bad_checks, is_red
from ..records.plain import plain
from ..records.published import published_schema
from ..records.types import Changes
from ..report.history import history_html, history_markdown, trends
from ..report.markdown import MARKER, comparison_markdown, record_markdown
from ..report.write import write_report

OK, BREACH = 0, 1
Done = tuple[str, int]


def compare(options: argparse.Namespace) -> Done:
    """What changed between two reports."""
    registry = default_registry()
    base, head = (read_record(path, registry, options.max_bytes) for path in (options.base, options.head))
    changes, limits = compared(base, head, registry), dict(options.max_regression)
    _refuse_unknown(limits, changes)
    risen, loose, failed = regressions(changes, limits), ungated(changes, limits), bad_checks(head)
    if options.format == "json":
        text = _json({**changes, "failed": failed, "regressions": risen, "not_gated": loose})
    else:
        text = comparison_markdown(changes, registry, risen, loose, base, head, options.max_output)
    return text, BREACH if risen or is_red(head) else OK


def _refuse_unknown(limits: Mapping[str, float], changes: Changes) -> None:
    rows = [row for subject in changes["subjects"] for row in subject["metrics"]]
    known = dict.fromkeys(name for row in rows for name in (row["metric"], row["title"]))
    for metric in limits:
        if metric not in known:
            raise ModelCheckError(
                f"no subject has the metric {metric!r}; there are {', '.join(known) or 'none'}"
            )


def merge(options: argparse.Namespace) -> Done:
    """One report from several."""
    registry = default_registry()
    shards = {_shard(path): read_record(path, registry, options.max_bytes) for path in options.shards}
    record = merged(shards, registry)
    try:
        write_report(record, options.output, registry)
    except _template_error() as error:
        raise ModelCheckError(f"the reports hold what no pytest-modelcheck writes ({error})") from error
    if options.format == "json":
        text = _json(record)
    else:
        text = record_markdown(record, registry, max_bytes=options.max_output)
    return text, BREACH if is_red(record) else OK


def _shard(path: Path) -> str:
    return str(path.parent if path.suffix == ".json" else path)


def _template_error() -> type[Exception]:
    import jinja2

    return jinja2.TemplateError


def summary(options: argparse.Namespace) -> Done:
    """One report in short."""
    registry = default_registry()
    record = read_record(options.report, registry, options.max_bytes)
    if options.format == "json":
        text = _json({key: record.get(key) for key in ("run", "checks", "changes")})
    else:
        marker = f"{MARKER}\n" if options.marker else ""
        room = options.max_output - len(marker)
        text = marker + record_markdown(record, registry, max_bytes=room)
    return text, BREACH if is_red(record) else OK


def history(options: argparse.Namespace) -> Done:
    """Figures over time."""
    registry = default_registry()
    found = trends((read_record(path, registry, options.max_bytes) for path in options.reports), registry)
    if options.format == "json":
        return _json(found), OK
    if options.format == "html":
        return history_html(found, registry), OK
    return history_markdown(found, registry, options.max_output), OK


def init(options: argparse.Namespace) -> Done:
    """A test file for a model; without a model what there is here."""
    from .look import found_here
    from .starting import started

    if options.model is None:
        return found_here(), OK
    return started(options.model, options.input_size, snapshots=options.snapshots), OK


def schema(options: argparse.Namespace) -> Done:
    """The JSON schema of a report."""
    return _json(published_schema(default_registry())), OK


def _json(value: Any) -> str:
    # the same text for who reads JSON, and no command for who reads the log
    return json.dumps(plain(value), indent=2).replace("##[", "\\u0023#[") + "\n"
