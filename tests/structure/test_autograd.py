"""Autograd's graph: what it holds for a network whose backward one can write down."""

import re
import shutil
import subprocess

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck


class Net(nn.Module):
    """A frozen stem, a residual block, a layer whose output nobody uses."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(4, 4).requires_grad_(False)
        self.body = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        self.spare = nn.Linear(4, 4)

    def forward(self, x):
        x = self.stem(x)
        self.spare(x)
        return x * 2 + self.body(x)


@pytest.fixture(scope="module")
def graph():
    return ModelCheck(Net(), input_size=(2, 4)).structure(autograd=True).autograd


def test_parameters_are_trained_frozen_or_not_reached(graph):
    assert graph.parameters == {
        "stem.weight": "frozen",
        "stem.bias": "frozen",
        "body.0.weight": "trained",
        "body.0.bias": "trained",
        "spare.weight": "not reached",
        "spare.bias": "not reached",
    }


def test_the_functions_are_those_of_the_backward_in_the_modules_that_made_them(graph):
    made = {node.function: graph.scopes[node.scope].module for node in graph.nodes if not node.parameter}
    assert made == {
        "AddBackward0": "",
        "ReluBackward0": "body.1",
        "AddmmBackward0": "body.0",
        "TBackward0": "body.0",
    }
    assert {node.parameter for node in graph.nodes} - {""} == {"body.0.weight", "body.0.bias"}
    assert all(feed < number for number, node in enumerate(graph.nodes) for feed in node.feeds)


def test_the_model_is_left_as_it_was():
    net = Net()
    ModelCheck(net, input_size=(2, 4)).structure(autograd=True)
    assert all(parameter.grad is None for parameter in net.parameters())


@pytest.mark.parametrize("what", ["structure", "autograd"])
def test_graphviz_reads_the_text(what):
    structure = ModelCheck(Net(), input_size=(2, 4)).structure(autograd=True)
    text = structure.to_dot() if what == "structure" else structure.autograd.to_dot()
    values = re.findall(r"=([^,\];\s]+)", re.sub(r'"(?:[^"\\]|\\.)*"', "quoted", text))
    assert values
    assert all(re.fullmatch(r"[A-Za-z_]\w*", value) for value in values), values
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=True)


def test_a_deep_network_needs_no_deep_recursion():
    deep = nn.Sequential(*(nn.Linear(1, 1) for _ in range(2000)))
    graph = ModelCheck(deep, torch.zeros(1, 1)).structure(autograd=True).autograd
    assert set(graph.parameters.values()) == {"trained"}
