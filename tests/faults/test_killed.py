"""Processes that die or hang, each in each stage: what the run says, what the record says, and what is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ..acceptance.conftest import MACS
from ..acceptance.repository import heed_interrupts
from .test_forks import is_running, wait_for

HERE = """
import os, pathlib, sys, time
RUN = os.getpid()  # a conftest file imports this
OWN = pathlib.Path(sys.argv[-1]).parent.name == 'own'  # the process that collects the base's own tests

def stay(name, apart=False, own=False):
    if pathlib.Path(PLACE, name).exists() or (apart and os.getpid() == RUN) or own != OWN:
        return  # another process tries again
    new = pathlib.Path(PLACE, name + '.new')
    new.write_text(str(os.getpid()))
    new.rename(pathlib.Path(PLACE, name))
    time.sleep(600)
"""
COUNTED = "model=net, input_size=(1, 3, 8, 8)"


class Stage(NamedTuple):
    """Where a process stays: in which file what is put in the place of what, and what the test demands."""

    file: str
    old: str
    new: str
    marker: str
    outcome: str  # of the check, where that process ends
    words: str  # of what is told, where it is killed
    at_base: bool = True


FORWARD = "        return self.fc("
STAGES = {
    "the base is imported": Stage(
        "src/nets/model.py",
        "import torch\n",
        "import torch, here; here.stay('it')\n",
        'macs_budget(max_regression="2%")',
        "error",
        "was killed by signal 9 while it was at tests/test_net.py",
    ),
    "the base's own tests are collected": Stage(
        "src/nets/model.py",
        "import torch\n",
        "import torch, here; here.stay('it', own=True)\n",
        'macs_budget(max_regression="2%")',
        "pass",
        "was killed by signal 9 while it was at tests/test_net.py",
    ),
    "the base runs": Stage(
        "src/nets/model.py",
        FORWARD,
        f"        import here; here.stay('it')\n{FORWARD}",
        'macs_budget(max_regression="2%")',
        "error",
        "was killed by signal 9 while it was at tests/test_net.py::test_net",
    ),
    "it is compiled": Stage(
        "src/nets/model.py",
        FORWARD,
        f"        import here; here.stay('it', apart=True)\n{FORWARD}",
        "compile_budget(graph_breaks=0)",
        "error",
        "was killed by signal 9, without a result",
        at_base=False,
    ),
}


def prepared(repository, stage: Stage) -> None:
    """The base stays where the stage says; or this tree does."""
    repository.git("checkout", "-q", "main")
    repository.write("src/here.py", HERE.replace("PLACE", repr(str(repository.path.parent))))
    repository.write("tests/conftest.py", "import here")
    repository.edit("tests/test_net.py", 'macs_budget(max_regression="2%")', stage.marker)
    repository.commit()
    before = (repository.path / stage.file).read_text()
    assert stage.old in before
    if stage.at_base:
        repository.edit(stage.file, stage.old, stage.new)
        repository.commit()
    repository.git("checkout", "-q", "-B", "mended")
    if stage.at_base:
        repository.write(stage.file, before)
        repository.write(
            "tests/conftest.py", "import here\n"
        )  # test code differs: the base's own is read, too
    else:
        repository.edit(stage.file, stage.old, stage.new)
    repository.commit()


def begun(repository, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--modelcheck-report", *more]
    return subprocess.Popen(
        command,
        cwd=repository.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=heed_interrupts,
    )


def left(repository) -> list[str]:
    return [line for line in repository.left_behind() if "modelcheck" in line]


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("name", STAGES)
def test_the_run_is_ended(repository, name, sent):
    """No report says anything, and nothing is left of it."""
    stage = STAGES[name]
    prepared(repository, stage)
    run = begun(repository, *(["--modelcheck-base=main"] if stage.at_base else []))
    place = repository.path.parent / "it"
    wait_for(place.exists, 90)
    run.send_signal(sent)
    out = run.communicate(timeout=60)[0].decode()
    assert run.returncode != 0, out
    wait_for(lambda: not is_running(int(place.read_text())))
    wait_for(lambda: left(repository) == [])
    path = repository.path / "modelcheck-report/report.json"
    record = json.loads(path.read_text()) if path.exists() else None
    assert record is None or (record["run"]["exit_status"], record["run"]["interrupted"]) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("stops", [False, True], ids=["killed", "stopped"])
@pytest.mark.parametrize("name", STAGES)
def test_a_process_of_the_run_is_ended(repository, name, stops):
    """The run goes on to its end. The check is an error with the reason; or, where it was measured and what the base
    demands is not known, a note has that.
    """
    stage = STAGES[name]
    prepared(repository, stage)
    repository.write("src/quick.py", "from pytest_modelcheck.model import apart\napart.STALLED = 3.0\n")
    repository.write("tests/conftest.py", "import here, quick")
    patience = ["-o", "modelcheck_base_timeout=20"] if stops else []
    run = begun(repository, *(["--modelcheck-base=main", *patience] if stage.at_base else []))
    place = repository.path.parent / "it"
    wait_for(place.exists, 90)
    process = int(place.read_text())
    os.kill(process, signal.SIGSTOP if stops else signal.SIGKILL)
    out = run.communicate(timeout=240)[0].decode()
    (check,) = repository.record()["checks"]
    assert check["outcome"] == stage.outcome, check["message"]
    assert run.returncode == (stage.outcome == "error"), out
    told = out.partition("what the base's own tests")[2] if stage.outcome == "pass" else check["message"]
    if stops and stage.at_base:
        assert "did not end within 20 s" in told
    if not stops:
        assert stage.words in told
    assert left(repository) == []
    assert not is_running(process)


DEATHS = {
    "aborts": "os.abort()",
    "reads_nowhere": "ctypes.string_at(0)",
    "exits": "os._exit(3)",
    "exits_well": "os._exit(0)",
    "is_killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "is_ended": "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)",
}


def deadly(way: str) -> str:
    return f"""
class {way.title()}(Net):
    def forward(self, x):
        {DEATHS[way]}

@pytest.mark.macs_budget({MACS})
@pytest.mark.params_budget("1 M")
@pytest.mark.modelcheck(model={way.title()}, input_size=(1, 3, 8, 8))
def test_{way}(): ...
"""


LIVES = f"""
@pytest.mark.macs_budget({MACS})
@pytest.mark.latency_budget("10 s")
@pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8))
def test_lives(): ...
"""
IMPORTS = "import ctypes, faulthandler, os, signal, time\nfaulthandler.disable()\n"


@pytest.mark.slow
@pytest.mark.parametrize("way", DEATHS)
def test_a_model_that_ends_the_run(project, way):
    """No report says that all was well, and no summary either; what pytest's status says is the model's doing."""
    folder = project.pytester.path / "modelcheck-report"
    project.tests(LIVES).run("--modelcheck-report")
    assert (folder / "report.json").exists()
    project.tests(IMPORTS + deadly(way))
    result = project.run("--modelcheck-report", subprocess=True)
    assert (result.ret == 0) == (way == "exits_well")
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore"]
    command = [sys.executable, "-m", "pytest_modelcheck", "summary", str(folder)]
    assert subprocess.run(command, capture_output=True).returncode == 2


@pytest.mark.slow
def test_models_that_end_their_workers(project):
    """Each is an error of its own; the others are measured, on the clock of their own thread."""
    project.tests(IMPORTS + "".join(map(deadly, DEATHS)) + LIVES)
    result = project.run("--modelcheck-report", "-n1", "--max-worker-restart=20", subprocess=True)
    record = project.record()
    assert result.ret == record["run"]["exit_status"] == 1
    outcomes: dict[str, list[Any]] = {}
    for check in record["checks"]:
        outcomes.setdefault(check["nodeid"].rpartition("::test_")[2], []).append(check)
    assert {*outcomes} == {*DEATHS, "lives"}
    for name, checks in outcomes.items():
        expected = ["pass", "pass"] if name == "lives" else ["error", "error"]
        assert [check["outcome"] for check in checks] == expected
        assert name == "lives" or all("died" in check["message"] for check in checks)
    (latency,) = (check for check in outcomes["lives"] if check["metric"] == "latency")
    assert "thread CPU time" in latency["value_text"]
    assert not [*Path(project.pytester.path).rglob(".modelcheck-*")]
