"""What moved or was renamed since the base stays gated, and what was gated and is not any more fails.

One run has all moves, each model of which has doubled; each row looks at one.
"""

from __future__ import annotations

import pytest

from ..base.test_moves import NET
from .repository import GitRepository

TEST = """
import pytest
{imported}

@pytest.mark.{marker}({limit}, model={model}, input_size=(1, 16))
def test_{name}(): ...
"""
FOLDER = """
import pytest

class {name}:
    @pytest.mark.flops_budget(max_regression="2%")
    def test_in_class(self): ...

    def test_by_fixture(self, modelcheck): ...
"""
CONFTEST = """
import pytest, torch
from {module} import {name}

@pytest.fixture
def model():
    return {name}()

@pytest.fixture
def example_inputs():
    return torch.zeros(1, 16)
"""
OTHER = """
from torch import nn

class Quite(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, 3), nn.GELU(), nn.LayerNorm(3), nn.Linear(3, 7), nn.Softmax(-1))

    def forward(self, inputs):
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs
"""


def net(name, width):
    return NET.format(name=name, width=width)


def a_test(name, imported, model="Net", limit='max_regression="2%"', marker="flops_budget"):
    return TEST.format(name=name, imported=imported, model=model, limit=limit, marker=marker)


BEFORE = {
    "plain.py": net("Net", 32),
    "tests/test_file.py": a_test("file", "from plain import Net"),
    "renamed.py": net("Mlp", 32) + "\nclass Other:\n    x = 1\n",
    "tests/test_renamed.py": a_test(
        "renamed", "from renamed import Mlp\ndef make():\n    return Mlp()", "make"
    ),
    "pack/__init__.py": "from .thing import Thing\n",
    "pack/thing.py": "from .root import Root\n\nclass Thing(Root): ...\n",
    "pack/root.py": net("Root", 32),
    "tests/test_package.py": a_test("package", "from pack import Thing", "Thing"),
    "large.py": net("Inner", 32) + "\ndef kept():\n    return 1\n",
    "tests/test_split.py": a_test("split", "from large import Inner, kept", "Inner"),
    "flat/__init__.py": "",
    "flat/core.py": net("Core", 32),
    "tests/conftest.py": CONFTEST.format(module="flat.core", name="Core"),
    "tests/test_class.py": FOLDER.format(name="TestCore"),
    "stays.py": net("Stays", 32),
    "tests/test_moved.py": a_test("moved", "from stays import Stays", "Stays"),
    "tests/test_names.py": a_test("called", "from stays import Stays", "Stays"),
    "tests/test_less.py": a_test("removed", "from stays import Stays", "Stays")
    + a_test("unmarked", "", "Stays", '"1 G"', "params_budget")
    + a_test("loosened", "", "Stays")
    + "@pytest.mark.skip(reason='later')\n@pytest.mark.params_budget(1e9, model=Stays)\ndef test_skipped(): ...\n",
    "old.py": net("Old", 32),
    "tests/test_lost.py": a_test("lost", "from old import Old", "Old"),
}
AFTER = {
    "lib/__init__.py": "",
    "lib/plain.py": net("Net", 64),
    "tests/test_file.py": a_test("file", "from lib import plain", "plain.Net"),
    "renamed.py": net("FeedForward", 64) + "\nclass Other:\n    x = 1\n",
    "tests/test_renamed.py": BEFORE["tests/test_renamed.py"].replace("Mlp", "FeedForward"),
    "core/__init__.py": "from .pack import Thing\n",
    "core/pack/__init__.py": "from .thing import Thing\n",
    "core/pack/thing.py": BEFORE["pack/thing.py"],
    "core/pack/root.py": net("Root", 64),
    "core/pack/more.py": "from ..pack.thing import Thing as Again\n",
    "tests/test_package.py": a_test("package", "from core import Thing", "Thing"),
    "large.py": "def kept():\n    return 1\n",
    "parts/inner.py": net("Inner", 64),
    "tests/test_split.py": a_test("split", "from large import kept\nfrom parts.inner import Inner", "Inner"),
    "src/flat/__init__.py": "",
    "src/flat/core.py": net("Core", 64),
    "tests/conftest.py": CONFTEST.format(module="flat.core", name="Core"),
    "tests/unit/test_class.py": FOLDER.format(name="TestModel"),
    "stays.py": net("Stays", 64),
    "tests/unit/test_moved.py": BEFORE["tests/test_moved.py"],
    "tests/test_names.py": a_test("renamed_test", "from stays import Stays", "Stays"),
    "tests/test_less.py": "import pytest\nfrom stays import Stays\ndef test_unmarked(): ...\n"
    + a_test("loosened", "", "Stays", 'max_regression="5%"')
    + "@pytest.mark.skip(reason='later')\n@pytest.mark.params_budget(1e9, model=Stays)\ndef test_skipped(): ...\n",
    "new.py": OTHER,
    "tests/test_lost.py": a_test("lost", "from new import Quite", "Quite"),
    "pytest.ini": "[pytest]\npythonpath = src\n",
}


# A module becomes a package, and tests say so: `import *` too.
SMALL = {
    "one.py": net("First", 32) + net("Second", 32),
    "tests/test_one.py": a_test("part", "from one import First, Second", "First")
    + a_test("other", "", "Second"),
    "box/__init__.py": "",
    "box/help.py": "WIDE = 1\n",
    "box/inside.py": "from .help import WIDE\n" + net("Inside", 32),
    "tests/test_inside.py": a_test("inside", "from box.inside import Inside", "Inside"),
    "single.py": net("Single", 32),
    "tests/test_star.py": a_test("star", "from single import Single", "Single"),
}
LARGE = {
    "one/__init__.py": "",
    "one/first.py": net("First", 64),
    "one/second.py": net("Second", 64),
    "tests/test_one.py": a_test("part", "from one.first import First\nfrom one import second", "First")
    + a_test("other", "", "second.Second"),
    "box/__init__.py": "",
    "box/help.py": "WIDE = 1\n",
    "box/inside/__init__.py": "",
    "box/inside/net.py": "from ..help import WIDE\n" + net("Inside", 64),
    "tests/test_inside.py": a_test("inside", "import box.inside.net", "box.inside.net.Inside"),
    "several/__init__.py": "from .single import *\n",
    "several/single.py": net("Single", 64) + OTHER,
    "tests/test_star.py": a_test("star", "from several import *", "Single") + a_test("fresh", "", "Quite"),
}


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """Of a run on the files of this tree, against those of the base."""
    repository = GitRepository(tmp_path_factory.mktemp("moves"))
    before = {**BEFORE, **SMALL}
    repository.hold(before)
    repository.commit()
    repository.hold({**AFTER, **LARGE}, instead_of=before)
    return repository.against_head()


MOVED = {
    "file": "lib.plain was plain at the base",
    "renamed": "renamed.FeedForward was renamed.Mlp at the base",
    "package": "core.pack was pack",
    "split": "parts.inner.Inner was large.Inner at the base",
    "in_class": "this test was tests/test_class.py::TestCore::test_in_class at the base",
    "moved": "this test was tests/test_moved.py::test_moved at the base",
    "renamed_test": "this test was tests/test_names.py::test_called at the base",
    "loosened": "",
}


@pytest.mark.parametrize(("name", "words"), MOVED.items())
def test_what_moved_is_gated_as_before_and_the_verdict_says_so(record, name, words):
    (check,) = (c for c in record["checks"] if c["nodeid"].endswith(f"::test_{name}"))
    assert check["outcome"] == "fail", check["message"]
    assert check["value"] == 2 * check["base"] == 4096
    assert words in check["message"]


@pytest.mark.parametrize("name", ["part", "other", "inside", "star"])
def test_a_module_that_has_become_a_package_is_gated_as_before(record, name):
    (check,) = (c for c in record["checks"] if c["nodeid"].endswith(f"::test_{name}"))
    assert check["outcome"] == "fail", check["message"]
    assert check["value"] == 2 * check["base"] == 4096


def test_a_new_name_that_a_star_brings_is_new(record):
    (check,) = (c for c in record["checks"] if c["nodeid"] == "tests/test_star.py::test_fresh")
    assert (check["outcome"], check["reason"]) == ("not gated", "new: the base has no several.Quite")


@pytest.mark.parametrize(("name", "metric"), [("removed", "flops"), ("unmarked", "params")])
def test_what_was_gated_and_is_not_fails(record, name, metric):
    (check,) = (c for c in record["checks"] if c["nodeid"] == f"tests/test_less.py::test_{name}")
    assert (check["outcome"], check["metric"], check["value"]) == ("fail", metric, None)
    assert check["reason"] == "was gated at the base, is not now"
    assert f"Modelcheck-Accept: tests/test_less.py::test_{name} removed: <why>" in check["message"]
    assert f"Modelcheck-Accept: tests/test_less.py::test_{name} removed: <why>" in record["out"]


def test_what_cannot_be_matched_prints_the_recipe(record):
    (check,) = (c for c in record["checks"] if c["nodeid"] == "tests/test_lost.py::test_lost")
    assert check["outcome"] == "error"
    assert "was gated at the base, is not now: the base has no new.Quite" in check["message"]
    assert "except ImportError:" in check["message"]


def test_what_differs_besides_is_told_and_a_skipped_test_is_not_gone(record):
    assert record["changes"]["gone"] == [
        "tests/test_less.py::test_removed",
        "tests/test_less.py::test_unmarked",
    ]
    notes = "\n".join(record["changes"]["notes"])
    assert "tests/test_less.py::test_loosened, FLOPs: limit was max 2 % above the base, is max 5 %" in notes
    assert "tests of tests/unit/test_class.py were in tests/test_class.py at the base" in notes
    assert "moved since the base: " in notes
    assert not [c for c in record["checks"] if "skipped" in c["nodeid"] and c["outcome"] == "fail"]
