"""`--modelcheck-base` in repositories as they are: submodules, Git LFS, options of the project's own, other workers."""

import hashlib
import json
import shutil
import sys
from contextlib import nullcontext

import pytest

from pytest_modelcheck.base import attempts
from pytest_modelcheck.base import run as base_run
from pytest_modelcheck.base.git import BaseError, worktree

from .repository import FULL, NET, STRIDED, TESTS, GitRepository


def values(repository):
    return [(c["outcome"], c["base"], c["value"]) for c in repository.record()["checks"]]


def test_no_test_left_is_no_green_run(repository):
    repository.write("tests/test_net.py", "def test_net(): ...\n")
    done = repository.run()
    assert done.returncode == 1, done.out
    assert "no longer checked: tests/test_net.py::test_net" in done.out


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 1\n"
DIGEST = hashlib.sha256(b"2").hexdigest()
LOST = hashlib.sha256(b"3").hexdigest()
WHERE_STRIDES_COME_FROM = {
    "submodule": "from blocks import STRIDE",
    "absent": "from absent_blocks import STRIDE",
    "stored": "from pathlib import Path\nSTRIDE = int(Path(__file__).with_name('stored.bin').read_text())",
    "unstored": "from pathlib import Path\nSTRIDE = int(Path(__file__).with_name('unstored.bin').read_text())",
}


def other_repository(repository, path, module):
    """To be a submodule."""
    repository.git("init", "-q", "-b", "main", str(path))
    (path / f"{module}.py").write_text("STRIDE = 2\n")
    repository.git("add", "-A", cwd=path)
    repository.git("commit", "-q", "-m", "first", cwd=path)
    repository.git("submodule", "add", "-q", str(path), f"third_party/{path.name}")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """The record of a tree whose files come from elsewhere: of submodules and of Git LFS, there and not there."""
    place = tmp_path_factory.mktemp("elsewhere")
    repository = GitRepository(tmp_path_factory.mktemp("repository"))
    repository.write("src/nets/__init__.py", "")
    for name, source in WHERE_STRIDES_COME_FROM.items():
        repository.write(f"src/nets/{name}.py", NET.replace("STRIDE = 2", source))
        test = TESTS.replace("nets.model", f"nets.{name}").replace("test_net", f"test_{name}")
        repository.write(f"tests/test_{name}.py", test)
    other_repository(repository, place / "other", "blocks")
    other_repository(repository, place / "absent", "absent_blocks")
    repository.write("src/nets/stored.bin", POINTER.format(digest=DIGEST))
    repository.write("src/nets/unstored.bin", POINTER.format(digest=LOST))
    repository.write("pytest.ini", "[pytest]\npythonpath = src third_party/other third_party/absent .\n")
    repository.write(".gitignore", "__pycache__\nmodelcheck-report\n")
    repository.commit()
    inside = repository.path / "third_party/other"
    (inside / "blocks.py").write_text("STRIDE = 1\n")
    repository.git("commit", "-q", "-a", "-m", "second", cwd=inside)
    repository.git("submodule", "deinit", "-q", "-f", "third_party/absent")
    repository.write("absent_blocks.py", "STRIDE = 1\n")  # so that this tree can be imported
    for name in ("stored", "unstored"):
        repository.write(f"src/nets/{name}.bin", "1")
    repository.write(f".git/lfs/objects/{DIGEST[:2]}/{DIGEST[2:4]}/{DIGEST}", "2")
    scratch = tmp_path_factory.mktemp("scratch")
    record = repository.against("HEAD", TMPDIR=str(scratch))
    left = [line for line in repository.left_behind(scratch) if "modelcheck" in line]
    return {**record, "left": left, "inside": repository.git("status", "--porcelain", "-uno", cwd=inside)}


@pytest.mark.parametrize("name", ["submodule", "stored"])
def test_what_lies_in_the_clone_is_taken_from_there_as_it_was_at_the_base(elsewhere, name):
    (check,) = (c for c in elsewhere["checks"] if c["nodeid"] == f"tests/test_{name}.py::test_{name}")
    assert (check["outcome"], check["base"], check["value"]) == ("fail", STRIDED, FULL), check["message"]
    assert elsewhere["left"] == []
    assert elsewhere["inside"] == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent", "submodule third_party/absent is empty at the base"),
        ("absent", "git submodule update --init"),
        ("unstored", "only pointers at the base"),
        ("unstored", "src/nets/unstored.bin"),
    ],
)
def test_what_lies_not_in_the_clone_is_named(elsewhere, name, words):
    (check,) = (c for c in elsewhere["checks"] if c["nodeid"] == f"tests/test_{name}.py::test_{name}")
    assert check["outcome"] == "error"
    assert words in elsewhere["out"]


OPTIONS = """
def pytest_addoption(parser):
    group = parser.getgroup("ours")
    group.addoption("--width", type=int, default=1)
    group.addoption("--only", action="append", dest="chosen", default=[])
    parser.addoption("-Z", "--noisy", action="store_true")
    parser.addini("ours", "a key of ours")
    parser.extra_info["ours"] = "used as few do"

def pytest_configure(config):
    import nets.model
    nets.model.WIDTH = config.getoption("width")

def pytest_collection_modifyitems(config, items):
    chosen = config.getoption("chosen")
    items[:] = [item for item in items if not chosen or item.name in chosen]
"""


def test_a_base_that_knows_neither_the_plugin_nor_any_test(repository):
    """Options of this tree's conftest count there too: those of the command line, and those of the settings."""
    repository.git("checkout", "-q", "main")
    repository.git("rm", "-q", "-r", "tests", "pytest.ini")
    repository.write("requirements.txt", "torch\n")
    wide = NET.replace("(3, 8,", "(3, 8 * WIDTH,").replace("(8, 4)", "(8 * WIDTH, 4)")
    repository.write("src/nets/model.py", wide)
    repository.commit()
    repository.git("checkout", "-q", "-B", "change")
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    repository.write("requirements.txt", "torch\npytest-modelcheck\n")
    repository.write("conftest.py", OPTIONS)
    repository.write("tests/test_net.py", TESTS)
    repository.write("tests/test_more.py", TESTS.replace("test_net", "test_more"))
    repository.write("tests/test_broken.py", "assert False")
    options = "--width=3 --ignore=tests/test_broken.py"
    repository.write("pytest.ini", f"[pytest]\npythonpath = src\naddopts = {options}\n")
    done = repository.run("--modelcheck-report", "--only=test_net")
    assert values(repository) == [("fail", 3 * STRIDED, 3 * FULL)], done.out
    assert "dependencies changed since the base" in done.out
    assert "test_broken" not in done.out


def test_records_of_remote_workers_are_gathered(repository):
    """xdist's way to other interpreters and machines: a worker is sent all it knows, and sends all it found."""
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    for name in ("a", "b", "c"):
        repository.write(f"tests/test_{name}.py", TESTS.replace("test_net", f"test_{name}"))
    done = repository.run("--modelcheck-report", "-d", "--tx", f"popen//python={sys.executable}")
    assert values(repository) == [("fail", STRIDED, FULL)] * 4, done.out
    (subject,) = repository.record()["subjects"]
    assert len(subject["nodeids"]) == 4
    assert not [line for line in repository.left_behind() if "modelcheck" in line]


def test_windows_is_told_what_to_do_instead(monkeypatch):
    monkeypatch.setattr(base_run, "WINDOWS", True)
    with pytest.raises(BaseError, match="--modelcheck-base-report=PATH"):
        base_run.find_base(None, "main")


def test_to_collect_only_measures_nothing(repository):
    done = repository.run("--collect-only", "-q", base="nowhere")
    assert done.returncode == 0, done.out
    assert "test_net.py::test_net" in done.out


def test_worktrees_of_the_user_are_left_as_they_are(repository, tmp_path):
    repository.git("worktree", "add", "-q", str(tmp_path / "away"), "main")
    shutil.rmtree(tmp_path / "away")  # a drive that is not mounted now
    commit = repository.git("rev-parse", "main").strip()
    with worktree(repository.path, commit) as folder:
        assert folder.stat().st_mode & 0o077 == 0  # nobody else's: the socket is in it
        assert (folder / "tree/src/nets/model.py").exists()
        assert len(repository.git("worktree", "list").splitlines()) == 3
    assert not folder.exists()
    assert "away" in repository.git("worktree", "list")
    assert len(repository.git("worktree", "list").splitlines()) == 2


def test_git_forgets_a_worktree_of_which_a_part_is_gone(repository):
    """As where temporary files are cleared away while a run goes on."""
    commit = repository.git("rev-parse", "main").strip()
    with worktree(repository.path, commit) as folder:
        (folder / "tree/.git").unlink()
    assert len(repository.git("worktree", "list").splitlines()) == 1
    assert not list(folder.parent.glob(f"{folder.name}*"))


def test_a_model_without_a_test_file_is_compared_too(repository, monkeypatch):
    """And plugins that the environment keeps out stay out of the base too."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    model = ("--modelcheck-model=nets.model:net", "--modelcheck-input-size=1,3,8,8", "--modelcheck-report")
    chosen = ("-k", "counts or outputs")
    done = repository.run("-p", "pytest_modelcheck.plugin", *model, *chosen, apart=True)
    assert done.returncode == 0, done.out
    assert "no changes since the base" in done.out, done.out
    (subject,) = repository.record()["changes"]["subjects"]
    assert subject["status"] == "unchanged"


UNITTEST = """
import unittest
import pytest
from nets.model import net

class TestNet(unittest.TestCase):
    @pytest.mark.macs_budget(max_regression="2%", model=net, input_size=(1, 3, 8, 8))
    def test_net(self):
        with open("ran", "a") as file:
            file.write("once\\n")
"""


def test_a_tree_that_is_the_same_with_what_might_mislead(repository, monkeypatch):
    told = []
    monkeypatch.setattr(attempts, "busy", lambda text: told.append(text) or nullcontext(told.append))
    repository.write("tests/test_net.py", UNITTEST)
    repository.write("tests/test_a_first.py", "import torch\n\ndef test_seed():\n    torch.manual_seed(0)\n")
    repository.write("pytest.ini", "[pytest]\npythonpath = src\nmodelcheck_report = true\n")
    repository.edit("src/nets/model.py", "STRIDE = 2", "import time\ntime.sleep(2)\nSTRIDE = 2")
    repository.commit()
    done = repository.run("--modelcheck-output=elsewhere", base="HEAD")
    assert done.returncode == 0, done.out
    # a seed in a test's body is no choice for the next test
    assert "no changes since the base" in done.out, done.out
    # bodies of unittest do not run at the base
    assert "1 pass" in done.out
    assert (repository.path / "ran").read_text() == "once\n"
    # an ini key that asks for reports asks for none of the base
    assert not (repository.path / "modelcheck-report").exists()
    # the time of the base is part of the run's
    assert json.loads((repository.path / "elsewhere/report.json").read_text())["run"]["seconds"] > 2
    # a terminal is told what takes so long
    assert told[0] == "measuring the base"
    assert {*told[1:]} <= {
        "measuring the base: collecting tests",
        "measuring the base: 0 of 1 tests",
        "measuring the base: 1 of 1 tests",
    }


def test_a_base_is_not_measured_for_a_tree_that_cannot_be_collected(repository, monkeypatch):
    monkeypatch.setattr(attempts, "busy", lambda text: pytest.fail(text))
    repository.write("tests/test_wrong.py", "import nothing_of_that_name\n")
    done = repository.run()
    assert done.returncode == 2, done.out
    assert "nothing_of_that_name" in done.out
