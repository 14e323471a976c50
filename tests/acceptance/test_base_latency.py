"""`latency_budget(max_regression=...)` with `--modelcheck-base`: two revisions of a real repository timed in turns."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from .repository import GitRepository, heed_interrupts

NET = """
import torch
from torch import nn

TIMES = 1

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.fc = nn.Linear(16, 4)

    def forward(self, x):
        for _ in range(TIMES):
            y = self.conv(x)
        return self.fc(y.mean((2, 3)))

def net():
    return Net()
"""
FACTORY = """
import pytest
from nets.model import net

@pytest.mark.latency_budget(max_regression="5%", model=net, input_size=(1, 3, 32, 32))
def test_factory():
    print("a body")
"""
OTHERS = """
import pytest

@pytest.mark.latency_budget(max_regression="5%", model="nets.model:net", input_size=(1, 3, 32, 32))
def test_import_string(): ...

@pytest.mark.latency_budget(max_regression="5%")
def test_fixture(): ...
"""
FIXTURES = """
import pytest, torch
from nets.model import net

@pytest.fixture
def model():
    return net()

@pytest.fixture
def example_inputs():
    return torch.zeros(1, 3, 32, 32)
"""
LAZY = NET.replace("        for _", "        import nets.late\n        for _")
FINDER = """
import sys, importlib.util

class Editable:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "nets":
            place = {place!r}
            return importlib.util.spec_from_file_location(
                name, place + "/__init__.py", submodule_search_locations=[place]
            )

sys.meta_path.append(Editable)
"""
P1, P2 = "P1: both revisions in one process", "P2: pairs of processes"


class Repository(GitRepository):
    """A repository on a branch off `main`, the base."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.write("src/nets/__init__.py", "")
        self.write("src/nets/model.py", NET)
        self.write("tests/test_net.py", FACTORY)
        self.write("pytest.ini", "[pytest]\npythonpath = src\n")
        self.write(".gitignore", "__pycache__\nmodelcheck-report\n")

    def branch(self) -> None:
        """What is there is the base; what comes is the change."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "the base")
        self.git("checkout", "-q", "-b", "change")

    def slow_down(self) -> None:
        """Unmistakably: the convolution runs five times."""
        self.edit("src/nets/model.py", "TIMES = 1", "TIMES = 5")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--modelcheck-report"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        return subprocess.run(
            [*command, "--modelcheck-base=main", *arguments],
            cwd=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            env=environment,
        )

    def checks(self) -> list[dict]:
        return json.loads((self.path / "modelcheck-report/report.json").read_text())["checks"]

    def left_behind(self) -> list[str]:
        trees = self.git("worktree", "list").splitlines()[1:]
        return trees + [str(p) for p in Path(tempfile.gettempdir()).glob("modelcheck-base*")]


@pytest.fixture
def repository(project, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    (tmp_path / "repository").mkdir()
    return Repository(tmp_path / "repository")


def editable(repository):
    """Installed so: a finder knows this tree only."""
    repository.write("pytest.ini", "[pytest]\n")
    repository.write("conftest.py", FINDER.format(place=str(repository.path / "src/nets")))


def in_a_folder(repository):
    """The project is a folder of its repository."""
    (repository.path / "part").mkdir()
    for name in ("src", "tests", "pytest.ini", ".gitignore"):
        (repository.path / name).rename(repository.path / "part" / name)
    repository.path = repository.path / "part"


@pytest.mark.parametrize(
    ("where", "workers"),
    [(editable, ()), (in_a_folder, ("-n2",))],
    ids=["alone, installed as editable", "xdist, in a folder"],
)
def test_a_slower_layer_fails_whatever_gives_the_subject(repository, where, workers):
    """And the base's sources are its own; a model that imports late is timed in another way, which says why."""
    repository.write("tests/test_others.py", OTHERS)
    repository.write("tests/conftest.py", FIXTURES)
    repository.write("src/nets/late.py", "")
    repository.write("src/nets/lazy.py", LAZY)
    repository.write(
        "tests/test_lazy.py", FACTORY.replace("nets.model", "nets.lazy").replace("factory", "lazy")
    )
    where(repository)
    repository.branch()
    repository.slow_down()
    repository.edit("src/nets/lazy.py", "TIMES = 1", "TIMES = 5")
    done = repository.run(*workers)
    assert done.returncode == 1, done.stdout
    checks = {check["nodeid"].rpartition("::test_")[2]: check for check in repository.checks()}
    lazy = checks.pop("lazy")
    assert len(checks) == 3
    for check in checks.values():
        assert (check["metric"], check["outcome"], check["protocol"]) == ("latency_regression", "fail", P1)
        low, high = check["interval"]
        assert 0.05 < low < check["value"] < high
        assert "slower, interval" in check["message"]
    assert lazy["outcome"] == "fail", lazy["message"]
    assert lazy["protocol"].startswith(P2)
    assert "a forward imports modules of the tree: nets" in lazy["protocol"]
    assert f"timed in turns with the base: 3 checks by {P1}" in done.stdout
    assert re.search(r"\d % slower \(interval ", done.stdout)
    assert P1 in (repository.path / "modelcheck-report/index.html").read_text()
    assert repository.left_behind() == []


def c_extension(repository):
    library = next(Path(os.__file__).with_name("lib-dynload").glob("_bisect.*"))
    shutil.copy(library, repository.path / "src/nets" / library.name)
    repository.write("src/nets/__init__.py", "from . import _bisect")


def operator(repository):
    repository.write(
        "src/nets/__init__.py",
        "import torch\n"
        "@torch.library.custom_op('nets::same', mutates_args=())\n"
        "def same(x: torch.Tensor) -> torch.Tensor:\n    return x.clone()\n",
    )


def shared(repository):
    repository.write(
        "src/nets/__init__.py",
        "import torch\nfrom torch import nn\n"
        "torch.set_default_dtype(torch.float64)\nnn.Conv2d.extra_repr = lambda self: 'patched'",
    )
    repository.edit("src/nets/model.py", "forward(self, x):", "forward(self, x):\n        x = x.double()")


REASONS = {
    "C extension": (c_extension, "the base loads a C extension: src/nets/_bisect"),
    "operator registered in both": (
        operator,
        "operators are registered with torch by both revisions: nets::same",
    ),
    "import that changes a setting and replaces a method": (
        shared,
        "changes what the whole process shares: the default dtype, torch.nn.modules.conv.Conv2d.extra_repr",
    ),
}


@pytest.mark.parametrize(("provoke", "why"), REASONS.values(), ids=REASONS.keys())
def test_where_one_process_cannot_hold_both_pairs_of_processes_do_and_say_why(repository, provoke, why):
    provoke(repository)
    repository.branch()
    repository.slow_down()
    done = repository.run()
    assert done.returncode == 1, done.stdout
    (check,) = repository.checks()
    assert check["outcome"] == "fail", check["message"]
    assert check["protocol"].startswith(P2)
    assert why in check["protocol"]
    assert "5 of 5 tensors shared" in check["message"]
    assert why in done.stdout


ENDS = {
    "dies": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was killed by signal 9"),
    "writes_into_every_pipe": (
        "import os\n        for fd in range(3, 40):\n            try: os.write(fd, b'garbage\\n')\n"
        "            except OSError: pass",
        "answered garbage",
    ),
}


def test_a_base_that_breaks_in_its_forward_is_an_error_and_never_passes(repository):
    for name, (code, _) in ENDS.items():
        broken = f"        print('hello')\n        {code}\n        for _"
        repository.write(f"src/nets/{name}.py", NET.replace("        for _", broken))
        test = FACTORY.replace("nets.model", f"nets.{name}").replace("factory", name)
        repository.write(f"tests/test_{name}.py", test)
    (repository.path / "tests/test_net.py").unlink()
    repository.branch()
    for name in ENDS:
        repository.write(f"src/nets/{name}.py", NET)
    done = repository.run()
    assert done.returncode == 1, done.stdout
    checks = {check["nodeid"].rpartition("::test_")[2]: check for check in repository.checks()}
    assert {*checks} == {*ENDS}
    for name, (_, words) in ENDS.items():
        assert checks[name]["outcome"] == "error"
        assert words in checks[name]["message"]
    assert repository.left_behind() == []


@pytest.mark.usefixtures("real_interpreter")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_or_killed_while_it_compares_nothing_is_left(repository, tmp_path, sent):
    here = tmp_path / "pid"
    code = (
        f"import os, pathlib, time; pathlib.Path({str(here)!r}).write_text(str(os.getpid())); time.sleep(600)"
    )
    repository.edit("src/nets/model.py", "        for _", f"        {code}\n        for _")
    repository.branch()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--modelcheck-base=main"]
    process = subprocess.Popen(
        command,
        cwd=repository.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=heed_interrupts,
    )
    wait_for(lambda: here.exists() and here.read_text())
    assert repository.left_behind()
    process.send_signal(sent)
    process.wait(timeout=30)
    wait_for(lambda: repository.left_behind() == [])
    wait_for(lambda: not is_running(int(here.read_text())))


def is_running(pid: int) -> bool:
    """Not gone, and no zombie: whoever takes care of orphans may take its time."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_the_base_lacks_and_other_inputs_are_not_gated_and_the_same_never_fails(repository):
    repository.write("src/nets/size.py", "SIZE = 32")
    repository.write("tests/test_net.py", FACTORY.replace("(1, 3, 32, 32)", "(1, 3, SIZE, SIZE)"))
    repository.edit("tests/test_net.py", "import pytest", "import pytest\nfrom nets.size import SIZE")
    repository.write("src/nets/same.py", NET)
    same = FACTORY.replace("nets.model", "nets.same").replace("5%", "25%")  # which is decided soon
    repository.write("tests/test_same.py", same)
    repository.branch()
    repository.write("src/nets/size.py", "SIZE = 48")
    repository.write("src/nets/new.py", NET)
    repository.write("tests/test_new.py", FACTORY.replace("nets.model", "nets.new"))
    repository.edit("src/nets/same.py", "import torch\n", "# another line\nimport torch\n")
    done = repository.run("--modelcheck-strict")
    assert done.returncode == 1, done.stdout
    reasons = {c["nodeid"]: c["reason"] for c in repository.checks() if c["outcome"] == "not gated"}
    assert "the inputs differ: 1x3x32x32 float32 at the base" in reasons["tests/test_net.py::test_factory"]
    assert "new: the base has no nets.new" in reasons["tests/test_new.py::test_factory"]
    (check,) = (c for c in repository.checks() if c["nodeid"] == "tests/test_same.py::test_factory")
    assert check["outcome"] in ("pass", "inconclusive")
    assert check["protocol"] == P1


def test_a_report_as_base_is_no_base_for_times(project):
    project.tests(
        "@pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8))\n"
        "@pytest.mark.params_budget('2 k')\n@pytest.mark.latency_budget(max_regression='5%')\ndef test_it(): ..."
    )
    assert project.run("--modelcheck-report").ret == 0
    shutil.copy("modelcheck-report/report.json", "old.json")
    result = project.run("--modelcheck-report", "--modelcheck-base-report=old.json")
    assert result.ret == 0
    (check,) = [c for c in project.record()["checks"] if c["metric"] == "latency"]
    assert check["outcome"] == "not gated"
    assert "--modelcheck-base=REV measures both revisions in turns" in check["reason"]
