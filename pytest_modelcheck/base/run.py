"""Measure the base: its sources in a worktree, this tree's tests in a process of its own, a record as the result."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..plugin.declared import declared_options
from ..progress import busy
from ..records.load import MAX_BYTES, RecordError, read_record
from .contents import fill
from .git import BaseError, changed_dependencies, files, merge_base, toplevel, worktree
from .gone import gone_checks
from .process import supervise, tail

if TYPE_CHECKING:
    import pytest


WINDOWS = sys.platform == "win32"


def measure_base(
    config: pytest.Config, revision: str, timeout: float, markers: Collection[str]
) -> dict[str, Any]:
    """The record of the merge-base with `revision`; `{"error": ...}` if it could not be measured.

    `markers`: the names of those that check a model. Raises BaseError where there is no such revision or no merge-base.
    Nothing stays behind.
    """
    if WINDOWS:
        raise BaseError(
            "measuring another revision needs the process groups of POSIX systems, which Windows has not.\n"
            "Write a report there (--modelcheck-report) and compare with it: --modelcheck-base-report=PATH"
        )
    root = toplevel(config.rootpath)
    commit = merge_base(root, revision)
    with worktree(root, commit) as folder:
        notes = fill(root, folder / "tree", commit)
        job = {
            "root": str(root),
            "rootdir": str(config.rootpath),
            "tree": str(folder / "tree"),
            "files": files(root),
            "patterns": config.getini("python_files"),
            "path": [entry or os.getcwd() for entry in sys.path],
            "arguments": _arguments(config),
            "options": declared_options(config),
            "result": str(folder / "record.json"),
        }
        cwd = config.invocation_params.dir
        with busy("measuring the base"):
            record = _run(folder, job, cwd, timeout)
        if record.get("timed"):
            from .pairs import measure_pairs

            given = job | {"arguments": _arguments(config, tests=False)}
            record["pairs"] = measure_pairs(folder, given, record["timed"], cwd, timeout)
    if "error" in record:
        return {"error": "\n".join([record["error"], *notes])}
    record["environment"]["commit"] = commit
    gone = gone_checks(root, commit, config.getini("python_files"), markers)
    return {
        **record,
        "dependencies": changed_dependencies(root, commit),
        "gone": gone,
        "notes": notes,
    }


def _arguments(config: pytest.Config, tests: bool = True) -> list[str]:
    """The same selection of tests, wherever it was said (addopts too), and nothing that writes."""
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
    for name in ("model", "input_size", "device", "threads"):
        value = getattr(option, f"modelcheck_{name}", None)
        given += [f"--modelcheck-{name.replace('_', '-')}={value}"] if value else []
    return [*given, *(map(str, config.args) if tests else ())]


def _run(folder: Path, job: dict[str, Any], cwd: Path, timeout: float) -> dict[str, Any]:
    """The record that a worker left."""
    return _result(folder, supervise(folder, job, cwd, timeout))


def _result(folder: Path, said: str) -> dict[str, Any]:
    path = folder / "record.json"
    if not path.exists():
        return {
            "error": f"the process that measures the base {said} without a result\n{tail(folder / 'log')}".rstrip()
        }
    try:
        error = json.loads(path.read_bytes()[:MAX_BYTES]).get("error")
        return {"error": f"{error}\n{tail(folder / 'log')}".rstrip()} if error else read_record(path)
    except (RecordError, ValueError, AttributeError) as error:
        return {"error": f"the process that measures the base left no record: {error}"}
