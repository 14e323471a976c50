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
TEXTS = [
    (path.relative_to(PACKAGE).as_posix(), node.value)
    for path in sorted(PACKAGE.rglob("*.py"))
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
]


@pytest.mark.parametrize(
    ("file", "name"),
    sorted({(f, name) for f, text in TEXTS for name in CALLS.findall(text)}),
)
def test_a_method_that_a_text_names_is_there(file, name):
    assert hasattr(ModelCheck, name)


@pytest.mark.parametrize("name", sorted({name for _, text in TEXTS for name in FLAGS.findall(text)}))
def test_an_option_that_a_text_names_is_there(name):
    assert name.replace("-", "_") in {option.name for option in OPTIONS if option.help}


def test_no_text_names_an_object_that_the_user_has_not():
    assert [(file, text) for file, text in TEXTS if re.search(r"(?<![\w.])check\.[a-z_]+\(", text)] == []
