"""What messages and documentation name is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import pytest_modelcheck
from pytest_modelcheck import ModelCheck
from pytest_modelcheck.plugin.options import OPTIONS

PACKAGE = Path(pytest_modelcheck.__file__).parent
CALLS = re.compile(r"\b(?:modelcheck|ModelCheck)\.([a-z_]+)(?=[(`. ,])")
FLAGS = re.compile(r"--modelcheck-([a-z-]+[a-z])")


@pytest.fixture(scope="module")
def texts():
    """The file and the text of each string of the package."""
    return [
        (path.relative_to(PACKAGE).as_posix(), node.value)
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_each_method_that_a_text_names_is_there(texts):
    named = {(file, name) for file, text in texts for name in CALLS.findall(text)}
    assert len(named) > 10
    assert sorted(one for one in named if not hasattr(ModelCheck, one[1])) == []


def test_each_option_that_a_text_names_is_there(texts):
    named = {name for _, text in texts for name in FLAGS.findall(text)}
    assert len(named) > 10
    assert named <= {option.name.replace("_", "-") for option in OPTIONS if option.help}


def test_no_text_names_an_object_that_the_user_has_not(texts):
    assert [(file, text) for file, text in texts if re.search(r"(?<![\w.])check\.[a-z_]+\(", text)] == []
