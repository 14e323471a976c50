"""The base's figures, kept in pytest's cache: what changed between two runs, and whether the base is measured anew.

The base is measured once; in the table's runs a stand-in says that it would be.
"""

from __future__ import annotations

import json
import os

import pytest
import torch

from pytest_modelcheck.base import run as base_run

from .repository import FULL, STRIDED, TESTS, Ran, Repository

ANEW = "would be measured"
FIXTURES = """
import json
import pathlib
import torch
import pytest
from nets.model import net

WIDE = json.loads(pathlib.Path("settings.json").read_text())["width"]

@pytest.fixture
def model():
    made = net()
    made.load_state_dict(torch.load({checkpoint!r}))
    assert [*pathlib.Path("shapes").glob("*")]
    return made

@pytest.fixture
def example_inputs():
    return torch.rand(1, 3, WIDE, WIDE)
"""


class KeptRepository(Repository):
    """Its base was measured once, and is kept."""

    def run(self, *arguments: str, base: str = "main", apart: bool = False) -> Ran:
        torch.seed()  # what other tests of ours chose is no choice of this project
        result = self.pytester.runpytest_inprocess(
            f"--modelcheck-base={base}", "--modelcheck-report", *arguments
        )
        return Ran(int(result.ret), "\n".join([*result.outlines, *result.errlines]))

    @property
    def entries(self):
        return sorted((self.path / ".pytest_cache/d/modelcheck-base").glob("*.json"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A repository whose base was measured in a process of its own, at module's scope: that is slow."""
    path = tmp_path_factory.mktemp("kept")
    (path / "repository").mkdir()
    (path / "home").mkdir()
    repository = KeptRepository(path / "repository", None)
    repository.edit("tests/test_net.py", "@pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8))\n", "")
    repository.write("tests/conftest.py", FIXTURES.format(checkpoint=str(path / "net.pt")))
    repository.write("settings.json", '{"width": 8}')
    repository.write("shapes/square", "")
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "fixtures")
    repository.git("branch", "-f", "main")
    sizes = {"conv.weight": (8, 3, 3, 3), "conv.bias": (8,), "fc.weight": (4, 8), "fc.bias": (4,)}
    torch.save({name: torch.ones(size) for name, size in sizes.items()}, path / "net.pt")
    return repository


@pytest.fixture
def kept(made, pytester, monkeypatch):
    """The repository as it was when its base was measured, with the base's process replaced by a stand-in."""
    monkeypatch.setenv("HOME", str(made.path.parent / "home"))
    monkeypatch.setenv("USERPROFILE", str(made.path.parent / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(made.path)
    made.pytester = pytester
    if not made.entries:
        done = made.run()
        assert done.returncode == 0, done.out
        assert "kept in pytest's cache" not in done.out
        assert len(made.entries) == 1
    monkeypatch.setattr(base_run, "_measured", lambda *_: ({"error": ANEW}, []))
    held = {path: path.read_bytes() for path in (*made.entries, made.path.parent / "net.pt")}
    yield made
    made.git("reset", "-q", "--hard", "main")
    made.git("clean", "-q", "-f", "-d", "-e", ".pytest_cache")
    for path, data in held.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def test_the_base_of_yesterday_judges_todays_model(kept):
    kept.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    done = kept.run()
    assert done.returncode == 1, done.out
    (check,) = kept.record()["checks"]
    assert (check["base"], check["value"]) == (STRIDED, FULL)
    assert "conv: stride 2 -> 1" in done.out
    assert "note: the base was measured" in done.out
    assert any("kept in pytest's cache" in note for note in kept.record()["changes"]["notes"])
    assert len(kept.git("worktree", "list").splitlines()) == 1


def test_no_worktree_is_made(kept, monkeypatch):
    monkeypatch.setattr(base_run, "worktree", lambda *_: pytest.fail("a worktree"))
    assert kept.run().returncode == 0


SAME = {
    "a source file": lambda r: r.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1"),
    "a source file that is new": lambda r: r.write("src/nets/zoo.py", "x = 1\n"),
    "a file that nobody reads": lambda r: r.write("README.md", "x"),
    "a commit": lambda r: r.commit(),
    "times of files": lambda r: os.utime(r.path / "settings.json"),
}
OTHER = {
    "a test": lambda r: r.edit("tests/test_net.py", '"2%"', '"3%"'),
    "a test file that is new": lambda r: r.write("tests/test_more.py", TESTS),
    "a conftest that is new": lambda r: r.write("conftest.py", ""),
    "a fixture": lambda r: r.edit("tests/conftest.py", "torch.rand", "torch.randn"),
    "a file that a test reads": lambda r: r.write("settings.json", '{"width": 16}'),
    "a name in a folder that a test lists": lambda r: r.write("shapes/round", ""),
    "a checkpoint elsewhere": lambda r: (r.path.parent / "net.pt").write_bytes(b"x"),
    "the settings of pytest": lambda r: r.write("pytest.ini", "[pytest]\npythonpath = src\nminversion = 8\n"),
}


def test_not_measured_anew(kept):
    """Whatever of these is another: all of them are."""
    for change in SAME.values():
        change(kept)
    assert ANEW not in kept.run().out


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_measured_anew_since_a_file_is_another(kept, change):
    change(kept)
    assert ANEW in kept.run().out


@pytest.mark.parametrize(
    "option",
    [
        "-k=net",
        "--modelcheck-threads=2",
        "-pno:cacheprovider",
        "--cache-clear",
        "-o=python_files=test_*.py",
        "tests",
    ],
)
def test_measured_anew_since_the_run_is_another(kept, option):
    assert ANEW in kept.run(option).out


def test_measured_anew_since_the_base_is_another(kept):
    kept.write("src/nets/more.py", "")
    kept.commit()
    assert ANEW in kept.run(base="HEAD").out


def test_measured_anew_since_the_environment_is_another(kept, monkeypatch):
    monkeypatch.setenv("WIDTH", "8")
    assert ANEW in kept.run().out
    monkeypatch.delenv("WIDTH")
    monkeypatch.setenv("GITHUB_RUN_ID", "8")
    assert ANEW not in kept.run().out


def test_measured_anew_since_a_distribution_is_another(kept, monkeypatch):
    place = kept.path.parent / "installed"
    (place / "thing-1.0.dist-info").mkdir(parents=True, exist_ok=True)
    monkeypatch.syspath_prepend(str(place))
    assert ANEW in kept.run().out


def change_entry(**more):
    def change(data):
        return json.dumps({**json.loads(data), **more}).encode()

    return change


HOSTILE = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "no JSON": lambda data: b"\x80\x04cos\nsystem\n",
    "deep": lambda data: b"[" * 100_000,
    "another entry's": change_entry(key="0" * 64),
    "of another format": change_entry(format=0),
    "no record": change_entry(record={}),
    "files of no kind": change_entry(files=[1]),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_entry_is_not_used(kept, change):
    (path,) = kept.entries
    path.write_bytes(change(path.read_bytes()))
    done = kept.run()
    assert ANEW in done.out
    assert "Traceback" not in done.out


def test_both_revisions_are_timed_although_the_base_is_kept(kept, monkeypatch):
    timed = []
    (path,) = kept.entries
    entry = json.loads(path.read_text())
    entry["record"]["timed"] = [["tests/test_net.py::test_net", "x"]]
    path.write_text(json.dumps(entry))
    monkeypatch.setattr(base_run, "measure_pairs", lambda folder, job, keys, *_: timed.append(keys) or [])
    assert ANEW not in kept.run().out
    assert timed == [[["tests/test_net.py::test_net", "x"]]]
