"""Results in a notebook: that of the documentation runs and shows all of them, as the report does, without scripts."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import nbclient
import nbformat
import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck, checks
from pytest_modelcheck.checks.complexity.table import Summary
from pytest_modelcheck.checks.reported import Reported
from pytest_modelcheck.verdict.judge import Verdict

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebooks" / "modelcheck.ipynb"
UNCALLED = {"show", "shufflenet_mac"}  # the one needs a test around it, the other gives a dict
HOSTILE = "<img src=x onerror=alert(1)>"


def cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(cell):
    """What a cell puts out: `stream`, or the types of what it shows."""
    return [(one.output_type, *sorted(one.get("data", ()))) for one in cell.outputs]


def shown(notebook):
    """What its cells show: HTML by the name of the class."""
    data = [
        one.data for cell in cells(notebook) for one in cell.outputs if "text/html" in one.get("data", ())
    ]
    return {one["text/plain"].partition("(")[0]: one["text/html"] for one in data}


def descendants(kind):
    return {kind.__name__, *(name for one in kind.__subclasses__() for name in descendants(one))}


def results():
    """The classes of results: those of checks, and two of others."""
    for module in pkgutil.walk_packages(checks.__path__, f"{checks.__name__}."):
        importlib.import_module(module.name)
    return descendants(Reported) | {Summary.__name__, Verdict.__name__}


def returned():
    """The names of the classes that the methods of a ModelCheck return, by method."""
    methods = {name: one for name, one in vars_of(ModelCheck) if not name.startswith("_")}
    return {
        name: set(re.findall(r"\w+", str(inspect.signature(one).return_annotation))) - {"None", "Loop"}
        for name, one in methods.items()
        if name not in UNCALLED
    }


def vars_of(kind):
    return inspect.getmembers(kind, inspect.isfunction)


@pytest.fixture(scope="module")
def stored():
    return nbformat.read(NOTEBOOK, 4)


def test_it_runs_and_puts_out_what_is_stored():
    notebook = nbformat.read(NOTEBOOK, 4)
    expected = [kinds(cell) for cell in cells(notebook)]
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert [kinds(cell) for cell in cells(notebook)] == expected


def test_it_shows_each_kind_of_result(stored):
    assert set.union(*returned().values()) <= shown(stored).keys()


def test_it_is_stored_executed_small_and_knows_no_machine(stored):
    assert all(cell.execution_count for cell in cells(stored))
    assert NOTEBOOK.stat().st_size < 300_000
    assert not re.search(r"/(home|root|work|tmp|Users|usr)/", NOTEBOOK.read_text("utf-8"))


def test_what_it_shows_needs_no_script_and_no_page(stored):
    for name, html in shown(stored).items():
        assert not re.search(r"<script|href=\"#|report\.json|>None<", html), name


@pytest.mark.parametrize("name", sorted(returned()))
def test_what_a_method_returns_is_shown(name):
    assert returned()[name] <= results()


def hostile():
    net = type(HOSTILE, (nn.Sequential,), {})(nn.Conv2d(1, 2, 3))
    net.add_module(HOSTILE, nn.ReLU())
    net.add_module("head", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3)))
    return ModelCheck(net, torch.rand(2, 1, 8, 8), name=HOSTILE)


@pytest.mark.parametrize(
    "measure",
    [
        lambda check: check.complexity(),
        lambda check: check.summary(),
        lambda check: check.structure(autograd=True),
        lambda check: check.weights(),
        lambda check: check.outputs(),
        lambda check: check.drift("repeated"),
        lambda check: check.gradcam(layer=HOSTILE, classes=[HOSTILE] * 3),
        lambda check: check.peak_memory(),
        lambda check: check.profile(),
    ],
    ids=[
        "complexity",
        "summary",
        "structure",
        "weights",
        "outputs",
        "drift",
        "gradcam",
        "peak_memory",
        "profile",
    ],
)
def test_names_are_escaped_and_the_style_keeps_to_itself(measure):
    html = measure(hostile())._repr_html_()
    assert HOSTILE not in html
    assert "<section" in html
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.S)
    assert style.startswith(".modelcheck {")
    assert style.count("{") == style.count("}")
