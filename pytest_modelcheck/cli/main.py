"""The command line: its commands, their arguments, and how an error is told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import LimitError, ModelCheckError
from ..records.load import MAX_BYTES
from ..report.markdown import MAX_BYTES as MAX_OUTPUT
from ..settings import InputSize, parse_input_size
from ..text import log_safe, printable
from ..verdict.units import RATIO
from . import commands

USAGE = 2


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
    sys.stdout.write(log_safe(text))
    return int(status)


def _refuse(text: str) -> int:
    print(log_safe(f"pytest-modelcheck: {printable(text, keep=chr(10))}"), file=sys.stderr)
    return USAGE


def _parser() -> argparse.ArgumentParser:
    description = (
        "test files begun; records compared, merged, summed up and followed over time, without torch."
    )
    parser = argparse.ArgumentParser(prog="pytest-modelcheck", description=description)
    added = parser.add_subparsers(required=True, metavar="COMMAND")

    words = "what changed between two reports; exit 1 on a breach, or where the run of the head was red"
    command = _reading(added, "compare", commands.compare, words)
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

    words = "one report from the shards of a CI matrix; exit 1 if one of the runs was red"
    command = _reading(added, "merge", commands.merge, words)
    command.add_argument(
        "shards", type=Path, nargs="+", metavar="DIR", help="a folder with a report.json, or the file"
    )
    command.add_argument("--output", type=Path, default=Path("modelcheck-report"), metavar="DIR")

    words = "one report in short; exit 1 if the run was red"
    command = _reading(added, "summary", commands.summary, words)
    command.add_argument(
        "report", type=Path, metavar="REPORT", help="report.json, its folder, or a zip file with it"
    )
    command.add_argument(
        "--marker", action="store_true", help="begin with a hidden marker: a comment to be replaced"
    )

    command = _reading(added, "history", commands.history, "figures over time, from kept reports", "html")
    command.add_argument("reports", type=Path, nargs="+", metavar="FILE")

    words = (
        "a test file for a model, with today's figures as limits; without a model those that are found here"
    )
    command = added.add_parser("init", help=words, description=words)
    command.set_defaults(command=commands.init)
    command.add_argument(
        "model",
        nargs="?",
        metavar="SPEC",
        help="torchvision:resnet18, timm:NAME, package.module:factory, 'package.module:Class(width=64)'",
    )
    command.add_argument(
        "--input-size",
        type=_size,
        metavar="1,3,224,224",
        help="its input's shape; of several inputs with ';', of whole numbers 1,16:long",
    )
    command.add_argument(
        "--snapshots", action="store_true", help="snapshot tests too: structure, costs, outputs"
    )

    words = "the JSON schema of report.json"
    command = added.add_parser("schema", help=words, description=words)
    command.set_defaults(command=commands.schema)
    return parser


def _reading(added: Any, name: str, run: Any, text: str, *formats: str) -> argparse.ArgumentParser:
    """A command that reads reports."""
    command: argparse.ArgumentParser = added.add_parser(name, help=text, description=text)
    command.set_defaults(command=run)
    command.add_argument("--format", choices=("markdown", "json", *formats), default="markdown")
    command.add_argument(
        "--max-bytes",
        type=int,
        default=MAX_BYTES,
        help="refuse larger reports (default: %(default)s)",
    )
    command.add_argument(
        "--max-output",
        type=int,
        default=MAX_OUTPUT,
        help="cut Markdown to so many bytes (default: %(default)s)",
    )
    return command


def _size(text: str) -> InputSize:
    try:
        return parse_input_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}; write for example 1,3,224,224") from error


def _regression(text: str) -> tuple[str, float]:
    metric, equals, limit = text.rpartition("=")
    if not equals or not metric:
        raise argparse.ArgumentTypeError(f"{text!r}: write for example flops=2%")
    try:
        return metric, RATIO.parse(limit)
    except LimitError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
