"""Optional packages: without one, whatever needs it says the command that installs it, and all else runs.

Packages that are not installed are really absent (`nox -s bare`), those that are there are hidden.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck, ModelCheckError

from .conftest import FIXTURES

COMMANDS = {
    "torchvision": 'pip install "pytest-modelcheck[vision]"',
    "onnx": 'pip install "pytest-modelcheck[onnx]"',
    "onnxscript": 'pip install "pytest-modelcheck[onnx]"',
    "onnxruntime": 'pip install "pytest-modelcheck[onnx]"',
    "libcst": 'pip install "pytest-modelcheck[update]"',
    "safetensors": "pip install safetensors",
    "timm": "pip install timm",
    "transformers": "pip install transformers",
}
ABSENT = os.environ.get("MODELCHECK_ABSENT", "").split()  # as the session says
EXPORT = ("onnx", "onnxscript", "onnxruntime")


def hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """As if it were not installed: it cannot be imported, nor found."""
    if package in ABSENT:
        assert find_spec(package) is None
        return
    parts = [name for name in sys.modules if name.startswith(f"{package}.")]
    for name in (package, *parts):
        monkeypatch.setitem(sys.modules, name, None)
    assert find_spec(package) is None


def assert_told(text: str, package: str) -> None:
    """Of several that are absent the first is named."""
    assert any(f"needs {one}" in text for one in (package, *ABSENT))
    assert f"Install it with: {COMMANDS[package]}" in text


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(8, 2))


def check(model: object = None) -> ModelCheck:
    return ModelCheck(model or net(), torch.ones(1, 3, 4, 4))


CALLS = {
    "a spec": (("torchvision",), lambda: check("torchvision:resnet18").complexity()),
    "a spec of timm": (("timm",), lambda: check("timm:resnet18").complexity()),
    "a spec of transformers": (("transformers",), lambda: check("transformers:BertConfig").complexity()),
    "an export": (EXPORT, lambda: check().onnx()),
    "drift against an export": (EXPORT, lambda: check().drift("onnx")),
    "a checkpoint": (("safetensors",), lambda: check().feature_evolution(["a.safetensors", "b.safetensors"])),
}


def each(table: dict[str, tuple[Sequence[str], object]]) -> list[object]:
    """A parameter for each package of each row."""
    return [
        pytest.param(package, given, id=f"{what} without {package}")
        for what, (packages, given) in table.items()
        for package in packages
    ]


@pytest.mark.parametrize(("package", "call"), each(CALLS))
def test_a_method_says_what_to_install(monkeypatch, tmp_path, package, call):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / f"{name}.safetensors").touch()
    hide(monkeypatch, package)
    with pytest.raises(ModelCheckError) as caught:
        call()
    assert_told(str(caught.value), package)


RUNS = {
    "a marker's model": (
        ("torchvision",),
        ('@pytest.mark.modelcheck(model="torchvision:resnet18")\n@pytest.mark.params_budget("1 G")', ()),
    ),
    "a marker": (EXPORT, ("@pytest.mark.onnx_export()", ())),
    "a marker of drift": (EXPORT, ('@pytest.mark.drift_budget("1 %", against="onnx")', ())),
    "an option": (("torchvision",), ("", ("--modelcheck-model=torchvision:resnet18",))),
    "a model without tests": (
        EXPORT,
        ("", ("--modelcheck-model=nets:net", "--modelcheck-input-size=1,3,8,8", "-rs", "-konnx")),
    ),
    "limits to write": (("libcst",), ("@pytest.mark.params_budget()", ("--modelcheck-update-budgets",))),
    "limits to lower": (
        ("libcst",),
        ('@pytest.mark.params_budget("1 M")', ("--modelcheck-tighten-budgets",)),
    ),
}


@pytest.mark.parametrize(("package", "given"), each(RUNS))
def test_a_run_says_what_to_install(project, monkeypatch, package, given):
    marks, options = given
    project.tests(f"{FIXTURES}\n{marks}\ndef test_it(): pass\n")
    hide(monkeypatch, package)
    result = project.run(*options)
    text = f"{result.stdout}\n{result.stderr}"
    assert_told(text, package)
    assert "Traceback" not in text


def test_init_says_what_to_install(monkeypatch, capsys):
    from pytest_modelcheck.cli import main

    hide(monkeypatch, "torchvision")
    assert main(["init", "torchvision:resnet18"]) != 0
    assert COMMANDS["torchvision"] in capsys.readouterr().err


def test_all_else_runs_without_any(project, monkeypatch):
    project.tests(
        FIXTURES
        + """
@pytest.mark.flops_budget("1 MFLOPs")
@pytest.mark.params_budget("1 M")
@pytest.mark.peak_memory_budget("1 MiB")
@pytest.mark.latency_budget("10 s")
@pytest.mark.compile_budget(graph_breaks=0)
def test_budgets(model): pass

def test_methods(modelcheck, structure_snapshot):
    modelcheck.gradcam(target=0), modelcheck.outputs(), modelcheck.weights(), modelcheck.structure()
"""
    )
    for package in COMMANDS:
        hide(monkeypatch, package)
    project.run("--modelcheck-report").assert_outcomes(passed=2)
    (subject,) = project.record()["subjects"]
    assert {"complexity", "structure"} <= set(subject)
