"""What another process needs to know to collect the same tests: the command line again, and nothing that writes."""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..base.rerun import Rerun
from .options import OPTIONS
from .spotting import FIXTURES

if TYPE_CHECKING:
    from .state import Run


def rerun(run: Run) -> Rerun:
    """This run, as another process can repeat it."""
    config = run.config
    return Rerun(
        rootdir=config.rootpath,
        cwd=config.invocation_params.dir,
        path=[entry or os.getcwd() for entry in sys.path],
        patterns=config.getini("python_files"),
        arguments=_arguments(config),
        tests=list(map(str, config.args)),
        options=declared_options(config),
        names=[*run.registry.names, *FIXTURES],
        timeout=run.settings.base_timeout,
        kept=_kept(config),
    )


def _kept(config: pytest.Config) -> Path | None:
    """A folder in pytest's cache; None where there is none (`-p no:cacheprovider`), or it cannot be made."""
    cache: pytest.Cache | None = getattr(config, "cache", None)
    with suppress(OSError):
        return cache.mkdir("modelcheck-base") if cache is not None else None
    return None


def _arguments(config: pytest.Config) -> list[str]:
    """The same selection of tests, wherever it was said (addopts too); without the tests themselves."""
    option = config.option
    given = ["-q", "-o", "addopts=", "-p", "no:cacheprovider", f"--rootdir={config.rootpath}", "-s"]
    given += [
        f"--import-mode={option.importmode}",
        "--modelcheck-github=off",
        "--continue-on-collection-errors",
    ]
    given += ["-c", str(config.inipath)] if config.inipath else []
    given += [part for name in option.plugins or () if "xdist" not in name for part in ("-p", name)]
    given += [part for value in option.override_ini or () for part in ("-o", value)]
    given += ["-o", "modelcheck_report=false"]
    given += ["-k", option.keyword] if option.keyword else []
    given += ["-m", option.markexpr] if option.markexpr else []
    given += ["--pyargs"] if option.pyargs else []
    given += ["--noconftest"] if option.noconftest else []
    given += [f"--confcutdir={option.confcutdir}"] if option.confcutdir else []
    for name in ("deselect", "ignore", "ignore_glob"):
        given += [f"--{name.replace('_', '-')}={value}" for value in getattr(option, name, None) or ()]
    return [*given, *_measuring_options(config)]


def _measuring_options(config: pytest.Config) -> Iterator[str]:
    """Ours that change what is measured, as they were given."""
    for option in OPTIONS:
        value = getattr(config.option, option.dest, None)
        if option.measures and value is not None:
            values = value if option.many else [value]
            yield from [option.flag] if option.is_flag else [f"{option.flag}={one}" for one in values]


def declared_options(config: pytest.Config) -> dict[str, Any]:
    """The options that a project's own conftest files declare, by name, as they are set here.

    From the command line and from addopts alike; those that JSON cannot hold are left out.
    """
    seen = pytest.Parser(_ispytest=True)
    for plugin in config.pluginmanager.get_plugins():
        declare = getattr(plugin, "pytest_addoption", None)
        if declare is not None and Path(getattr(plugin, "__file__", None) or "").name == "conftest.py":
            known = {"parser": seen, "pluginmanager": config.pluginmanager}
            declare(**{name: known[name] for name in inspect.signature(declare).parameters if name in known})
    declared = [option for group in (seen._anonymous, *seen._groups) for option in group.options]
    values = {o.dest: getattr(config.option, o.dest) for o in declared if hasattr(config.option, o.dest)}
    return {name: value for name, value in values.items() if _is_plain(value)}


def _is_plain(value: object) -> bool:
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False
