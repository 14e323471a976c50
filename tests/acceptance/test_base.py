"""`--modelcheck-base`: this tree's tests on the sources of another commit, in a real git repository."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from .repository import FULL, STRIDED, TESTS, heed_interrupts


def run(repository, *arguments, **how):
    return repository.run(*arguments, **how)


def record(repository):
    return repository.record()


WORKERS = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])


@WORKERS
def test_a_stride_that_makes_it_heavier_fails_with_both_values(repository, workers):
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    done = run(repository, "--modelcheck-report", *workers)
    assert done.returncode == 1, done.out
    assert re.search(rf"base +{STRIDED:,} MACs", done.out)
    assert f"{FULL:,} MACs" in done.out
    assert "conv: stride 2 -> 1" in done.out
    found = record(repository)
    (check,) = found["checks"]
    assert (check["outcome"], check["base"], check["value"]) == ("fail", STRIDED, FULL)
    (subject,) = found["changes"]["subjects"]
    assert subject["modules"][0]["macs"] == [STRIDED - 32, FULL - 32]
    assert found["changes"]["base"]["commit"] == repository.git("rev-parse", "main").strip()
    assert "Changes since the base" in (repository.path / "modelcheck-report/index.html").read_text()
    assert repository.left_behind() == [" M src/nets/model.py"]


def test_nothing_changed_passes_and_leaves_nothing(repository):
    done = run(repository)
    assert done.returncode == 0, done.out
    assert "no changes since the base" in done.out
    assert repository.left_behind() == []


def test_the_merge_base_counts_not_the_tip(repository):
    repository.git("checkout", "-q", "main")
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    repository.commit()
    repository.git("checkout", "-q", "change")
    done = run(repository)
    assert done.returncode == 0, done.out
    assert "no changes since the base" in done.out


CHANGES = {
    "a block added": (
        lambda r: (
            r.edit("src/nets/model.py", "self.fc =", "self.more = nn.Conv2d(8, 8, 1)\n        self.fc ="),
            r.edit("src/nets/model.py", "self.conv(x)", "self.more(self.conv(x))"),
        ),
        1,
        "more: module added: Conv2d(8, 8, kernel_size=(1, 1), stride=(1, 1))",
    ),
    "a module of the package renamed": (
        lambda r: (
            r.git("mv", "src/nets/model.py", "src/nets/zoo.py"),
            r.write("src/nets/__init__.py", ""),
            r.edit("tests/test_net.py", "nets.model", "nets.zoo"),
        ),
        0,
        "nets.zoo was nets.model",
    ),
    "a layer renamed": (
        lambda r: r.edit("src/nets/model.py", "self.conv", "self.stem"),
        0,
        "stem: module Conv2d moved: conv -> stem",
    ),
    "a subject that is new": (
        lambda r: (
            r.edit("src/nets/model.py", "def net():", "def other():\n    return Net()\n\ndef net():"),
            r.write("tests/test_other.py", TESTS.replace("import net", "import other as net")),
        ),
        0,
        "other: new",
    ),
    "a subject that a test's body makes": (
        lambda r: r.write(
            "tests/test_body.py",
            "import torch\nfrom nets.model import Net\n"
            "def test_body(modelcheck): modelcheck(Net(), torch.rand(1, 3, 8, 8)).complexity()\n",
        ),
        0,
        "not compared, made in the body of a test, which does not run at the base: Net",
    ),
    "dependencies changed": (
        lambda r: (
            r.write("requirements.txt", "torch\n"),
            r.git("add", "-A"),
            r.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1"),
        ),
        1,
        "dependencies changed since the base*requirements.txt",
    ),
    "prints of the user": (
        lambda r: (
            r.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1\nprint('{\"garbage\": 1}')"),
            r.write("conftest.py", "print('more garbage')"),
        ),
        1,
        "conv: stride 2 -> 1",
    ),
}


@pytest.mark.parametrize(("change", "status", "words"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_told(repository, change, status, words):
    change(repository)
    done = run(repository, "-rA")
    assert done.returncode == status, done.out
    assert re.search(re.escape(words).replace(r"\*", ".*"), done.out), done.out
    assert not [line for line in repository.left_behind() if "modelcheck" in line]


def test_a_base_that_cannot_be_imported_is_an_error(repository):
    repository.git("checkout", "-q", "main")
    repository.edit("src/nets/model.py", "import torch", "import nothing_of_that_name")
    repository.commit()
    repository.git("checkout", "-q", "-b", "mended")
    repository.edit("src/nets/model.py", "import nothing_of_that_name", "import torch")
    done = run(repository)
    assert done.returncode == 1, done.out
    assert "No module named 'nothing_of_that_name' (src/nets/model.py:2)" in done.out


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("nowhere", "there is no revision 'nowhere'"),
        ("orphan", "no commit in common"),
        ("--x", "no revision"),
    ],
)
def test_a_wrong_revision_is_a_usage_error(repository, base, words):
    repository.git("checkout", "-q", "--orphan", "orphan")
    repository.write("other.txt", "")
    repository.commit()
    repository.git("checkout", "-q", "change")
    for workers in ((), ("-n2",)):
        done = run(repository, *workers, base=base)
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
    done = run(repository, base="origin/main")
    assert done.returncode == 4, done.out
    assert "fetch-depth: 0" in done.out


def test_outside_of_a_repository(project):
    project.tests("@pytest.mark.macs_budget(1, model=net, input_size=(1, 3, 8, 8))\ndef test_it(): ...")
    result = project.run("--modelcheck-base=main")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--modelcheck-base: *is in no git repository*"])


@pytest.mark.parametrize("how", ["sitecustomize path", "finder", "flat layout"])
def test_the_head_does_not_leak_into_the_base(repository, how, monkeypatch):
    """As editable installs bring it in: by a path, by a finder of their own; and without any install."""
    src = repository.path / "src"
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    (repository.path / "pytest.ini").write_text("[pytest]\n")
    if how == "sitecustomize path":
        monkeypatch.setenv("PYTHONPATH", f"{src}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    elif how == "finder":
        repository.write(
            "conftest.py",
            "import sys, importlib.util\n"
            "class Editable:\n"
            "    @staticmethod\n"
            "    def find_spec(name, path=None, target=None):\n"
            "        if name == 'nets':\n"
            f"            return importlib.util.spec_from_file_location(name, {str(src / 'nets/__init__.py')!r},\n"
            f"                submodule_search_locations=[{str(src / 'nets')!r}])\n"
            "sys.meta_path.append(Editable)\n",
        )
    else:
        repository.git("checkout", "-q", "main")
        repository.git("mv", "src/nets", "nets")
        repository.edit("nets/model.py", "STRIDE = 1", "STRIDE = 2")
        repository.commit()
        repository.edit("nets/model.py", "STRIDE = 2", "STRIDE = 1")
    done = run(repository, "--modelcheck-report", apart=True)
    assert done.returncode == 1, done.out
    (check,) = record(repository)["checks"]
    assert (check["base"], check["value"]) == (STRIDED, FULL)


FIXTURE_TESTS = """
import pytest

@pytest.mark.macs_budget(max_regression="2%")
def test_by_fixture(): ...

@pytest.mark.macs_budget(max_regression="2%", model="nets.model:net", input_size=(1, 3, 8, 8))
def test_by_import_string(): ...
"""


def test_subjects_by_fixture_and_by_import_string(repository):
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    repository.write("tests/test_net.py", FIXTURE_TESTS)
    repository.write(
        "tests/conftest.py",
        "import pytest, torch\nfrom nets.model import net\n"
        "@pytest.fixture\ndef model():\n    return net()\n"
        "@pytest.fixture\ndef example_inputs():\n    return torch.zeros(1, 3, 8, 8)\n",
    )
    run(repository, "--modelcheck-report")
    *checks, gone = record(repository)["checks"]
    assert [(c["base"], c["value"]) for c in checks] == [(STRIDED, FULL)] * 2
    assert gone["nodeid"] == "tests/test_net.py::test_net"


BROKEN_BASES = {
    "dies": ("import os\nos._exit(7)", "ended with status 7 while it was at tests/test_net.py"),
    "killed": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "was killed by signal 9"),
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
    done = run(repository, "-o", f"modelcheck_base_timeout={8 if 'sleep' in code else 60}")
    assert done.returncode == 1, done.out
    assert "could not be measured" in done.out
    assert words in done.out
    assert not [line for line in repository.left_behind() if "modelcheck" in line]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "import nothing_of_that_name",
            "conftest.py: ModuleNotFoundError: No module named 'nothing_of_that_name'",
        ),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_a_conftest_that_fails_on_the_bases_sources(repository, code, words):
    repository.git("checkout", "-q", "main")
    repository.write("src/nets/extra.py", code)
    repository.commit()
    repository.git("checkout", "-q", "-b", "mended")
    repository.write("src/nets/extra.py", "")
    repository.write("conftest.py", "import nets.extra\n")
    done = run(repository)
    assert done.returncode == 1, done.out
    assert f"could not be measured: {words} (src/nets/extra.py:1)" in done.out
    assert "pytest_modelcheck" not in done.out


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


def wait_for(condition, seconds=40.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
