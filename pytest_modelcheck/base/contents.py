"""What git leaves out of a worktree, put there from what this machine has: submodules, and files kept by Git LFS."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from .git import BaseError, git

POINTER = b"version https://git-lfs.github.com/spec/v1\n"
LARGEST_POINTER = 1024  # bytes


def fill(root: Path, tree: Path, commit: str) -> list[str]:
    """Fill `tree`, a worktree of `root` at `commit`; a note for all that is not on this machine. Nothing is fetched."""
    return [*_submodules(root, tree, commit), *_large_files(root, tree, commit)]


def _submodules(root: Path, tree: Path, commit: str) -> Iterator[str]:
    for line in git(root, "ls-tree", "-r", "-z", commit).split("\0"):
        facts, _, name = line.partition("\t")
        if facts.startswith("160000 "):
            try:
                yield from _submodule(root / name, tree / name, facts.split()[2])
            except BaseError:
                yield (
                    f"submodule {name} is empty at the base: its commit there is not in this clone "
                    "(git submodule update --init; in actions/checkout: submodules: true, fetch-depth: 0)"
                )


def _submodule(here: Path, there: Path, commit: str) -> list[str]:
    """Its files at `commit`, through an index of their own: the submodule's stays as it is. Raises BaseError."""
    if not (here / ".git").exists():
        raise BaseError(f"{here} is not checked out")
    index = there.parent / f".{there.name}.index"
    try:
        git(here, "read-tree", commit, index=index)
        git(here, "checkout-index", "--all", "--force", f"--prefix={there}{os.sep}", index=index)
    finally:
        index.unlink(missing_ok=True)
    return fill(here, there, commit)


def _large_files(root: Path, tree: Path, commit: str) -> Iterator[str]:
    """Pointers of Git LFS that were not replaced by what they point to: it is not installed, or has no such object."""
    missing = []
    for name in _small_files(root, commit):
        text = _pointer(tree / name)
        if text is not None and not _restore(root, tree, name, text):
            missing.append(name)
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        yield (
            f"files kept by Git LFS are only pointers at the base, their contents are not in this clone: {shown} "
            "(install git-lfs, or git lfs fetch --all)"
        )


def _small_files(root: Path, commit: str) -> Iterator[str]:
    for line in git(root, "ls-tree", "-r", "-l", "-z", commit).split("\0"):
        facts, _, name = line.partition("\t")
        size = facts.split()[3] if facts else "-"
        if facts.startswith("100") and size.isdecimal() and len(POINTER) < int(size) <= LARGEST_POINTER:
            yield name


def _pointer(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_POINTER)
    except OSError:
        return None
    return data.decode("utf-8", "replace") if data.startswith(POINTER) else None


def _restore(root: Path, tree: Path, name: str, pointer: str) -> bool:
    """Put the contents in the pointer's place: from the clone's own store, or from this tree if they are the same."""
    digest = next(
        (line.removeprefix("oid sha256:") for line in pointer.splitlines() if line.startswith("oid sha256:")),
        "",
    )
    if len(digest) != 64 or not digest.isalnum():
        return False
    store = Path(git(root, "rev-parse", "--path-format=absolute", "--git-common-dir").rstrip("\n"))
    for source in (store / "lfs" / "objects" / digest[:2] / digest[2:4] / digest, root / name):
        if source.is_file() and sha256(source) == digest:
            shutil.copyfile(source, tree / name)
            return True
    return False


def sha256(path: Path) -> str:
    """Of what a file holds. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
