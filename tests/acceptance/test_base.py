"""`--modelcheck-base`: this tree's tests on the sources of another commit, in a real git repository.

One repository has most kinds of changes, a test for each; it runs alone and under workers.
"""

import os
import signal
import subprocess
import sys
import time

import pytest

from .repository import FULL, NET, STRIDED, TESTS, GitRepository, heed_interrupts

MODEL = "src/nets/model.py"
FIXTURES = """
import pytest, torch
from nets.given import given

@pytest.fixture
def model():
    return given()

@pytest.fixture
def example_inputs():
    return torch.zeros(1, 3, 8, 8)
"""
GIVEN = """
import pytest

@pytest.mark.modelcheck(name="given")
@pytest.mark.macs_budget(max_regression="2%")
def test_by_fixture(): ...

@pytest.mark.macs_budget(max_regression="2%", model="nets.given:given", input_size=(1, 3, 8, 8))
def test_by_import_string(): ...
"""
BODY = """
import torch
from nets.model import Net

def test_body(modelcheck):
    modelcheck(Net(), torch.rand(1, 3, 8, 8)).complexity()
"""
MODULES = ("given", "block", "layer", "old", "gone")


def a_test(name, module):
    source = TESTS.replace("nets.model", f"nets.{module}").replace("test_net", f"test_{name}")
    return source.replace("import net", f"import {module} as net").replace('print("a body")', "...")


def base_of_all(repository):
    repository.write(MODEL, NET)
    for name in MODULES:
        text = NET.replace("def net()", f"def {name}()").replace("Net", name.title())
        repository.write(f"src/nets/{name}.py", text)
    repository.write("src/nets/__init__.py", "")
    repository.write("tests/test_net.py", TESTS)
    repository.write("tests/given/test_given.py", GIVEN)
    repository.write("tests/given/conftest.py", FIXTURES)
    repository.write("tests/test_gone.py", a_test("gone", "gone") + "\ndef test_plain(): ...\n")
    repository.write("tests/test_third.py", a_test("moved", "gone"))
    for name in ("block", "layer", "old"):
        repository.write(f"tests/test_{name}.py", a_test(name, name))
    repository.write("pytest.ini", "[pytest]\npythonpath = src\n")
    repository.write(".gitignore", "__pycache__\nmodelcheck-report\n")


def change_all(repository):
    for name in (MODEL, "src/nets/given.py"):
        repository.edit(name, "STRIDE = 2", "STRIDE = 1")
    repository.edit(MODEL, "STRIDE = 1", "STRIDE = 1\nprint('{\"garbage\": 1}')")
    repository.edit(MODEL, "def net():", "def other():\n    return Net()\n\ndef net():")
    repository.write("conftest.py", "print('more garbage')")
    other = TESTS.split("\n\n")[1].replace("model=net", "model=other").replace("test_net", "test_other")
    repository.edit("tests/test_net.py", "import net", "import net, other")
    repository.write("tests/test_net.py", (repository.path / "tests/test_net.py").read_text() + "\n" + other)
    repository.write("tests/test_body.py", BODY)
    repository.edit("src/nets/block.py", "self.fc =", "self.more = nn.Conv2d(8, 8, 1)\n        self.fc =")
    repository.edit("src/nets/block.py", "self.conv(x)", "self.more(self.conv(x))")
    repository.edit("src/nets/layer.py", "self.conv", "self.stem")
    repository.git("mv", "src/nets/old.py", "src/nets/zoo.py")
    repository.edit("tests/test_old.py", "nets.old", "nets.zoo")
    (repository.path / "tests/test_gone.py").unlink()
    repository.git("mv", "tests/test_third.py", "tests/test_fourth.py")
    repository.write("requirements.txt", "torch\n")
    repository.git("add", "-A")


@pytest.fixture(scope="module", params=[(), ("-n2",)], ids=["alone", "xdist"])
def ran(request, tmp_path_factory):
    """The record of a run with all changes, what is `left` after it, and its `page`."""
    scratch = tmp_path_factory.mktemp("scratch")
    repository = GitRepository(tmp_path_factory.mktemp("repository"))
    base_of_all(repository)
    base = repository.commit()
    repository.git("checkout", "-q", "-b", "change")
    change_all(repository)
    status = repository.git("status", "--porcelain").splitlines()
    record = repository.against("main", "-rA", *request.param, TMPDIR=str(scratch))
    page = (repository.path / "modelcheck-report/index.html").read_text()
    left = [line for line in repository.left_behind(scratch) if line not in status]
    return {**record, "page": page, "left": left, "base": base}


def check_of(record, name):
    (check,) = (c for c in record["checks"] if c["nodeid"].endswith(f"::test_{name}"))
    return check


def test_a_stride_that_makes_it_heavier_fails_with_both_values(ran):
    assert ran["status"] == 1, ran["out"]
    check = check_of(ran, "net")
    assert (check["outcome"], check["base"], check["value"]) == ("fail", STRIDED, FULL)
    assert f"{STRIDED:,} MACs" in ran["out"]
    assert f"{FULL:,} MACs" in ran["out"]
    assert "conv: stride 2 -> 1" in ran["out"]
    subject = next(one for one in ran["changes"]["subjects"] if one["name"] == "net")
    assert subject["modules"][0]["macs"] == [STRIDED - 32, FULL - 32]
    assert ran["changes"]["base"]["commit"] == ran["base"]
    assert "Changes since the base" in ran["page"]
    assert ran["left"] == []


@pytest.mark.parametrize("name", ["by_fixture", "by_import_string"])
def test_subjects_by_fixture_and_by_import_string(ran, name):
    check = check_of(ran, name)
    assert (check["base"], check["value"]) == (STRIDED, FULL)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("block", "fail"), ("layer", "pass"), ("old", "pass"), ("moved", "pass"), ("other", "not gated")],
)
def test_what_fails(ran, name, outcome):
    """A new name costs the others in its file nothing."""
    assert check_of(ran, name)["outcome"] == outcome


TOLD = {
    "a block added": "more: module added: Conv2d(8, 8, kernel_size=(1, 1), stride=(1, 1))",
    "a module of the package renamed": "nets.zoo was nets.old",
    "a layer renamed": "stem: module Conv2d moved: conv -> stem",
    "a subject that is new": "other: new",
    "and why": "new: the base has no nets.model.other",
    "a subject that a test's body makes": "not compared, made in the body of a test, which does not run at the base",
    "and which": "at the base: Net",
    "dependencies changed": "dependencies changed since the base",
    "where": "requirements.txt",
    "a test is gone": "no longer checked: tests/test_gone.py::test_gone",
    "what accepts that": "Modelcheck-Accept: tests/test_gone.py::test_gone removed: <why>",
}


@pytest.mark.parametrize("words", TOLD.values(), ids=TOLD.keys())
def test_a_change_is_told(ran, words):
    assert words in ran["out"]


def test_a_test_that_checked_a_model_and_is_gone_fails_the_run(ran):
    """One that moved is none."""
    assert check_of(ran, "gone")["outcome"] == "fail"
    assert ran["changes"]["gone"] == ["tests/test_gone.py::test_gone"]


def test_the_merge_base_counts_not_the_tip(repository):
    """And where nothing changed all pass, and nothing is left."""
    repository.git("checkout", "-q", "main")
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    repository.commit()
    repository.git("checkout", "-q", "change")
    done = repository.run()
    assert done.returncode == 0, done.out
    assert "no changes since the base" in done.out
    assert repository.left_behind() == []


@pytest.mark.parametrize(
    ("base", "words", "workers"),
    [
        ("nowhere", "there is no revision 'nowhere'", ()),
        ("nowhere", "there is no revision 'nowhere'", ("-n2",)),
        ("orphan", "no commit in common", ()),
        ("--x", "no revision", ()),
    ],
)
def test_a_wrong_revision_is_a_usage_error(repository, base, words, workers):
    repository.git("checkout", "-q", "--orphan", "orphan")
    repository.write("other.txt", "")
    repository.commit()
    repository.git("checkout", "-q", "change")
    done = repository.run(*workers, base=base)
    assert done.returncode == 4, done.out
    assert words in done.out
    assert "Traceback" not in done.out


def test_a_shallow_clone_says_what_to_fetch(repository, tmp_path):
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    repository.commit()
    repository.git(
        "clone",
        "-q",
        "--depth=1",
        "--no-single-branch",
        f"file://{repository.path}",
        str(tmp_path / "shallow"),
    )
    repository.path = tmp_path / "shallow"
    done = repository.run(base="origin/main")
    assert done.returncode == 4, done.out
    assert "fetch-depth: 0" in done.out


def test_outside_of_a_repository(project):
    project.tests("@pytest.mark.macs_budget(1, model=net, input_size=(1, 3, 8, 8))\ndef test_it(): ...")
    result = project.run("--modelcheck-base=main")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--modelcheck-base: *is in no git repository*"])


FINDER = """
import sys, importlib.util

class Editable:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "found":
            place = {place!r}
            return importlib.util.spec_from_file_location(
                name, place + "/__init__.py", submodule_search_locations=[place]
            )

sys.meta_path.append(Editable)
"""
PACKAGES = {"found": "lib/found", "on_path": "src/on_path", "flat": "flat"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The record of a tree with packages as editable installs bring them in, and one without any install."""
    repository = GitRepository(tmp_path_factory.mktemp("installed"))
    for name, folder in PACKAGES.items():
        repository.write(f"{folder}/__init__.py", "")
        repository.write(f"{folder}/model.py", NET)
        test = TESTS.replace("nets.model", f"{name}.model").replace("test_net", f"test_{name}")
        repository.write(f"tests/test_{name}.py", test)
    repository.write("conftest.py", FINDER.format(place=str(repository.path / "lib/found")))
    repository.write("pytest.ini", "[pytest]\n")
    repository.commit()
    for folder in PACKAGES.values():
        repository.edit(f"{folder}/model.py", "STRIDE = 2", "STRIDE = 1")
    path = os.pathsep.join([str(repository.path / "src"), os.environ.get("PYTHONPATH", "")])
    return repository.against("HEAD", PYTHONPATH=path)


@pytest.mark.parametrize("name", PACKAGES)
def test_the_head_does_not_leak_into_the_base(installed, name):
    """By a path, by a finder of their own; and without any install."""
    assert installed["status"] == 1, installed["out"]
    check = check_of(installed, name)
    assert (check["base"], check["value"]) == (STRIDED, FULL)


BROKEN_BASES = {
    "hangs": (
        "import time\ntime.sleep(100)",
        "did not end within 8 s without a result; it was at tests/test_net.py",
    ),
    "garbage": (
        "import os, pathlib, sys\n"
        "pathlib.Path(sys.argv[1]).with_name('record.json').write_text('{\"schema_version\": 1}')\nos._exit(0)",
        "left no record",
    ),
}


@pytest.mark.parametrize(("code", "words"), BROKEN_BASES.values(), ids=BROKEN_BASES.keys())
def test_a_worker_that_breaks_is_an_error_of_the_relative_limits(repository, code, words):
    repository.git("checkout", "-q", "main")
    repository.write("src/nets/__init__.py", code)
    repository.commit()
    repository.git("checkout", "-q", "-b", "mended")
    repository.write("src/nets/__init__.py", "")
    done = repository.run("-o", f"modelcheck_base_timeout={8 if 'sleep' in code else 60}")
    assert done.returncode == 1, done.out
    assert "could not be measured" in done.out
    assert words in done.out
    assert not [line for line in repository.left_behind() if "modelcheck" in line]


@pytest.mark.parametrize(
    ("conftest", "code", "words"),
    [
        ("conftest.py", "import sys; sys.exit(3)", "SystemExit: 3 (src/nets/extra.py:1)"),
        ("tests/conftest.py", "", "has no attribute 'FRESH'"),
    ],
)
def test_a_conftest_that_fails_on_the_bases_sources(repository, conftest, code, words):
    repository.git("checkout", "-q", "main")
    repository.write("src/nets/extra.py", code)
    repository.commit()
    repository.git("checkout", "-q", "-b", "mended")
    repository.write("src/nets/extra.py", "FRESH = 1")
    repository.write(conftest, "import nets.extra\nnets.extra.FRESH")
    done = repository.run()
    assert done.returncode == 1, done.out
    assert "could not be measured: " in done.out
    assert words in done.out
    assert "pytest_modelcheck" not in done.out


@pytest.mark.usefixtures("real_interpreter")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_or_killed_nothing_is_left(repository, sent):
    repository.git("checkout", "-q", "main")
    repository.write(
        "src/nets/__init__.py",
        f"import pathlib, time\npathlib.Path({str(repository.path.parent / 'there')!r}).touch()\ntime.sleep(60)",
    )
    repository.commit()
    repository.git("checkout", "-q", "-b", "mended")
    repository.write("src/nets/__init__.py", "")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--modelcheck-base=main"]
    process = subprocess.Popen(
        command,
        cwd=repository.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=heed_interrupts,
    )
    wait_for(lambda: (repository.path.parent / "there").exists())
    assert [line for line in repository.left_behind() if "modelcheck" in line]
    process.send_signal(sent)
    process.wait(timeout=30)
    wait_for(lambda: not [line for line in repository.left_behind() if "modelcheck" in line])


def wait_for(condition, seconds=100.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
