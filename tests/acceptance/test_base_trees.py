"""`--modelcheck-base` in repositories as they are: submodules, Git LFS, options of the project's own, other workers."""

import hashlib
import shutil
import sys
from contextlib import nullcontext

import pytest

from pytest_modelcheck.base import attempts
from pytest_modelcheck.base import run as base_run
from pytest_modelcheck.base.git import BaseError, worktree

from .repository import FULL, NET, STRIDED, TESTS


def values(repository):
    return [(c["outcome"], c["base"], c["value"]) for c in repository.record()["checks"]]


def test_a_base_that_knows_neither_the_plugin_nor_any_test(repository):
    repository.git("checkout", "-q", "main")
    repository.git("rm", "-q", "-r", "tests", "pytest.ini")
    repository.write("requirements.txt", "torch\n")
    repository.commit()
    repository.git("checkout", "-q", "-b", "with-plugin")
    repository.write("tests/test_net.py", TESTS)
    repository.write("pytest.ini", "[pytest]\npythonpath = src\n")
    repository.write("requirements.txt", "torch\npytest-modelcheck\n")
    done = repository.run("--modelcheck-report")
    assert values(repository) == [("pass", STRIDED, STRIDED)], done.out
    assert "dependencies changed since the base" in done.out


def test_a_name_that_is_new_costs_the_others_in_its_file_nothing(repository):
    repository.edit("src/nets/model.py", "def net():", "def other():\n    return Net()\n\ndef net():")
    second = TESTS.split("\n\n")[1].replace("model=net", "model=other").replace("test_net", "test_other")
    repository.write("tests/test_net.py", TESTS.replace("import net", "import net, other") + "\n" + second)
    done = repository.run("--modelcheck-report", "-rA")
    assert values(repository) == [("pass", STRIDED, STRIDED), ("not gated", None, STRIDED)], done.out
    assert "new: the base has no nets.model.other" in done.out


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "xdist"])
def test_a_test_that_checked_a_model_and_is_gone_fails_the_run(repository, workers):
    repository.git("checkout", "-q", "main")
    repository.write(
        "tests/test_second.py", TESTS.replace("test_net", "test_gone") + "\ndef test_plain(): ...\n"
    )
    repository.write("tests/test_third.py", TESTS.replace("test_net", "test_moved"))
    repository.commit()
    repository.git("checkout", "-q", "-b", "less")
    (repository.path / "tests/test_second.py").unlink()
    repository.git("mv", "tests/test_third.py", "tests/test_fourth.py")
    done = repository.run("--modelcheck-report", *workers)
    assert done.returncode == 1, done.out
    assert "no longer checked: tests/test_second.py::test_gone" in done.out
    assert "Modelcheck-Accept: tests/test_second.py::test_gone removed: <why>" in done.out
    assert [c["nodeid"] for c in repository.record()["checks"] if c["outcome"] == "fail"] == [
        "tests/test_second.py::test_gone"
    ]
    assert repository.record()["changes"]["gone"] == ["tests/test_second.py::test_gone"]


def test_no_test_left_is_no_green_run(repository):
    repository.write("tests/test_net.py", "def test_net(): ...\n")
    done = repository.run()
    assert done.returncode == 1, done.out
    assert "no longer checked: tests/test_net.py::test_net" in done.out


@pytest.mark.parametrize("checked_out", [True, False], ids=["checked out", "not checked out"])
def test_a_submodule_is_taken_from_the_clone_at_the_commit_of_the_base(repository, tmp_path, checked_out):
    other = tmp_path / "other"
    other.mkdir()
    repository.git("init", "-q", "-b", "main", cwd=other)
    (other / "blocks.py").write_text("STRIDE = 2\n")
    repository.git("add", "-A", cwd=other)
    repository.git("commit", "-q", "-m", "first", cwd=other)
    repository.git("checkout", "-q", "main")
    repository.git("submodule", "add", "-q", str(other), "third_party/other")
    repository.edit("src/nets/model.py", "STRIDE = 2", "from blocks import STRIDE")
    repository.write("pytest.ini", "[pytest]\npythonpath = src third_party/other\n")
    repository.commit()
    repository.git("checkout", "-q", "-b", "newer")
    inside = repository.path / "third_party/other"
    (inside / "blocks.py").write_text("STRIDE = 1\n")
    repository.git("commit", "-q", "-a", "-m", "second", cwd=inside)
    repository.commit()
    if not checked_out:
        repository.git("submodule", "deinit", "-q", "-f", "third_party/other")
        repository.write("blocks.py", "STRIDE = 1\n")  # so that this tree can be imported
        repository.write("pytest.ini", "[pytest]\npythonpath = src .\n")
    done = repository.run("--modelcheck-report")
    if checked_out:
        assert values(repository) == [("fail", STRIDED, FULL)], done.out
        assert repository.git("status", "--porcelain", cwd=inside) == ""
    else:
        assert "submodule third_party/other is empty at the base" in done.out
        assert "git submodule update --init" in done.out
    assert not [line for line in repository.left_behind() if "modelcheck" in line]


@pytest.mark.parametrize("stored", [True, False], ids=["in the clone", "not in the clone"])
def test_files_of_git_lfs_come_from_the_clone_or_are_named(repository, stored):
    weights = "2"
    digest = hashlib.sha256(weights.encode()).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(weights)}\n"
    repository.git("checkout", "-q", "main")
    repository.write("src/nets/stride.bin", pointer)
    repository.edit(
        "src/nets/model.py",
        "STRIDE = 2",
        "from pathlib import Path\nSTRIDE = int(Path(__file__).with_name('stride.bin').read_text())",
    )
    repository.commit()
    repository.git("checkout", "-q", "-b", "newer")
    repository.write("src/nets/stride.bin", "1")
    if stored:
        repository.write(f".git/lfs/objects/{digest[:2]}/{digest[2:4]}/{digest}", weights)
    done = repository.run("--modelcheck-report")
    if stored:
        assert values(repository) == [("fail", STRIDED, FULL)], done.out
    else:
        assert "only pointers at the base" in done.out
        assert "src/nets/stride.bin" in done.out


OPTIONS = """
def pytest_addoption(parser):
    group = parser.getgroup("ours")
    group.addoption("--width", type=int, default=1)
    group.addoption("--only", action="append", dest="chosen", default=[])
    parser.addoption("-W2", "--noisy", action="store_true")
    parser.addini("ours", "a key of ours")
    parser.extra_info["ours"] = "used as few do"

def pytest_configure(config):
    import nets.model
    nets.model.WIDTH = config.getoption("width")

def pytest_collection_modifyitems(config, items):
    chosen = config.getoption("chosen")
    items[:] = [item for item in items if not chosen or item.name in chosen]
"""


@pytest.mark.parametrize("how", ["command line", "addopts"])
def test_options_of_the_users_conftest_count_at_the_base_too(repository, how):
    repository.git("checkout", "-q", "main")
    repository.write(
        "src/nets/model.py", NET.replace("(3, 8,", "(3, 8 * WIDTH,").replace("(8, 4)", "(8 * WIDTH, 4)")
    )
    repository.commit()
    repository.git("checkout", "-q", "-B", "change")
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    repository.write("conftest.py", OPTIONS)
    repository.write("tests/test_more.py", TESTS.replace("test_net", "test_more"))
    repository.write("tests/test_broken.py", "assert False")
    given = ["--width=3", "--only=test_net", "--ignore=tests/test_broken.py"]
    if how == "addopts":
        repository.write("pytest.ini", f"[pytest]\npythonpath = src\naddopts = {' '.join(given)}\n")
        given = []
    done = repository.run("--modelcheck-report", *given)
    assert values(repository) == [("fail", 3 * STRIDED, 3 * FULL)], done.out
    assert "test_broken" not in done.out


@pytest.mark.parametrize(
    "spec", ["2*popen", f"popen//python={sys.executable}"], ids=["2*popen", "own interpreter"]
)
def test_records_of_remote_workers_are_gathered(repository, spec):
    """xdist's way to other interpreters and machines: a worker is sent all it knows, and sends all it found."""
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    for name in ("a", "b", "c"):
        repository.write(f"tests/test_{name}.py", TESTS.replace("test_net", f"test_{name}"))
    done = repository.run("--modelcheck-report", "-d", "--tx", spec)
    assert values(repository) == [("fail", STRIDED, FULL)] * 4, done.out
    (subject,) = repository.record()["subjects"]
    assert len(subject["nodeids"]) == 4
    assert not [line for line in repository.left_behind() if "modelcheck" in line]


def test_base_and_head_are_one_picture_in_the_report(repository):
    repository.edit("src/nets/model.py", "self.fc =", "self.more = nn.Conv2d(8, 8, 1)\n        self.fc =")
    repository.edit("src/nets/model.py", "self.conv(x)", "self.more(self.conv(x)).relu()")
    drawn = ("-o", "modelcheck_heatmaps=always")
    done = repository.run("--modelcheck-report", "--modelcheck-github=off", *drawn)
    assert "net: adds 2 nodes to the graph" in done.out
    assert "more: module added" in done.out
    record = repository.record()
    nodes = record["subjects"][0]["structure"]["diff"]["graph"]["nodes"]
    assert [n["operator"] for n in nodes if n["status"] == "added"] == ["conv2d", "relu"]
    (subject,) = record["changes"]["subjects"]
    assert {k: subject["graph"][k] for k in ("added", "removed", "changed")} == {
        "added": 2,
        "removed": 0,
        "changed": 0,
    }
    (heatmap,) = subject["heatmaps"]
    assert heatmap["moved"]
    assert len(heatmap["pictures"]) == 2
    assert next(m for m in subject["metrics"] if m["metric"] == "peak_memory")["share"] > 0
    page = (repository.path / "modelcheck-report/index.html").read_text()
    assert "adds 2 nodes to the graph" in page
    assert "heatmap moved" in page or "heatmap is of another" in page


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
        assert (folder / "tree/src/nets/model.py").exists()
        assert len(repository.git("worktree", "list").splitlines()) == 3
    assert not folder.exists()
    assert "away" in repository.git("worktree", "list")
    assert len(repository.git("worktree", "list").splitlines()) == 2


def test_an_ini_key_that_asks_for_reports_asks_for_none_of_the_base(repository):
    repository.write("pytest.ini", "[pytest]\npythonpath = src\nmodelcheck_report = true\n")
    done = repository.run("--modelcheck-output=elsewhere")
    assert done.returncode == 0, done.out
    assert (repository.path / "elsewhere/report.json").exists()
    assert not (repository.path / "modelcheck-report").exists()


def test_a_model_without_a_test_file_is_compared_too(repository):
    model = ("--modelcheck-model=nets.model:net", "--modelcheck-input-size=1,3,8,8", "--modelcheck-report")
    done = repository.run(*model, "-k", "counts or outputs")
    assert done.returncode == 0, done.out
    assert "no changes since the base" in done.out, done.out
    (subject,) = repository.record()["changes"]["subjects"]
    assert subject["status"] == "unchanged"


def test_bodies_of_unittest_do_not_run_at_the_base(repository):
    repository.write("tests/test_net.py", UNITTEST)
    done = repository.run()
    assert done.returncode == 0, done.out
    assert "1 pass" in done.out
    assert (repository.path / "ran").read_text() == "once\n"


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


def test_a_terminal_is_told_what_takes_so_long(repository, monkeypatch):
    told = []
    monkeypatch.setattr(attempts, "busy", lambda text: told.append(text) or nullcontext(told.append))
    assert repository.run().returncode == 0
    assert told[0] == "measuring the base"
    assert set(told[1:]) <= {
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


def test_the_time_of_the_base_is_part_of_the_runs(repository):
    repository.edit("src/nets/model.py", "STRIDE = 2", "import time\ntime.sleep(2)\nSTRIDE = 2")
    repository.git("commit", "-qam", "slow")
    assert repository.run("--modelcheck-report", base="HEAD").returncode == 0
    assert repository.record()["run"]["seconds"] > 2


def test_plugins_that_the_environment_keeps_out_stay_out_of_the_base_too(repository, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    done = repository.run("-p", "pytest_modelcheck.plugin", apart=True)
    assert done.returncode == 0, done.out
    assert "no changes since the base" in done.out, done.out


def test_a_conftest_that_fails_at_the_base_is_quoted(repository):
    repository.write("tests/conftest.py", "import nets.model\nnets.model.FRESH")
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 2\nFRESH = 1")
    done = repository.run()
    assert done.returncode == 1, done.out
    assert "has no attribute 'FRESH'" in done.out


def test_a_seed_in_a_tests_body_is_no_choice_for_the_next_test(repository):
    repository.write("tests/test_a_first.py", "import torch\n\ndef test_seed():\n    torch.manual_seed(0)\n")
    done = repository.run()
    assert done.returncode == 0, done.out
    assert "no changes since the base" in done.out, done.out
