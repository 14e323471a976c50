"""Command-line options and ini keys: one list, read and checked here, once."""

from __future__ import annotations

import importlib.util
import math
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..records.reading import contents
from ..settings import InputSize, Settings, parse_input_size, parse_names
from ..text import as_written, count, not_one_of, shorten

if TYPE_CHECKING:
    import pytest


FLAG = "flag"  # of the command line alone
SHOWN = 200  # characters of a value in a message
MOST_THREADS = 2**16
MOST_SHARE = 1000.0
MOST_NAMES = 2**24  # bytes of a file with names of classes


class Option(NamedTuple):
    """A setting: the option `--modelcheck-<name>`, where it has `help`, and the ini key `modelcheck_<name>`, where it
    has a `kind`. `measures`: it changes what is measured, so that another process must be told. `parse` reads its
    text, `example` is what a message writes. `many`: it may be given several times.
    """

    name: str
    help: str = ""
    kind: Any = None
    ini: str = ""
    metavar: str | None = None
    choices: tuple[str, ...] | None = None
    measures: bool = False
    parse: Callable[[str], object] | None = None
    example: str = ""
    many: bool = False

    @property
    def flag(self) -> str:
        """On the command line."""
        return f"--modelcheck-{self.name.replace('_', '-')}"

    @property
    def dest(self) -> str:
        """Where pytest keeps it."""
        return f"modelcheck_{self.name}"

    @property
    def is_flag(self) -> bool:
        """Whether it takes no value: it never swallows the path after it."""
        return self.kind in ("bool", FLAG)

    @property
    def is_ini(self) -> bool:
        """Whether it is an ini key too."""
        return self.kind not in (None, FLAG)


def _threads(text: str) -> int:
    found = int(text)
    if not 1 <= found <= MOST_THREADS:
        raise ValueError(f"there must be at least one, and at most {MOST_THREADS:,}")
    return found


def _seconds(text: str) -> float:
    found = float(text)
    if not 0 < found <= threading.TIMEOUT_MAX:
        raise ValueError("it is no time that can be waited for")
    return found


def _share(text: str) -> float:
    from ..verdict.units import RATIO

    found = RATIO.parse(text)
    if found > MOST_SHARE:
        raise ValueError(f"it is more than {MOST_SHARE:,.0%}")
    return found


def _most_bytes(text: str) -> float:
    from ..verdict.units import BYTES

    if text in ("all", "none"):
        return math.inf if text == "all" else 0.0
    return BYTES.parse(text)


OPTIONS = (
    Option("report", "write the HTML and JSON report", "bool", "write the HTML and JSON report on each run"),
    Option(
        "output",
        "where to write it (default: modelcheck-report)",
        "string",
        "where to write the report, relative to the rootdir",
        metavar="DIR",
    ),
    Option(
        "strict",
        "inconclusive or not-gated checks fail",
        "bool",
        "inconclusive or not-gated checks fail",
    ),
    Option(
        "model",
        "check this model, no test file needed: torchvision:resnet18, timm:NAME, transformers:BertConfig(...), "
        "package.module:factory, package.module:Class(width=64); may be given several times, and runs these models "
        "alone unless paths are given",
        metavar="SPEC",
        measures=True,
        many=True,
    ),
    Option(
        "input_size",
        "its input's shape; of several inputs with ';', of whole numbers 1,16:long. The n-th is of the n-th model, or "
        "one of all",
        metavar="1,3,224,224",
        measures=True,
        parse=parse_input_size,
        example="1,3,224,224",
        many=True,
    ),
    Option(
        "device",
        "default device of all subjects",
        "string",
        "default device of all subjects",
        metavar="DEVICE",
        measures=True,
    ),
    Option(
        "threads",
        "default number of threads of all subjects",
        "string",
        "default number of threads of all subjects",
        metavar="N",
        measures=True,
        parse=_threads,
        example="4",
    ),
    Option(
        "only",
        "run only these checks, by metric, marker or folder: the others are skipped",
        metavar="flops,structure",
        measures=True,
        parse=parse_names,
        example="flops,structure",
    ),
    Option("off", "run no checks: they are skipped", FLAG, measures=True),
    Option(
        "update_budgets",
        "write today's figures into the markers: limits that fail, and markers without a limit",
        FLAG,
    ),
    Option("tighten_budgets", "the same, and lower limits that are met with room to spare", FLAG),
    Option(
        "margin",
        "how far written limits of time, and of what is not counted, lie beyond the figure (default: 10%)",
        "string",
        "how far written limits of time, and of what is not counted, lie beyond the figure (default: 10%)",
        metavar="10%",
        parse=_share,
        example="10%",
    ),
    Option("base", "measure the same subjects at the merge-base with REV too", metavar="REV"),
    Option("base_report", "compare with this report.json instead of a revision", metavar="PATH"),
    Option(
        "base_timeout",
        kind="string",
        ini="seconds that measuring the base may take (default: 1800)",
        parse=_seconds,
        example="1800",
    ),
    Option(
        "github",
        "job summary and annotations in GitHub Actions",
        "string",
        "auto or off: job summary and annotations in GitHub Actions",
        choices=("auto", "off"),
    ),
    Option("model_fixture", kind="string", ini="the fixture that gives the model (default: model)"),
    Option(
        "inputs_fixture", kind="string", ini="the fixture that gives the inputs (default: example_inputs)"
    ),
    Option(
        "strict_operators",
        kind="bool",
        ini="an operator without a formula fails the budgets that count operations",
    ),
    Option(
        "heatmaps",
        kind="string",
        ini="auto, always or never: heatmaps that no test asks for (auto: of loaded weights and inputs of your own)",
        choices=("auto", "always", "never"),
    ),
    Option(
        "classes",
        kind="linelist",
        ini="names of the classes, one a line; or the path of a file that holds them so",
    ),
    Option(
        "onnx_keep",
        kind="string",
        ini="a size, all or none: the .onnx files that the report keeps (default: those up to 10 MB)",
        parse=_most_bytes,
        example="10 MB, all or none",
    ),
)


def add(parser: pytest.Parser) -> None:
    """Declare `--modelcheck-*` and `modelcheck_*`."""
    group = parser.getgroup("modelcheck", "model regression checks (pytest-modelcheck)")
    for option in OPTIONS:
        if option.help and option.is_flag:
            group.addoption(option.flag, action="store_true", default=None, help=option.help)
        elif option.help:
            words: dict[str, Any] = (
                {"choices": option.choices} if option.choices else {"metavar": option.metavar}
            )
            words |= {"action": "append"} if option.many else {}
            group.addoption(option.flag, help=option.help, **words)
        if option.is_ini:
            parser.addini(option.dest, option.ini, type=option.kind, default=None)


def settings(config: pytest.Config) -> Settings:
    """The settings of this run. Raises pytest.UsageError (exit 4) for a wrong option or ini value."""
    given = {option.name: _given(config, option) for option in OPTIONS}
    given |= {"output": _output(config), "root": config.rootpath}
    given["classes"] = _classes(config, given["classes"])
    if given["base_report"] is not None:
        given["base_report"] = Path(config.invocation_params.dir) / str(given["base_report"])
    _refuse_sizes(given["model"] or (), given["input_size"] or ())
    made = Settings(**{name: value for name, value in given.items() if value is not None})
    _refuse_updates(made)
    return made


def _refuse_updates(settings: Settings) -> None:
    """Where limits cannot be written."""
    if not settings.updates:
        return
    flag = f"--modelcheck-{'update' if settings.update_budgets else 'tighten'}-budgets"
    if settings.base is not None or settings.base_report is not None:
        other = "base" if settings.base is not None else "base-report"
        raise _usage_error(
            f"{flag} and --modelcheck-{other} do not go together: write the limits first, then compare"
        )
    if importlib.util.find_spec("libcst") is None:
        from ..errors import MissingExtraError

        raise _usage_error(str(MissingExtraError("libcst", "update", flag)))


def _refuse_sizes(models: tuple[str, ...], sizes: tuple[InputSize, ...]) -> None:
    if sizes and len(sizes) not in (1, len(models)):
        raise _usage_error(
            f"--modelcheck-input-size is given {count(len(sizes), 'time')}, --modelcheck-model "
            f"{count(len(models), 'time')}: give one size for each model in the same order (empty for the model's "
            "own), or one for all"
        )


def refuse_unknown(only: tuple[str, ...] | None, known: Callable[[], Sequence[str]]) -> None:
    """Raise pytest.UsageError (exit 4) for a name that no check has."""
    for name in only or ():
        if name not in known():
            raise _usage_error(f"--modelcheck-only: {not_one_of('check', name, known())}")


def _given(config: pytest.Config, option: Option) -> Any:
    """The option's value, or the ini key's; None for neither."""
    value = config.getoption(option.dest, None)
    value = _ini(config, option) if value is None else value
    if value is None:
        return None
    if any(
        "\0" in one
        for one in (value if isinstance(value, (list, tuple)) else [value])
        if isinstance(one, str)
    ):
        raise _usage_error(f"{option.dest} holds a null character, which no name has")
    if option.choices and value not in option.choices:
        raise _usage_error(f"{option.dest} is {as_written(value)}; write {_either(option.choices)}")
    if option.many:
        return tuple(_parsed(option, one) for one in value)
    return _parsed(option, value)


def _either(words: tuple[str, ...]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]])


def _ini(config: pytest.Config, option: Option) -> Any:
    import pytest

    if not option.is_ini:
        return None
    try:
        value = config.getini(option.dest)
    except (ValueError, TypeError, pytest.UsageError) as error:
        raise _usage_error(f"ini key {option.dest}: {error}; it is a {option.kind}") from error
    return None if value in ("", None, []) else value


def _output(config: pytest.Config) -> Path:
    """From the command line relative to where pytest was called, from an ini file relative to its folder."""
    option = next(option for option in OPTIONS if option.name == "output")
    _given(config, option)  # refuses what is no name
    given, ini = config.getoption(option.dest, None), _ini(config, option)
    if given is None and ini is not None:
        return config.rootpath / str(ini)
    return Path(config.invocation_params.dir) / (given or "modelcheck-report")


def _classes(config: pytest.Config, lines: list[str] | None) -> tuple[str, ...] | None:
    """The names; a single line is the path of their file, relative to the rootdir."""
    if lines is None or len(lines) > 1:
        return None if lines is None else tuple(lines)
    try:
        text = contents(config.rootpath / lines[0], MOST_NAMES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise _usage_error(
            f"ini key modelcheck_classes: the file {shorten(lines[0], SHOWN)} cannot be read "
            f"({getattr(error, 'strerror', None) or error}); "
            "it is a file with one name a line, or the names themselves, one a line"
        ) from error
    return tuple(line.strip() for line in text.rstrip().split("\n"))


def _parsed(option: Option, text: Any) -> object:
    if option.parse is None:
        return text
    try:
        return option.parse(text)
    except ValueError as error:
        name, said = (
            option.flag if option.help else option.dest,
            shorten(str(error).partition("; write for example")[0], 2 * SHOWN),
        )
        raise _usage_error(
            f"{name}={shorten(str(text), SHOWN)}: {said}; write for example {option.example}"
        ) from error


def _usage_error(text: str) -> Exception:
    import pytest

    return pytest.UsageError(text)
