"""Records of small models, as a run makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.model.subject import build_subject
from pytest_modelcheck.records.plain import plain
from pytest_modelcheck.records.recorder import Recorder
from pytest_modelcheck.records.run import RunRecord
from pytest_modelcheck.settings import Settings
from pytest_modelcheck.verdict.judge import judge
from pytest_modelcheck.verdict.limit import Limit
from pytest_modelcheck.verdict.measurement import Measurement

from ..catalogue import metric, note


def stack(*layers: nn.Module) -> nn.Sequential:
    """The layers between a first convolution and `flat`, named "1", "2", ..."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), *layers)
    model.add_module("flat", nn.Flatten())
    return model


def make_record(max_macs: float = 1e9, **models: nn.Module) -> dict[str, Any]:
    """A record of these models at 1x3x8x8, each with one MACs budget."""
    run = RunRecord()
    for name, model in models.items():
        torch.manual_seed(0)
        for module in model.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        subject = build_subject(model, input_size=(1, 3, 8, 8), name=name)
        nodeid = f"tests/test_it.py::test_{name}"
        recorder = Recorder(nodeid, default_registry().sections, settings=Settings(heatmaps="always"))
        recorder.subject(subject, f"model={name}")
        macs = ModelCheck(model, input_size=(1, 3, 8, 8)).complexity().macs
        limit = Limit(metric("macs"), max=max_macs, options={"phase": "forward"}, where="tests/test_it.py:3")
        note(recorder, judge("", limit, Measurement(macs)), subject)
        run.add(nodeid, plain(recorder.drain()))
    record: dict[str, Any] = plain(run.build(0, Path(".")))
    return record


@pytest.fixture(scope="session")
def base() -> dict[str, Any]:
    return make_record(net=stack(nn.ReLU()), gone=stack())
