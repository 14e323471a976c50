"""`pytest-modelcheck init` without a model: which there are in the current folder.

The project's modules are imported in a process of their own (`looking`): one that ends the process, or hangs, costs
itself alone.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, TypedDict

from ..errors import ModelCheckError
from ..model.roots import source_root
from ..records.reading import contents
from ..text import printable

APART = ("tests", "test", "docs", "doc", "build", "dist", "node_modules", "site-packages", "__pycache__")
TOOLS = ("conftest.py", "setup.py", "noxfile.py", "__main__.py")
MOST = 500  # files
LARGEST = 2**22  # bytes of one
SECONDS = 60  # that one may take


class Found(TypedDict, total=False):
    """What a module told, by spec: of what builds the words after `init`, of what needs arguments their names.

    `bare` are no models (a loss, an activation, a kind of convolution); `parts` are what its classes are made of.
    """

    module: str
    builds: dict[str, str]
    needs: dict[str, list[str]]
    failed: dict[str, str]
    bare: list[str]
    parts: list[str]
    error: str


class Source(NamedTuple):
    """A file, the module that it is, and the folder from which Python finds that."""

    path: str
    module: str
    root: str


def found_here() -> str:
    """What was found, each with the command that begins with it. Raises ModelCheckError where there is nothing."""
    if find_spec("torch") is None:
        raise ModelCheckError(
            f"torch is not installed where this runs: {sys.executable} -m pip install torch"
        )
    sources, skipped = _sources(Path.cwd())
    told = _looked(sources)
    used = {spec for found in told for spec in found.get("parts", ())}
    builds = {spec: words for found in told for spec, words in found.get("builds", {}).items()}
    needs = {spec: names for found in told for spec, names in found.get("needs", {}).items()}
    parts = [spec for spec in (*builds, *needs) if spec in used]
    parts += [spec for found in told for spec in found.get("bare", ())]
    skipped |= {spec: why for found in told for spec, why in found.get("failed", {}).items()}
    skipped |= {found["module"]: found["error"] for found in told if "error" in found}
    sections = [
        (
            "Models that build without arguments:",
            [f"pytest-modelcheck init {words}" for spec, words in builds.items() if spec not in used],
        ),
        (
            "Models that need arguments:",
            [_with_arguments(spec, names) for spec, names in needs.items() if spec not in used],
        ),
        ("Parts of models:", _by_module(parts)),
        ("Skipped:", [f"{name}: {why}" for name, why in skipped.items()]),
    ]
    text = "\n\n".join(
        "\n".join([head, *(f"  {line}" for line in lines)]) for head, lines in sections if lines
    )
    text = printable(text, keep="\n")
    if not builds and not needs:
        raise ModelCheckError(
            f"there is no class of nn.Module and no function that returns one in {Path.cwd()}.\n"
            "Name a model: pytest-modelcheck init package.module:factory --input-size=1,3,224,224"
            f"{f'{chr(10)}{text}' if text else ''}"
        )
    return f"{text}\n"


def _with_arguments(spec: str, names: Sequence[str]) -> str:
    return f"pytest-modelcheck init '{spec}({', '.join(f'{name}=...' for name in names)})'"


def _by_module(specs: Sequence[str]) -> list[str]:
    """A line a module: dozens of blocks would hide the few models."""
    names: dict[str, list[str]] = {}
    for spec in specs:
        module, _, name = spec.partition(":")
        names.setdefault(module, []).append(name)
    return [f"{module}: {', '.join(found)}" for module, found in names.items()]


def _sources(folder: Path) -> tuple[list[Source], dict[str, str]]:
    """The modules below a folder, and why some are none."""
    found: list[Source] = []
    skipped: dict[str, str] = {}
    apart = source_root(str(folder))
    for path in _files(folder):
        near = path.relative_to(folder).as_posix()
        if len(found) == MOST:
            skipped[near] = f"and all that come after it: more than {MOST} files"
            break
        if (why := _ran_by_import(path)) is None:
            continue
        if why:
            skipped[near] = why
        else:
            root = Path(apart) if apart is not None and Path(apart) in path.parents else folder
            parts = path.relative_to(root).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append(Source(near, module, str(root)))
    return found, skipped


def _files(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_own(Path(here, name)))
        for name in sorted(files):
            if name.endswith(".py") and name not in TOOLS and not name.startswith("test_"):
                yield Path(here, name)


def _is_own(folder: Path) -> bool:
    is_package = folder.name.isidentifier() and folder.name not in APART
    return is_package and not (folder / "pyvenv.cfg").exists()


def _ran_by_import(path: Path) -> str | None:
    """Why a file is not to be imported: it works when it is; "" where it can be, None where it defines nothing.

    A module of a package is meant to be imported, so it may fill its registries by then.
    """
    try:
        body = ast.parse(contents(path, LARGEST)).body
    except (OSError, SyntaxError, ValueError, RecursionError) as error:
        return f"cannot be read: {error}"
    own = {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    if not own:
        return None
    if (path.parent / "__init__.py").exists():
        return ""
    for node in body:
        called = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
        if isinstance(node, (ast.For, ast.While)) or (isinstance(called, ast.Name) and called.id in own):
            return f"line {node.lineno} works when it is imported: put it under if __name__ == '__main__'"
    return ""


def _looked(sources: list[Source]) -> list[Found]:
    """What each module has."""
    told: list[Found] = []
    with tempfile.TemporaryDirectory() as folder:
        answers = Path(folder, "answers")
        while len(told) < len(sources):
            answers.write_text("")
            why = _look(sources[len(told) :], answers)
            told += map(json.loads, answers.read_text("utf-8").splitlines())
            if len(told) < len(sources):
                told.append({"module": sources[len(told)].path, "error": why})
    return told


def _look(sources: list[Source], answers: Path) -> str:
    """Have them looked at; how that ended."""
    command = [sys.executable, "-m", "pytest_modelcheck.cli.looking", str(answers)]
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    child = subprocess.Popen(
        command, stdin=pipe, stdout=null, stderr=pipe, encoding="utf-8", errors="replace"
    )
    asked: str | None = json.dumps(sources)
    while True:
        size = answers.stat().st_size
        try:
            _, said = child.communicate(asked, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            asked = None
            if answers.stat().st_size == size:  # the same module all that time
                child.kill()
                child.communicate()
                return f"was not imported in {SECONDS} seconds"
        else:
            last = said.strip().rpartition("\n")[2]
            return f"ended the process that imported it, with status {child.returncode}{f': {last}' if last else ''}"
