"""Paths that somebody gives: what is there, and how large, is looked at before it is read; nothing hangs."""

import functools
import io
import json
import os
import signal
import socket
import struct
import tracemalloc
import zipfile

import pytest

from pytest_modelcheck.base.kept import Kept
from pytest_modelcheck.checks.explain.evolution import read_state
from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.cli import main
from pytest_modelcheck.cli.look import _sources
from pytest_modelcheck.errors import MeasurementError, ModelCheckError
from pytest_modelcheck.records.load import read_record
from pytest_modelcheck.report.write import remove_report
from pytest_modelcheck.snapshots.replacement import SUMS, remove_replacements

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and devices are POSIX")
GOOD = json.dumps({"schema_version": 2})


@pytest.fixture(autouse=True)
def _in_time():
    """What waits for a pipe waits no longer than a few seconds."""

    def stop(*_):
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def huge(path):
    with path.open("wb") as file:
        file.truncate(2**31)


@functools.cache
def packed(way, size):
    """A zip file with a report of so many blanks."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", way, compresslevel=1) as archive:
        archive.writestr("report.json", b" " * size)
    return made.getvalue()


def bomb(path, way=zipfile.ZIP_DEFLATED, size=2**26 + 1):
    path.write_bytes(packed(way, size))


def lying(path):
    """One that says to hold a byte."""
    bomb(path)
    data = path.read_bytes()
    at = data.index(b"PK\1\2")
    path.write_bytes(data[: at + 24] + struct.pack("<I", 1) + data[at + 28 :])


def listing(path):
    """One with a list of contents that is as long as the file."""
    with path.open("wb") as file:
        file.truncate(2**31)
        file.seek(0, os.SEEK_END)
        file.write(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, 2**31, 0, 0))


def plug(path):
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(path.parent)  # its name must be short
        one.bind(path.name)
        os.chdir(here)


KINDS = {
    "pipe": os.mkfifo,
    "zero": lambda path: path.symlink_to("/dev/zero"),
    "tty": lambda path: path.symlink_to("/dev/tty"),
    "socket": plug,
    "itself": lambda path: path.symlink_to(path.name),
    "dangling": lambda path: path.symlink_to("nowhere"),
    "missing": lambda path: None,
    "huge": huge,
    "bomb": bomb,
    "bz2": lambda path: bomb(path, zipfile.ZIP_BZIP2, 2**20),
    "lzma": lambda path: bomb(path, zipfile.ZIP_LZMA, 2**20),
    "lying": lying,
    "listing": listing,
    "empty": lambda path: path.write_bytes(b""),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "zip": lambda path: path.write_bytes(b"PK\5\6" + b"\0" * 18),
    "cut": lambda path: path.write_text(GOOD[:-1]),
    "deep": lambda path: path.write_text("[" * 200_000),
    "nan": lambda path: path.write_text('{"schema_version": NaN}'),
    "digits": lambda path: path.write_text('{"schema_version": ' + "1" * 100_000 + "}"),
    "surrogates": lambda path: path.write_text('{"schema_version": 2, "created": "\\ud800"}'),
    "list": lambda path: path.write_text("[]"),
    "utf32": lambda path: path.write_bytes(GOOD.encode("utf-32")),
}  # fmt: skip


@pytest.fixture(params=KINDS)
def path(request, tmp_path):
    made = tmp_path / "report.json"
    KINDS[request.param](made)
    return made


def test_no_command_reads_it(path, capsys, monkeypatch):
    monkeypatch.chdir(path.parent)
    good = str(path)
    for command in (
        ["summary", good],
        ["compare", good, good],
        ["merge", str(path.parent)],
        ["history", good],
    ):
        assert main(command) == 2
        told = capsys.readouterr()
        assert told.err.startswith("pytest-modelcheck: ")
        assert str(path.parent) in told.err
        assert "Traceback" not in told.err
        assert "what no pytest-modelcheck writes" not in told.err


@pytest.mark.parametrize("kind", ["huge", "bomb", "lying", "listing"])
def test_it_is_refused_before_it_is_in_memory(tmp_path, kind, capsys):
    path = tmp_path / "report.json"
    KINDS[kind](path)
    tracemalloc.start()
    try:
        assert main(["summary", str(path), "--max-bytes=1000000"]) == 2
        assert tracemalloc.get_traced_memory()[1] < 2**25
    finally:
        tracemalloc.stop()


def test_it_is_no_base(path):
    with pytest.raises(ModelCheckError):
        read_record(path, default_registry())
    kept = Kept(path.parent, {})
    if os.path.lexists(path):
        path.rename(kept.path)
    assert kept.find(default_registry()) is None


def test_it_is_no_report_of_ours(path):
    there = os.path.lexists(path)
    remove_report(path.parent)
    assert os.path.lexists(path) == there


def test_it_is_no_checkpoint(path):
    for name in ("a.pt", "a.safetensors"):
        if os.path.lexists(path):
            path.rename(path.with_name(name))
        if "huge" not in str(path) or not name.endswith("pt"):
            with pytest.raises(MeasurementError, match=r"the checkpoint .* cannot be read"):
                read_state(path.with_name(name))
        if os.path.lexists(path.with_name(name)):
            path.with_name(name).rename(path)


def test_it_holds_no_model(path):
    if os.path.lexists(path):
        path.rename(path.with_name("net.py"))
    found, skipped = _sources(path.parent)
    assert not found
    assert all("cannot be read" in why for why in skipped.values())


@pytest.mark.parametrize(
    "line",
    [
        "0  /etc/passwd",
        "0  snapshots/../../x",
        "0  ",
        "",
        "\0",
        "x" * 10_000,
        "0  snapshots/\0",
        "0  snapshots/" + "x" * 5_000,
        "0  snapshots",
        "0  \udcff",
    ],
)
def test_forged_sums_take_nothing_away(tmp_path, line):
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "mine").write_text("kept")
    (tmp_path / SUMS).write_text(line + "\n", "utf-8", "surrogateescape")
    remove_replacements(tmp_path)
    assert (tmp_path / "snapshots" / "mine").exists()
