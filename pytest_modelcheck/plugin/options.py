"""Command-line options and ini keys: declared, read and checked here, once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..settings import Settings, parse_input_size

if TYPE_CHECKING:
    import pytest


def add(parser: pytest.Parser) -> None:
    """Declare `--modelcheck-*` and `modelcheck_*`."""
    group = parser.getgroup("modelcheck", "model regression checks (pytest-modelcheck)")
    group.addoption(
        "--modelcheck-report", action="store_true", default=None, help="write the HTML and JSON report"
    )
    group.addoption(
        "--modelcheck-output", metavar="DIR", help="where to write it (default: modelcheck-report)"
    )
    group.addoption(
        "--modelcheck-strict", action="store_true", default=None, help="inconclusive or not-gated checks fail"
    )
    group.addoption(
        "--modelcheck-model",
        metavar="SPEC",
        help="check this model, no test file needed: torchvision:resnet18, timm:NAME, package.module:factory",
    )
    group.addoption(
        "--modelcheck-input-size", metavar="1,3,224,224", help="its input's shape; several with ';'"
    )
    group.addoption("--modelcheck-device", metavar="DEVICE", help="default device of all subjects")
    group.addoption("--modelcheck-threads", metavar="N", help="default number of threads of all subjects")
    group.addoption(
        "--modelcheck-base", metavar="REV", help="measure the same subjects at the merge-base with REV too"
    )
    group.addoption(
        "--modelcheck-base-report", metavar="PATH", help="compare with this report.json instead of a revision"
    )
    group.addoption(
        "--modelcheck-github", choices=("auto", "off"), help="job summary and annotations in GitHub Actions"
    )
    for name, kind, text in _INI:
        parser.addini(f"modelcheck_{name}", text, type=kind, default=None)


_INI: tuple[tuple[str, Any, str], ...] = (
    ("report", "bool", "write the HTML and JSON report on each run"),
    ("output", "string", "where to write the report, relative to the rootdir"),
    ("strict", "bool", "inconclusive or not-gated checks fail"),
    ("device", "string", "default device of all subjects"),
    ("threads", "string", "default number of threads of all subjects"),
    ("base_timeout", "string", "seconds that measuring the base may take (default: 1800)"),
    ("github", "string", "auto or off: job summary and annotations in GitHub Actions"),
    ("model_fixture", "string", "the fixture that gives the model (default: model)"),
    ("inputs_fixture", "string", "the fixture that gives the inputs (default: example_inputs)"),
    ("strict_operators", "bool", "an operator without a formula fails the budgets that count operations"),
)


def settings(config: pytest.Config) -> Settings:
    """The settings of this run. Raises pytest.UsageError (exit 4) for a wrong option or ini value."""
    given = {name: _ini(config, name, kind) for name, kind, _ in _INI}
    given |= {name: value for name in Settings._fields if (value := _option(config, name)) is not None}
    if given.get("base_timeout") is not None:
        given["base_timeout"] = _parsed(float, given["base_timeout"], "base-timeout", "1800")
    if given.get("github") not in (None, "auto", "off"):
        raise _usage_error(f"modelcheck_github is {given['github']!r}; write auto or off")
    given["output"] = _output(config)
    if given.get("base_report") is not None:
        given["base_report"] = Path(config.invocation_params.dir) / given["base_report"]
    if given.get("input_size") is not None:
        given["input_size"] = _parsed(parse_input_size, given["input_size"], "input-size", "1,3,224,224")
    if given.get("threads") is not None:
        given["threads"] = _parsed(_threads, given["threads"], "threads", "4")
    return Settings(**{name: value for name, value in given.items() if value is not None})


def _option(config: pytest.Config, name: str) -> Any:
    return config.getoption(f"modelcheck_{name}", None)


def _ini(config: pytest.Config, name: str, kind: str) -> Any:
    import pytest

    try:
        value = config.getini(f"modelcheck_{name}")
    except (ValueError, TypeError, pytest.UsageError) as error:
        raise _usage_error(f"ini key modelcheck_{name}: {error}; it is a {kind}") from error
    return None if value in ("", None) else value


def _output(config: pytest.Config) -> Path:
    """From the command line relative to where pytest was called, from an ini file relative to its folder."""
    option, ini = _option(config, "output"), _ini(config, "output", "string")
    if option is None and ini is not None:
        return config.rootpath / str(ini)
    return Path(config.invocation_params.dir) / (option or "modelcheck-report")


def _threads(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError("there must be at least one")
    return count


def _parsed(parse: Any, text: str, option: str, example: str) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise _usage_error(f"--modelcheck-{option}={text}: {error}; write for example {example}") from error


def _usage_error(text: str) -> Exception:
    import pytest

    return pytest.UsageError(text)
