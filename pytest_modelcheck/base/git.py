"""git, as far as a base needs it: the merge-base, a worktree that is always taken away again, what changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ModelCheckError
from ..records.whole import is_running

PREFIX = "modelcheck-base-"
DEPENDENCIES = (
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "*requirements*.txt",
    "*.lock",
    "Pipfile",
    "environment*.yml",
    "environment*.yaml",
)


_LOCAL = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")  # as in a hook of git


class BaseError(ModelCheckError):
    """The base revision cannot be found or checked out."""


def git(root: Path, *arguments: str, index: Path | None = None) -> str:
    """What git prints. Raises BaseError with its last words; hooks of the user do not run.

    `index`: used in place of the repository's own.
    """
    command = ["git", "-C", str(root), "-c", "core.hooksPath=/dev/null", *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    environment |= {"GIT_INDEX_FILE": str(index)} if index else {}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=300,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BaseError(f"git cannot be run: {error}") from error
    if done.returncode:
        raise BaseError((done.stderr.strip() or f"git {arguments[0]} failed").splitlines()[-1])
    return done.stdout


def toplevel(path: Path) -> Path:
    """The repository that `path` is in. Raises BaseError."""
    try:
        return Path(git(path, "rev-parse", "--show-toplevel").rstrip("\n")).resolve()
    except BaseError as error:
        raise BaseError(f"{path} is in no git repository: {error}") from error


def merge_base(root: Path, revision: str) -> str:
    """The commit that `revision` and HEAD have in common. Raises BaseError, never falls back to HEAD."""
    try:
        commit = git(
            root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
        ).strip()
    except BaseError:
        raise BaseError(f"there is no revision {revision!r} here{_hint(root)}") from None
    try:
        common = git(root, "merge-base", commit, "HEAD").strip()
    except BaseError:
        raise BaseError(f"{revision!r} and HEAD have no commit in common here{_hint(root)}") from None
    if _hint(root):  # what lies between the two, and whether this is their merge-base, nobody can tell then
        raise BaseError(f"the commits between {revision!r} and HEAD are not all here{_hint(root)}")
    return common


def _hint(root: Path) -> str:
    if git(root, "rev-parse", "--is-shallow-repository").strip() != "true":
        return ""
    return ".\nThis clone is shallow: fetch more (git fetch --unshallow; in actions/checkout: fetch-depth: 0)"


def messages_since(root: Path, commit: str) -> list[tuple[str, str]]:
    """The commits from `commit` to HEAD, on all paths, with their messages; the newest first.

    Raises BaseError where they are not all in this clone.
    """
    try:
        git(root, "cat-file", "-e", f"{commit}^{{commit}}")
    except BaseError:
        raise BaseError(f"there is no commit {commit[:12]} here{_hint(root)}") from None
    if _hint(root):
        raise BaseError(f"the commits between {commit[:12]} and HEAD are not all here{_hint(root)}")
    told = git(
        root, "log", "-z", "--encoding=UTF-8", "--no-show-signature", "--format=%H%n%B", f"{commit}..HEAD"
    )
    return [
        (name, message) for name, _, message in (entry.partition("\n") for entry in told.split("\0")) if name
    ]


def files(root: Path) -> list[str]:
    """All files of this tree that git does not ignore, submodules' too, relative to `root`."""
    listed = git(root, "ls-files", "-z", "--cached", "--recurse-submodules")
    listed += git(root, "ls-files", "-z", "--others", "--exclude-standard")
    return [name for name in listed.split("\0") if name]


def changed_dependencies(root: Path, commit: str) -> list[str]:
    """The files that name dependencies and differ from `commit`."""
    patterns = [f":(glob)**/{pattern}" for pattern in DEPENDENCIES]
    return [
        name for name in git(root, "diff", "--name-only", "-z", commit, "--", *patterns).split("\0") if name
    ]


def own_prefix() -> str:
    """What the names of this process's temporary folders begin with: so others know when it is gone."""
    return f"{PREFIX}{os.getpid()}-"


@contextmanager
def worktree(root: Path, commit: str) -> Iterator[Path]:
    """A folder with `tree/`, the sources at `commit`, and room for files beside it; all gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=own_prefix())).resolve()
    try:
        git(root, "worktree", "add", "--detach", "--quiet", str(folder / "tree"), commit)
        yield folder
    finally:
        remove(root, folder)


def remove(root: Path, folder: Path) -> None:
    """Take a worktree's folder away, and git's note of it; notes of the user's own worktrees stay.

    It is moved first: of a folder that has lost a part git keeps the note, of one that is gone it does not.
    """
    moved = folder.with_name(f"{folder.name}-gone")
    with suppress(OSError):
        folder.rename(moved)
    with suppress(BaseError):  # there is none: it failed before
        git(root, "worktree", "remove", "--force", "--force", str(folder / "tree"))
    for one in (folder, moved):
        shutil.rmtree(one, ignore_errors=True)


def sweep(root: Path) -> None:
    """Take away what a process that was killed left behind: worktrees, and folders that became none."""
    listed = git(root, "worktree", "list", "--porcelain").splitlines()
    known = [Path(line.removeprefix("worktree ")).parent for line in listed if line.startswith("worktree ")]
    for folder in {*known, *Path(tempfile.gettempdir()).resolve().glob(f"{PREFIX}*")}:
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if folder.name.startswith(PREFIX) and not is_running(owner):
            remove(root, folder)
