"""Tests that checked a model at the base and do so no more, read from their sources: nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from .git import BaseError, git

Function = ast.FunctionDef | ast.AsyncFunctionDef


def gone_checks(root: Path, commit: str, patterns: Sequence[str], names: Collection[str]) -> list[str]:
    """`tests/test_a.py::TestB::test_c` of each, sorted; one that moved to another file is not gone.

    `patterns` name test files, `names` the markers and fixtures that check a model.
    """
    old, new = set[str](), set[str]()
    for name in git(root, "diff", "--name-only", "--no-renames", "-z", commit, "--", "*.py").split("\0"):
        if any(fnmatch(Path(name).name, pattern) for pattern in patterns):
            old |= {f"{name}::{test}" for test in checks(_at(root, commit, name), names)}
            new |= {f"{name}::{test}" for test in checks(_now(root / name), names)}
    came = {test.partition("::")[2] for test in new - old}
    return sorted(test for test in old - new if test.partition("::")[2] not in came)


def checks(source: str, names: Collection[str]) -> list[str]:
    """The tests in a file's text that have a marker, or ask for a fixture, of one of these names."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    return list(_tests(tree.body, "", _mentioned(_pytestmarks(tree.body), names), names))


def _tests(body: list[ast.stmt], prefix: str, marked: bool, names: Collection[str]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            outer = [*node.decorator_list, *_pytestmarks(node.body)]
            yield from _tests(node.body, f"{prefix}{node.name}::", marked or _mentioned(outer, names), names)
        elif isinstance(node, Function) and node.name.startswith("test"):
            asked = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
            if marked or asked & {*names} or _mentioned(node.decorator_list, names):
                yield prefix + node.name


def _pytestmarks(body: list[ast.stmt]) -> list[ast.expr]:
    return [
        node.value
        for node in body
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)
    ]


def _mentioned(expressions: list[ast.expr], names: Collection[str]) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in names
        for expression in expressions
        for node in ast.walk(expression)
    )


def _at(root: Path, commit: str, name: str) -> str:
    try:
        return git(root, "show", f"{commit}:{name}")
    except BaseError:  # it is new
        return ""


def _now(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
