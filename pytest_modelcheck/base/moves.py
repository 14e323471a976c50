"""What moved since the base: files, and classes and functions that have another name or stand in another file.

All is read from git and from the sources' text, once, by the process that asks for the base; its processes look names
of this tree up in it (`worker/redirect.py`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from typing_extensions import TypedDict

from ..records.reading import contents
from .definitions import Definition, Export, Source, read_source
from .git import BaseError, git
from .testcode import is_test_code

RENAMED = 0.6  # likeness from which a definition that came is one that went, in the same file
MOVED = 0.3  # the same of one of the same name in another file
BOTH = 0.8  # and of one of another name in another file
CLEAR = 0.05  # by which it must be more alike than any other
MOST = 4_000  # pairs that are compared
LARGEST = 2**24  # bytes of a source


class Moves(TypedDict):
    """Paths are relative to the repository.

    `files`: of this tree -> of the base, where a file moved. `names`: by file of this tree, a name that it defines ->
    file and name at the base, where these differ. `exports`, `stars`: by file, what it imports and did not at the base:
    module, name, level. `tests`: test files that moved, of this tree -> of the base.
    """

    files: dict[str, str]
    names: dict[str, dict[str, tuple[str, str]]]
    exports: dict[str, dict[str, Export]]
    stars: dict[str, list[Export]]
    tests: dict[str, str]


def no_moves() -> Moves:
    """Nothing moved."""
    return {"files": {}, "names": {}, "exports": {}, "stars": {}, "tests": {}}


def find_moves(root: Path, commit: str, folder: Path, patterns: Sequence[str]) -> Moves:
    """What moved from `commit` to this tree as it is; `folder` has room for a file."""
    pairs = list(_status(root, commit, folder))
    moves = no_moves()
    moves["tests"] = {
        n: o for o, n in pairs if o and n and o != n and is_test_code(PurePosixPath(n), patterns)
    }
    pairs = [(o, n) for o, n in pairs if not is_test_code(PurePosixPath(n or o), patterns)]
    old = {o: read_source(_at(root, commit, o)) for o, _ in pairs if o}
    new = {n: read_source(_now(root / n)) for _, n in pairs if n}
    pairs = [pair for o, n in pairs for pair in _parted(o, n, old, new, pairs)]
    moves["files"] = {n: o for o, n in pairs if o and n and o != n}
    twins = {n: o for o, n in pairs if n}
    moves["names"] = _names(old, new, twins)
    for file, source in new.items():
        known = old.get(twins[file], Source())
        exports = {
            k: e for k, e in source.exports.items() if k not in known.exports and k not in known.definitions
        }
        stars = [star for star in source.stars if star not in known.stars]
        moves["exports"] |= {file: exports} if exports else {}
        moves["stars"] |= {file: stars} if stars else {}
    return moves


def _status(root: Path, commit: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Each Python file that differs: its path at the base and here, empty where it is not."""
    index = folder / "index"
    shutil.copyfile(
        git(root, "rev-parse", "--path-format=absolute", "--git-path", "index").rstrip("\n"), index
    )
    git(root, "add", "--intent-to-add", "--all", index=index)  # a file may be new and not added yet
    told = git(
        root, "diff", "--find-renames", "--name-status", "-z", commit, "--", "*.py", index=index
    ).split("\0")
    words = iter(told)
    for status in words:
        if status.startswith("R"):
            yield next(words), next(words)
        elif status:
            path = next(words)
            yield ("" if status == "A" else path), ("" if status == "D" else path)


def _parted(
    before: str,
    now: str,
    old: Mapping[str, Source],
    new: Mapping[str, Source],
    pairs: Sequence[tuple[str, str]],
) -> list[tuple[str, str]]:
    """A file that moved; as two where it only looks like the other one, and holds what stood in a third, or is a
    package's without anything else of that package.
    """
    if not before or not now or before == now:
        return [(before, now)]
    if now.endswith("/__init__.py") and before.endswith("/__init__.py"):
        home, there = now.removesuffix("__init__.py"), before.removesuffix("__init__.py")
        others = [n for o, n in pairs if o.startswith(there) and o != before]
        if others and not any(n.startswith(home) for n in others):
            return [(before, ""), ("", now)]
    names = new[now].made
    elsewhere = {name for file, source in old.items() if file != before for name in source.made}
    looks_like = bool(names & elsewhere) and not names & old[before].made
    return [(before, ""), ("", now)] if looks_like else [(before, now)]


class _Place(NamedTuple):
    """A definition and the file that it stands in."""

    file: str
    definition: Definition


def _names(
    old: Mapping[str, Source], new: Mapping[str, Source], twins: Mapping[str, str]
) -> dict[str, dict[str, tuple[str, str]]]:
    """Who is who among the definitions that went and those that came: the same name first, then the same file."""
    back = {o: n for n, o in twins.items() if o}
    went = [
        _Place(file, made)
        for file, source in old.items()
        for name, made in source.definitions.items()
        if name not in new.get(back.get(file, ""), Source()).definitions
    ]
    came = [
        _Place(file, made)
        for file, source in new.items()
        for name, made in source.definitions.items()
        if name not in old.get(twins[file], Source()).definitions
    ]
    found: dict[str, dict[str, tuple[str, str]]] = {}
    stages: list[tuple[float, Callable[[_Place, _Place], bool]]] = [
        (MOVED, lambda o, n: o.definition.name == n.definition.name),
        (RENAMED, lambda o, n: o.file == twins[n.file] and n.definition.kind != "value"),
        (BOTH, lambda o, n: n.definition.kind != "value"),
    ]
    for least, is_candidate in stages:
        candidates = [(o, n) for o in went for n in came if is_candidate(o, n)]
        for before, now in _clear_pairs(candidates, least):
            found.setdefault(now.file, {})[now.definition.name] = (before.file, before.definition.name)
            went.remove(before)
            came.remove(now)
    return found


def _clear_pairs(candidates: list[tuple[_Place, _Place]], least: float) -> list[tuple[_Place, _Place]]:
    """Those that are more alike than either is to any other."""
    if len(candidates) > MOST:
        return []
    scored = [(old.definition.likeness(new.definition), old, new) for old, new in candidates]
    alike = [entry for entry in scored if entry[0] >= least]
    return [
        (old, new)
        for score, old, new in alike
        if not any(other >= score - CLEAR and ((o is old) != (n is new)) for other, o, n in alike)
    ]


def _at(root: Path, commit: str, name: str) -> str:
    try:
        return git(root, "show", f"{commit}:{name}")
    except BaseError:  # a submodule, or no text
        return ""


def _now(path: Path) -> str:
    try:
        return contents(path, LARGEST).decode("utf-8", errors="replace")
    except OSError:
        return ""
