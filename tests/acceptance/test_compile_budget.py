"""`compile_budget` from outside: what it says, and what it refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ..features import DYNAMO_SAYS_ALL

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.calls = nn.Linear(4, 4), 0

    def forward(self, x):
        self.calls += 1
        x = self.fc(x)
        print("shape", x.shape)
        return x * self.calls

class Good(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(x)

class Loop(Good):
    def forward(self, x):
        for i in range(2):
            x = self.fc(x)
            print(i)
        return x

class Off(Good):
    @torch.compiler.disable
    def forward(self, x):
        return self.fc(x)

def scripted():
    return torch.jit.script(Good())
"""
TESTS = """
import pytest
from nets import Good, Loop, Net, Off, scripted

def on(model):
    return pytest.mark.modelcheck(model=model, input_size=(3, 4))

@on(Net)
@pytest.mark.compile_budget(graph_breaks=0, recompiles=0)
def test_net(): ...

@on(Good)
@pytest.mark.compile_budget(graph_breaks=0, recompiles=1, graphs=1, sizes=[(5, 4), (7, 4)])
def test_good(): ...

@on(Good)
@pytest.mark.compile_budget(recompiles=0, sizes=[(5, 4)])
def test_automatic(): ...

@on(Loop)
@pytest.mark.compile_budget(graph_breaks=3, recompiles=0)
def test_loop(): ...

@on(Off)
@pytest.mark.compile_budget(graph_breaks=1, recompiles=0)
def test_off(): ...

@on(scripted)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.compile_budget(graph_breaks=9)
def test_scripted(): ...
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run of all of them says, in a worker of xdist, which has threads."""
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "nets.py").write_text(NET)
    (folder / "test_nets.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-n2", "-rA", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_outcomes(ran: str) -> None:
    """torch 2.6 does not say that it looks into no TorchScript, so that what it tells is no count of breaks."""
    red = ("4 error", "4 fail") if DYNAMO_SAYS_ALL else ("5 error", "3 fail")
    counts = ("11 checks: ", "3 pass", *red)
    assert all(words in ran for words in counts), ran
    assert "PASSED test_nets.py::test_good" in ran
    assert "1 passed" in ran


@pytest.mark.parametrize(
    "words",
    [
        'nets.py:13: print("shape", x.shape): '
        + ("Failed to trace builtin operator" if DYNAMO_SAYS_ALL else "builtin: print"),
        "leave it out while compiling",
        "a second call with the example: forward (nets.py:10): self.calls == 0",
        "keep the attribute calls as it is",
        "1 is automatic dynamic: pass dynamic=True",
        "Good: recompiles (5x4)",
        "forward (nets.py:25) runs eagerly as a whole: "
        + ("graph break in loop" if DYNAMO_SAYS_ALL else "dynamo cannot go on after a break in it"),
        "runs eagerly as a whole: it is disabled for torch.compile (torch.compiler.disable)",
        *(
            (
                "graph breaks not compilable, max 9",
                "more than any limit",
                "torch: RuntimeError: torch.compile does not support compiling torch.jit.script",
            )
            if DYNAMO_SAYS_ALL
            else ("it is TorchScript, which dynamo does not look into",)
        ),
    ],
)
def test_messages(words: str, ran: str) -> None:
    assert words in ran, ran


MISTAKES = [
    ("compile_budget()", "no limit; give one, for example compile_budget(graph_breaks=0, recompiles=0)"),
    ("compile_budget(0)", "nothing can be given without a keyword"),
    ("compile_budget(graph_break=0)", "did you mean 'graph_breaks'?"),
    ("compile_budget(graph_breaks=-1)", "a limit cannot be negative"),
    ("compile_budget(graph_breaks='2')", "has no unit"),
    ("compile_budget(graphs=1, sizes=(2, 4))", "is one shape; write a list of shapes"),
    ("compile_budget(graphs=1, sizes=['2x4'])", "are no shapes"),
    ("compile_budget(graphs=1, dynamic='yes')", "dynamic='yes' is not one of None, True, False"),
    ("compile_budget(graphs=1, dynamic=1)", "dynamic=1 is not one of None, True, False"),
    ("compile_budget(graph_breaks=0.5)", "graph_breaks=0.5 is not a whole number"),
]


def test_mistakes_are_told_at_collection(pytester: pytest.Pytester) -> None:
    tests = [f"@pytest.mark.{marker}\ndef test_{n}(): ..." for n, (marker, _) in enumerate(MISTAKES)]
    pytester.makepyfile("\n".join(["import pytest", *tests]))
    done = pytester.runpytest_inprocess("--collect-only")
    assert done.ret == 2
    told = " ".join(done.outlines)
    assert [words for _, words in MISTAKES if words not in told] == [], done.outlines
