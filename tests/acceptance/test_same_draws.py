"""Base and head are the same commit: nothing has changed, whatever draws, from wherever, before and between."""

import pytest

KINDS = """
import random
import numpy, pytest, torch
from torch import nn
{head}

class Small(nn.Module):  # drawn from all three generators
    def __init__(self, width=4):
        super().__init__()
        self.drawn = nn.Parameter(torch.rand(8, width))
        self.numpy = nn.Parameter(torch.tensor(numpy.random.rand(8, width)).float())
        self.python = nn.Parameter(torch.tensor([random.random() for _ in range(8)]))

    def forward(self, x):
        return x @ (self.drawn + self.numpy) + self.python.sum()

@pytest.fixture(scope="session")
def backbone(): return Small()
@pytest.fixture(scope="class")
def of_class(backbone): return nn.Sequential(Small(), nn.Linear(4, 4))
@pytest.fixture(scope="session")
def shared(backbone): return nn.Sequential(backbone, nn.Linear(4, 4))
@pytest.fixture
def model(backbone): return nn.Sequential(backbone, nn.Linear(4, 3))
@pytest.fixture
def example_inputs(): return torch.rand(1, 8) + torch.tensor(numpy.random.rand(1, 8)).float()
@pytest.fixture(params=[2, 4])
def widths(request): return Small(request.param)
@pytest.fixture
def factory(): return lambda: Small()
@pytest.fixture(scope="module")
def hidden(): return Small()
@pytest.fixture
def dynamic(request): return nn.Sequential(request.getfixturevalue("hidden"), nn.Linear(4, 4))
@pytest.fixture(params=['hidden'])
def named(request): return nn.Sequential(request.getfixturevalue(request.param), nn.Linear(4, 4))
@pytest.fixture
def late(request): return lambda: nn.Sequential(request.getfixturevalue("hidden"), nn.Linear(4, 4))
STORE = {{}}
@pytest.fixture(autouse=True)
def store(): STORE["net"] = Small()
@pytest.fixture
def stored(): return STORE["net"]
"""
TESTS = """
import random
import numpy, pytest, torch
from conftest import Small
{head}
HERE = Small()

def test_first(shared{more}):
    torch.rand(3), numpy.random.rand(900), random.random()

def test_seeds():
    torch.manual_seed(3), numpy.random.seed(3), random.seed(3)

@pytest.mark.parametrize("again", range(2))
@pytest.mark.macs_budget("1 GMACs")
def test_model(again):
    torch.rand(3), numpy.random.rand(900), random.random()

""" + "\n".join(
    f"@pytest.mark.macs_budget('1 GMACs', model={model}, inputs=lambda: torch.rand(1, 8), name='{name}')\n"
    f"def test_{name}(): torch.rand(7), numpy.random.rand(7), random.random()\n"
    for name, model in {
        **{
            name: repr(name)
            for name in ("shared", "of_class", "widths", "factory", "dynamic", "named", "late", "stored")
        },
        "klass": "Small",
        "function": "lambda: Small()",
        "module": "HERE",
    }.items()
)
SEEDS = "torch.manual_seed(5); numpy.random.seed(5); random.seed(5)"
AUTOUSE = f"@pytest.fixture(scope='{{scope}}', autouse=True)\ndef seeds(): {SEEDS}"
WAYS = {
    "nobody": {},
    "conftest": {"conftest": SEEDS},
    "test file": {"tests": SEEDS},
    "configure": {"conftest": f"def pytest_configure(): {SEEDS}"},
    "each test": {"conftest": f"def pytest_runtest_setup(): {SEEDS}"},
    "session": {"conftest": AUTOUSE.format(scope="session")},
    "module": {"conftest": AUTOUSE.format(scope="module")},
    "function": {"conftest": AUTOUSE.format(scope="function")},
    "numpy alone": {"conftest": "numpy.random.seed(5)"},
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_changed(repository, way):
    heads = WAYS[way]
    repository.write("tests/conftest.py", KINDS.format(head=heads.get("conftest", "")))
    repository.write(
        "tests/test_net.py",
        TESTS.format(head=heads.get("tests", ""), more=", hidden" if way == "nobody" else ""),
    )
    repository.commit()
    done = repository.run("--modelcheck-report", "--modelcheck-strict", base="HEAD", apart=True)
    assert done.returncode == 0, done.out
    changes = repository.record()["changes"]
    changed = [one["name"] for one in changes["subjects"] if one["status"] != "unchanged"]
    assert not changed, done.out[done.out.find("changes since") :]
