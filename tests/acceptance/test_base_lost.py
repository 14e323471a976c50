"""What the base has and could not measure is an error, with the reason of that test; "new" is what it provably has not.

One run has all ways to lose a figure, a file for each; each row looks at one.
"""

from __future__ import annotations

import pytest

from .repository import GitRepository

NET = """
{top}
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {init}
        self.up = nn.Linear(16, 32)

    def forward(self, x):
        {forward}
        return self.up(x)
"""
TEST = """
import pytest
{imported}

@pytest.mark.flops_budget(max_regression="2%", model={model}, input_size=(1, 16))
def test_{name}(): ...
"""
FIXTURE = """
import pytest, torch

@pytest.fixture
def model():
    from fixture import Net
    return Net()

@pytest.fixture
def example_inputs():
    return torch.zeros(1, 16)

@pytest.mark.flops_budget(max_regression="2%")
def test_fixture(): ...
"""
BROKEN = {
    "imports": {"top": "import nothing_of_that_name"},
    "exits": {"top": "import sys; sys.exit(3)"},
    "leaves": {"top": "import pytest; pytest.exit('enough')"},
    "dies": {"top": "import os; os._exit(0)"},
    "syntax": {"top": "def ("},
    "factory": {"init": "raise ValueError('no weights')"},
    "forward": {"forward": "raise ValueError('bad shape')"},
    "killed": {"forward": "import os; os.kill(os.getpid(), 9)"},
    "fixture": {"init": "raise RuntimeError('the fixture broke')"},
}


def net(top="", init="pass", forward="pass"):
    return NET.format(top=top, init=init, forward=forward)


def a_test(name, model="Net", imported=None):
    return TEST.format(name=name, model=model, imported=imported or f"from {name} import Net")


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    repository = GitRepository(tmp_path_factory.mktemp("lost"))
    for name, how in BROKEN.items():
        repository.write(f"{name}.py", net(**how))
        repository.write(f"test_{name}.py", FIXTURE if name == "fixture" else a_test(name))
    repository.write("sound.py", net() + "\ndef build():\n    return Net()\n")
    repository.write("test_sound.py", a_test("sound"))
    repository.write("test_fell.py", "import os\nos.kill(os.getpid(), 9)\n")
    repository.git("add", "-A")
    repository.git("commit", "-qm", "base")
    repository.git("rm", "-q", "test_fell.py")
    for name in BROKEN:
        repository.write(f"{name}.py", net())
    repository.edit("sound.py", "def build():", "class New(Net): ...\n\ndef build(width=1):")
    repository.write("fresh.py", net())
    repository.write(
        "test_sound.py",
        a_test("sound", imported="from sound import Net, New")
        + a_test("new_name", "New", "import functools, sound")
        + a_test("new_attribute", "lambda: sound.New()", "import sound")
        + a_test("new_parameter", "functools.partial(sound.build, width=2)", "import sound")
        + a_test("new_module", "fresh.Net", "import fresh"),
    )
    repository.write("test_of_a_broken_one.py", a_test("late", imported="from factory import Net"))
    repository.write(
        "test_skipped.py",
        "import pytest, sound\nif not hasattr(sound, 'New'):\n    pytest.skip('too old', allow_module_level=True)\n"
        + a_test("skipped", "sound.Net", "import sound"),
    )
    return repository.against_head()


ROWS = {
    "imports": ("error", "ModuleNotFoundError: No module named 'nothing_of_that_name' (imports.py:2)"),
    "exits": ("error", "SystemExit: 3"),
    "leaves": ("error", "Exit: enough"),
    "dies": ("error", "ended with status 0 while it was at test_dies.py"),
    "syntax": ("error", "SyntaxError: invalid syntax (syntax.py, line 2)"),
    "factory": ("error", "ValueError: no weights (factory.py:8)"),
    "forward": ("error", "ValueError in its forward: bad shape"),
    "killed": ("error", "was killed by signal 9 while it was at test_killed.py::test_killed"),
    "fixture": ("error", "RuntimeError: the fixture broke (fixture.py:8)"),
    "late": ("error", "ValueError: no weights (factory.py:8)"),  # a new test of a model that the base has
    "sound": ("pass", ""),
    "new_name": ("not gated", "new: the base has no sound.New"),
    "new_attribute": ("not gated", "new: the base has no sound.New"),
    "new_parameter": ("not gated", "new: the base has no parameter: build() got an unexpected keyword"),
    "new_module": ("not gated", "new: the base has no fresh.Net"),
    "skipped": ("not gated", "new: skipped at the base: too old"),
}


@pytest.mark.parametrize(("name", "outcome", "words"), [(name, *row) for name, row in ROWS.items()])
def test_a_figure_that_is_missing_at_the_base(record, name, outcome, words):
    assert record["status"] == 1
    (check,) = (c for c in record["checks"] if c["nodeid"].endswith(f"::test_{name}"))
    assert check["outcome"] == outcome, check["message"]
    assert words in (check["message"] if outcome == "error" else check["reason"]), check["message"]
    others = [row[1] for row in ROWS.values() if row[1] and row[1] not in words and words not in row[1]]
    assert not [text for text in others if text in check["message"]]


def test_new_among_the_changes_is_what_the_base_has_not(record):
    """A subject whose test could not be measured at the base is none of these."""
    new = {s["name"] for s in record["changes"]["subjects"] if s["status"] == "new"}
    tests = {n.rpartition("::test_")[2] for s in record["subjects"] if s["name"] in new for n in s["nodeids"]}
    assert tests
    assert tests <= {name for name, row in ROWS.items() if row[0] == "not gated"}


def test_what_reading_the_bases_own_tests_died_of_is_told(record):
    (note,) = (line for line in record["changes"]["notes"] if "demand is not known" in line)
    assert note.startswith(
        "what the base's own tests in test_fell.py demand is not known: the process for collecting"
    )
    assert "was killed by signal 9 while it was at test_fell.py" in note
