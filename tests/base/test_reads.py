"""What a process reads, as it tells: the files, the folders, and what it cannot know."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_modelcheck

LISTEN = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from pytest_modelcheck.worker.reads import Reads
reads = Reads(Path({own!r}))
reads.watch()
"""
ROOT = str(Path(pytest_modelcheck.__file__).parents[1])


def told(tmp_path, code):
    """What is told of `code`, which runs in `tmp_path`; paths are relative to it."""
    (tmp_path / "job").mkdir(exist_ok=True)
    script = LISTEN.format(path=[ROOT, str(tmp_path)], own=str(tmp_path / "job"))
    (tmp_path / "script.py").write_text(f"{script}\n{code}\nreads.save(Path('job/reads.json'))\n")
    subprocess.run([sys.executable, "-B", "script.py"], cwd=tmp_path, check=True)
    found = json.loads((tmp_path / "job/reads.json").read_text())
    here = f"{tmp_path}{os.sep}"
    known = {"script.py"}
    inside = (
        {p.removeprefix(here) for p in found[key] if p.startswith(here)} for key in ("files", "folders")
    )
    return *(sorted(names - known) for names in inside), found["doubts"]


FILES = {
    "opened": ("open('a.bin', 'rb').read()", ["a.bin"]),
    "opened by the system's call": ("import os; os.open('a.bin', os.O_RDONLY)", ["a.bin"]),
    "read by numpy": ("import numpy; numpy.fromfile('a.bin', dtype='u1')", ["a.bin"]),
    "not there": ("try: open('b.bin')\nexcept OSError: ...", ["b.bin"]),
    "asked for": ("Path('b.bin').exists()", ["b.bin"]),
    "asked for in another way": ("import os.path; os.path.isfile('b.bin')", ["b.bin"]),
    "imported": ("import helper", ["helper.py"]),
    "imported from bytecode": (
        "import py_compile; py_compile.compile('helper.py'); import helper",
        ["helper.py"],
    ),
    "opened after another folder was entered": (
        "os.chdir('/'); open(HERE + '/a.bin'); os.chdir(HERE)",
        ["a.bin"],
    ),
    "written, then read": ("open('c', 'w').close(); open('c')", []),
    "where Python's folders are not to be had yet": (
        "import sysconfig; sysconfig.get_path = None; os.stat('a.bin')",
        ["a.bin"],
    ),
    "of the job itself": ("open('job/x', 'w').close(); open('job/x')", []),
    "opened unseen by a library": (
        "import safetensors; safetensors.safe_open('a.safetensors', 'np')",
        ["a.safetensors"],
    ),
}


@pytest.mark.parametrize(("code", "files"), FILES.values(), ids=FILES)
def test_files(tmp_path, code, files):
    (tmp_path / "a.bin").write_bytes(b"x")
    (tmp_path / "helper.py").write_text("")
    if "safetensors" in code:
        numpy = pytest.importorskip("safetensors.numpy")
        numpy.save_file({}, tmp_path / "a.safetensors")
    found = told(tmp_path, f"import os\nHERE = {str(tmp_path)!r}\n{code}")
    assert [name for name in found[0] if not name.endswith("py_compile.py")] == files


def test_folders_that_the_users_code_lists(tmp_path):
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets/__init__.py").write_text(
        "from pathlib import Path\nfound = [*Path('nets').glob('*.pt')]\n"
    )
    assert told(tmp_path, "import nets")[1] == ["nets"]
    (tmp_path / "nets/__init__.py").write_text("")
    assert told(tmp_path, "import nets")[1] == []


DOUBTS = {
    "a process": ("import subprocess; subprocess.run(['true'])", "it starts a process"),
    "a shell": ("import os; os.system('true')", "it starts a process"),
    "a fork": ("import os\nif not os.fork(): os._exit(0)", "it starts a process"),
    "the network": (
        "import socket\ntry: socket.create_connection(('127.0.0.1', 9), 0.1)\nexcept OSError: ...",
        "it uses the network",
    ),
    "chance": ("open('/dev/urandom', 'rb').read(1)", "it draws from the system's random numbers"),
    "a database": ("import sqlite3; sqlite3.connect(':memory:')", "it uses a database"),
    "a library that opens files unseen": (
        "import sys; sys.modules['h5py'] = sys",
        "h5py is loaded, which opens files unseen",
    ),
}


@pytest.mark.parametrize(("code", "doubt"), DOUBTS.values(), ids=DOUBTS)
def test_doubts(tmp_path, code, doubt):
    assert doubt in told(tmp_path, code)[2]


def test_our_own_look_at_the_commit_is_no_doubt(tmp_path):
    code = "from pytest_modelcheck.records.environment import environment; environment(Path('.'))"
    assert told(tmp_path, code)[2] == []
