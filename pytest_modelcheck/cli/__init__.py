"""`pytest-modelcheck`: records compared, merged, summed up and followed over time. Needs no torch."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import LimitError, ModelCheckError
from ..text import printable
from ..verdict.units import RATIO

OK, BREACH, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0: fine, 1: a breach, 2: it could not be done, and stderr says why."""
    options = _parser().parse_args(arguments)
    try:
        text, status = options.command(options)
    except ModelCheckError as error:
        return _refuse(str(error))
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
        return _refuse(f"the reports hold what no pytest-modelcheck writes ({type(error).__name__}: {error})")
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    sys.stdout.write(text)
    return int(status)


def _refuse(text: str) -> int:
    print(f"pytest-modelcheck: {printable(text, keep=chr(10))}", file=sys.stderr)
    return USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pytest-modelcheck", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = _command(
        commands,
        "compare",
        _compare,
        "what changed between two reports; exit 1 on a breach, or a lost result",
    )
    command.add_argument("base", type=Path, metavar="BASE.json")
    command.add_argument("head", type=Path, metavar="HEAD.json")
    command.add_argument(
        "--max-regression",
        type=_regression,
        action="append",
        default=[],
        metavar="METRIC=2%",
        help="a breach if the metric of any subject rises by more; may be given several times",
    )

    command = _command(
        commands,
        "merge",
        _merge,
        "one report from the shards of a CI matrix; exit 1 if a check failed or was lost",
    )
    command.add_argument(
        "shards", type=Path, nargs="+", metavar="DIR", help="a folder with a report.json, or the file"
    )
    command.add_argument("--output", type=Path, default=Path("modelcheck-report"), metavar="DIR")

    command = _command(
        commands, "summary", _summary, "one report in short; exit 1 if a check failed or was lost"
    )
    command.add_argument(
        "report", type=Path, metavar="REPORT", help="report.json, its folder, or a zip file with it"
    )
    command.add_argument(
        "--marker", action="store_true", help="begin with a hidden marker: a comment to be replaced"
    )

    command = _command(commands, "history", _history, "figures over time, from kept reports", "html")
    command.add_argument("reports", type=Path, nargs="+", metavar="FILE")
    return parser


def _command(commands: Any, name: str, run: Any, text: str, *formats: str) -> argparse.ArgumentParser:
    from ..records.load import MAX_BYTES
    from ..report.markdown import MAX_BYTES as MAX_OUTPUT

    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.set_defaults(command=run)
    command.add_argument("--format", choices=("markdown", "json", *formats), default="markdown")
    command.add_argument(
        "--max-bytes", type=int, default=MAX_BYTES, help="refuse larger reports (default: %(default)s)"
    )
    command.add_argument(
        "--max-output",
        type=int,
        default=MAX_OUTPUT,
        help="cut Markdown to so many bytes (default: %(default)s)",
    )
    return command


def _regression(text: str) -> tuple[str, float]:
    metric, equals, limit = text.rpartition("=")
    if not equals or not metric:
        raise argparse.ArgumentTypeError(f"{text!r}: write for example flops=2%")
    try:
        return metric, RATIO.parse(limit)
    except LimitError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _compare(options: argparse.Namespace) -> tuple[str, int]:
    from ..records.compare import compare, regressions, ungated
    from ..records.load import read_record
    from ..report.markdown import comparison_markdown

    base, head = (read_record(path, options.max_bytes) for path in (options.base, options.head))
    changes, limits = compare(base, head), dict(options.max_regression)
    _refuse_unknown(limits, changes)
    risen, loose, failed = regressions(changes, limits), ungated(changes, limits), _failed(head)
    if options.format == "json":
        text = _json({**changes, "failed": failed, "regressions": risen, "not_gated": loose})
    else:
        text = comparison_markdown(changes, failed, risen, loose, head["run"], options.max_output)
    return text, BREACH if risen or not _is_good(head) else OK


def _refuse_unknown(limits: dict[str, float], changes: dict[str, Any]) -> None:
    rows = [row for subject in changes["subjects"] for row in subject["metrics"]]
    known = dict.fromkeys(row[key] for key in ("metric", "title") for row in rows)
    for metric in limits:
        if metric not in known:
            raise ModelCheckError(
                f"no subject has the metric {metric!r}; there are {', '.join(known) or 'none'}"
            )


def _merge(options: argparse.Namespace) -> tuple[str, int]:
    from ..records.load import read_record
    from ..records.merge import merge
    from ..report.markdown import record_markdown
    from ..report.write import write_report

    record = merge({_shard(path): read_record(path, options.max_bytes) for path in options.shards})
    try:
        write_report(record, options.output)
    except _template_error() as error:
        raise ModelCheckError(f"the reports hold what no pytest-modelcheck writes ({error})") from error
    text = (
        _json(record) if options.format == "json" else record_markdown(record, max_bytes=options.max_output)
    )
    return text, OK if _is_good(record) else BREACH


def _shard(path: Path) -> str:
    return str(path.parent if path.suffix == ".json" else path)


def _template_error() -> type[Exception]:
    import jinja2

    return jinja2.TemplateError


def _summary(options: argparse.Namespace) -> tuple[str, int]:
    from ..records.load import read_record
    from ..report.markdown import MARKER, record_markdown

    record = read_record(options.report, options.max_bytes)
    if options.format == "json":
        text = _json({key: record.get(key) for key in ("run", "checks", "changes")})
    else:
        marker = f"{MARKER}\n" if options.marker else ""
        text = marker + record_markdown(record, max_bytes=options.max_output - len(marker))
    return text, OK if _is_good(record) else BREACH


def _history(options: argparse.Namespace) -> tuple[str, int]:
    from ..records.load import read_record
    from ..report.history import history_html, history_markdown, trends

    history = trends(read_record(path, options.max_bytes) for path in options.reports)
    if options.format == "json":
        return _json(history), OK
    return (
        history_html(history) if options.format == "html" else history_markdown(history, options.max_output)
    ), OK


def _failed(record: dict[str, Any]) -> list[dict[str, Any]]:
    from ..report.text import shown_outcome

    return [check for check in record["checks"] if shown_outcome(check) in ("fail", "error")]


def _is_good(record: dict[str, Any]) -> bool:
    """Whether no check failed, and none may have been lost."""
    run = record["run"]
    return not (_failed(record) or run["no_result"] or run["interrupted"])


def _json(value: Any) -> str:
    from ..records.build import plain

    return json.dumps(plain(value), indent=2) + "\n"
