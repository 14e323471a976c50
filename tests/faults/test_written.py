"""What is written is whole, or not there: on a disk that is full, where nothing may be written, at any interrupt, and
beside another run.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pytest_modelcheck.base.asking import Asking
from pytest_modelcheck.base.kept import Kept
from pytest_modelcheck.checks.export import kept as exported
from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.cli import main
from pytest_modelcheck.errors import MeasurementError, ModelCheckError
from pytest_modelcheck.records.run import RunRecord
from pytest_modelcheck.report import write
from pytest_modelcheck.report.write import write_report

from ..acceptance.conftest import FIXTURES, MACS
from .conftest import mounted

REGISTRY = default_registry()
CHECKED = f"@pytest.mark.macs_budget({MACS})\ndef test_it(): ...\n"


@contextlib.contextmanager
def limited(most: int) -> Iterator[None]:
    """No file may become larger: to who writes it is as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def record(name: str, size: int = 0) -> Any:
    """Of a run; its page is as large."""
    made = RunRecord().build(0, Path())
    return {**made, "environment": {**made["environment"], "run": name, "more": "x" * size}}


def page_of(told: Any, catalogue: object) -> str:
    known = told["environment"]
    return f"<!doctype html>{write.STAMP}<title>{known['run']} {known['more']}"


@pytest.fixture(autouse=True)
def quick_page(monkeypatch):
    monkeypatch.setattr(write, "render", page_of)


def pair(folder: Path) -> tuple[str, str]:
    """The runs whose record and page lie there; both must be whole."""
    told, page = folder / "report.json", folder / "index.html"
    run = json.loads(told.read_text("utf-8"))["environment"]["run"] if told.exists() else ""
    shown = page.read_text("utf-8").partition("<title>")[2].partition(" ")[0] if page.exists() else ""
    return run, shown


def parts(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".modelcheck-*")]


@pytest.mark.parametrize("most", [0, 10, 4_000])
@pytest.mark.parametrize("was_there", [False, True])
def test_a_report_that_does_not_fit(tmp_path, most, was_there):
    if was_there:
        write_report(record("old"), tmp_path, REGISTRY)
    with (
        limited(most),
        pytest.raises(ModelCheckError, match=r"(?s)cannot write the report to .*--modelcheck-output"),
    ):
        write_report(record("new", 5_000), tmp_path, REGISTRY)
    assert pair(tmp_path) == (("old", "old") if was_there else ("", ""))
    assert parts(tmp_path) == []


def at_line(number: int, stop: Callable[[], None]) -> Callable[..., Any]:
    """A tracer that calls `stop` at that line of ours, counted from the first."""
    files, left = (write.__file__, write.beside.__wrapped__.__code__.co_filename), [number]

    def trace(frame: Any, event: str, _: object) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            left[0] -= 1
            if left[0] < 0:
                sys.settrace(None)
                stop()
        return trace

    return trace


def interrupt() -> None:
    raise KeyboardInterrupt


def written_until(number: int, folder: Path, stop: Callable[[], None]) -> bool:
    """Whether a report was written before that line."""
    before = sys.gettrace()
    sys.settrace(at_line(number, stop))
    try:
        write_report(record("new"), folder, REGISTRY)
    finally:
        sys.settrace(before)
    return True


def interrupted_at(number: int, folder: Path) -> bool:
    try:
        return written_until(number, folder, interrupt)
    except KeyboardInterrupt:
        return False


def killed_at(number: int, folder: Path) -> bool:
    child = os.fork()
    if child == 0:
        os._exit(written_until(number, folder, lambda: os._exit(9)) - 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


SLOW_ENDS = ((interrupted_at, False), (killed_at, True), (killed_at, False))


@pytest.mark.parametrize(
    ("ends", "was_there"),
    [
        (interrupted_at, True),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW_ENDS),
    ],
)
def test_at_any_line_a_report_is_whole_and_of_one_run(tmp_path, ends, was_there, monkeypatch):
    monkeypatch.setattr(write, "PATIENCE", 0.01)  # an interrupt may come before a lock is given back
    seen = set()
    for number in range(1_000):
        folder = tmp_path / str(number)
        if was_there:
            write_report(record("old"), folder, REGISTRY)
        is_done = ends(number, folder)
        seen.add(pair(folder) if folder.exists() else ("", ""))
        write_report(record("next"), folder, REGISTRY)
        assert pair(folder) == ("next", "next")
        assert parts(folder) == []
        if is_done:
            break
    old = ("old", "old") if was_there else ("", "")
    assert seen - {("old", "")} == {old, ("new", ""), ("new", "new")}


def test_two_runs_in_one_folder(tmp_path):
    """Who looks while nobody moves files finds those of one run."""
    write_report(record("0"), tmp_path, REGISTRY)
    children = []
    for name in "ab":
        child = os.fork()
        if child == 0:
            for number in range(60):
                write_report(record(f"{name}{number}"), tmp_path, REGISTRY)
            os._exit(0)
        children.append(child)
    handle = os.open(tmp_path, os.O_RDONLY)
    seen = set()
    for _ in range(200):
        fcntl.flock(handle, fcntl.LOCK_EX)
        run, shown = pair(tmp_path)
        fcntl.flock(handle, fcntl.LOCK_UN)
        assert run == shown
        seen.add(run[:1])
    os.close(handle)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert len({*pair(tmp_path)}) == 1
    assert parts(tmp_path) == []


def test_a_run_that_is_stopped_while_it_moves_files_holds_nobody_up(tmp_path, monkeypatch):
    monkeypatch.setattr(write, "PATIENCE", 0.1)
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        write_report(record("new"), tmp_path, REGISTRY)
    finally:
        os.close(handle)
    assert pair(tmp_path) == ("new", "new")


def test_where_locks_are_none(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows
    write_report(record("new"), tmp_path, REGISTRY)
    assert pair(tmp_path) == ("new", "new")


def full(folder: Path) -> None:
    """Leave no room on its disk."""
    with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


@pytest.fixture
def small_disk(project):
    """`small` in the project's folder: a disk of 256 KiB."""
    place = project.pytester.path / "small"
    place.mkdir()
    yield from mounted(place, "-t", "tmpfs", "-o", "size=256k", "tmpfs")


@pytest.fixture
def read_only(project):
    """`fixed` in the project's folder, with a report; nothing can be written there."""
    place = project.pytester.path / "fixed"
    write_report(record("old"), place, REGISTRY)
    subprocess.run(["mount", "--bind", str(place), str(place)], capture_output=True)
    yield from mounted(place, "-o", "remount,bind,ro")


def test_a_run_whose_report_does_not_fit(project, small_disk):
    """Its tests pass, it does not."""
    project.conftest(FIXTURES).tests(CHECKED)
    full(small_disk)
    result = project.run("--modelcheck-report", "--modelcheck-output=small/report")
    result.assert_outcomes(passed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["modelcheck: the report was not written: *No space left on device*"])
    assert not [path for path in small_disk.rglob("*") if path.is_file() and path.name != "filler"]


def test_a_run_whose_report_may_not_be_written(project, read_only):
    """An old one cannot even be taken away: the run says that it is not its own."""
    result = project.conftest(FIXTURES).tests(CHECKED).run("--modelcheck-report", "--modelcheck-output=fixed")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["modelcheck: the report was not written: *Read-only file system*"])
    assert pair(read_only) == ("old", "old")


def test_a_file_stands_in_the_place_of_the_folder(project):
    (project.pytester.path / "modelcheck-report").write_text("mine")
    result = project.conftest(FIXTURES).tests(CHECKED).run("--modelcheck-report")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["modelcheck: the report was not written: *", "*--modelcheck-output=DIR*"])
    assert (project.pytester.path / "modelcheck-report").read_text() == "mine"


def test_a_job_summary_that_does_not_fit(project, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    result = project.conftest(FIXTURES).tests(CHECKED).run()
    assert result.ret == 0
    result.stdout.fnmatch_lines(["modelcheck: the job summary was not written: *No space left on device*"])


STORED = """
def test_it(modelcheck, complexity_snapshot):
    assert modelcheck.complexity() == complexity_snapshot
"""


def test_a_snapshot_that_does_not_fit_costs_not_the_old_one(project, monkeypatch):
    """Where the folder cannot hold what is beside its files, as where the disk is full."""
    project.conftest(FIXTURES).tests(STORED).run("--snapshot-update").assert_outcomes(passed=1)
    (stored,) = (project.pytester.path / "__snapshots__").rglob("*.complexity.txt")
    before = b"another"
    stored.write_bytes(before)
    monkeypatch.setattr(
        "pytest_modelcheck.records.whole.secrets.token_hex", lambda _: "x" * 300
    )  # no name for a file
    result = project.run("--snapshot-update", "--modelcheck-report")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*the stored file cannot be read or written, and stays as it was: *File name too long*"]
    )
    assert stored.read_bytes() == before
    assert [path.name for path in stored.parent.iterdir()] == [stored.name]


def test_a_snapshot_is_written_through_a_link_and_keeps_its_rights(project):
    project.conftest(FIXTURES).tests(STORED).run("--snapshot-update").assert_outcomes(passed=1)
    (stored,) = (project.pytester.path / "__snapshots__").rglob("*.complexity.txt")
    real = stored.rename(project.pytester.path / "kept.txt")
    real.write_text("another")
    real.chmod(0o640)
    stored.symlink_to(real)
    project.run("--snapshot-update").assert_outcomes(passed=1)
    assert stored.is_symlink()
    assert (real.stat().st_mode & 0o777, "MACs" in real.read_text()) == (0o640, True)


@pytest.mark.parametrize("place", ["run", "git", "process"])
def test_a_base_for_which_there_is_no_room(repository, place, monkeypatch):
    """For its folder, for the worktree's, and for what its process is told."""

    def no_room(*_):
        raise OSError(28, "No space left on device", "job.json")

    if place == "process":
        monkeypatch.setattr("pytest_modelcheck.base.process.json", SimpleNamespace(dumps=no_room))
    else:
        monkeypatch.setattr(f"pytest_modelcheck.base.{place}.own_prefix", no_room)
    done = repository.run()
    assert done.returncode == 4, done.out
    assert "--modelcheck-base: the base cannot be checked out: [Errno 28] No space left on device" in done.out
    assert "name another one (TMPDIR)" in done.out
    assert repository.left_behind() == []


def test_a_question_to_the_base_for_which_there_is_no_room(tmp_path):
    ask = Asking(str(tmp_path / "ask"), 1.0)
    with limited(1_000), pytest.raises(MeasurementError, match=r"(?s)^at the base: .*Is there room in"):
        ask("test.py::test", "", "outputs", torch.zeros(10_000))
    assert [*tmp_path.iterdir()] == []


def test_a_cache_for_which_there_is_no_room(tmp_path):
    kept = Kept(tmp_path, {})
    kept._write("old")
    with limited(10), pytest.raises(OSError, match="File too large"):
        kept._write("new" * 1_000)
    assert kept.path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [kept.path]


@pytest.mark.parametrize("was_there", [False, True])
def test_an_exported_file_for_which_there_is_no_room(tmp_path, was_there):
    path = tmp_path / "models" / "net.onnx"
    if was_there:
        path.parent.mkdir()
        path.write_bytes(b"old")
        os.utime(path, (0, 0))
    with limited(10), pytest.raises(OSError, match="File too large"):
        exported._write(tmp_path, SimpleNamespace(name="net", model=b"new" * 1_000))
    assert [file.read_bytes() for file in path.parent.iterdir()] == [b"old"] * was_there


def test_a_merge_that_does_not_fit_keeps_the_old_report(tmp_path, capsys):
    for name in ("shard", "merged"):
        write_report(record(name), tmp_path / name, REGISTRY)
    with limited(10):
        status = main(["merge", str(tmp_path / "shard"), f"--output={tmp_path / 'merged'}"])
    assert status == 2
    assert "cannot write the report to" in capsys.readouterr().err
    assert pair(tmp_path / "merged") == ("merged", "merged")
