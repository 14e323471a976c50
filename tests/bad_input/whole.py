"""Records in which as many sections as possible have something, of a base and of what became of it."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.model.subject import build_subject
from pytest_modelcheck.records.plain import plain
from pytest_modelcheck.records.recorder import Recorder
from pytest_modelcheck.records.run import RunRecord
from pytest_modelcheck.settings import Settings
from pytest_modelcheck.verdict.judge import judge
from pytest_modelcheck.verdict.limit import Limit, Place
from pytest_modelcheck.verdict.measurement import Contributor, Measurement

from ..base.conftest import stack
from ..catalogue import REGISTRY, Base, metric, note

SIZE = (1, 3, 8, 8)


def _keep_all(check: ModelCheck) -> None:
    """What a test may have its sections of the report from."""
    other = ModelCheck(stack(nn.ReLU()), input_size=SIZE)
    states = {str(step): check.subject.module.state_dict() for step in range(2)}
    check.latency(cap=0.02)
    check.profile()
    check.onnx()
    check.compile()
    heatmap = check.gradcam(target=1, layer="0")
    check.faithfulness(heatmap, steps=2)
    check.invariance("rotation", values=(0, 10), target=1)
    check.feature_evolution(states)
    check.strongest_activations()
    check.outputs()
    check.drift(other)
    check.deconvnet()
    check.structure(autograd=True)
    check.weights(against=other)
    check.show("a table", [{"a": 1}, {"b": "two"}])
    check.show("a text", "words")


def _record(max_macs: float, whole: bool, **models: nn.Module) -> dict[str, Any]:
    run = RunRecord()
    for name, model in models.items():
        torch.manual_seed(0)
        subject = build_subject(model, torch.rand(SIZE), name=name)
        nodeid = f"tests/test_it.py::test_{name}"
        recorder = Recorder(nodeid, REGISTRY.sections, settings=Settings(heatmaps="always"))
        recorder.subject(subject, f"model={name}")
        check = ModelCheck._of(subject, recorder)
        if whole:
            _keep_all(check)
        cost = check.complexity()
        limit = Limit(metric("macs"), max=max_macs, options={"phase": "forward"}, where="tests/test_it.py:3",
                      place=Place(nodeid, "macs_budget"))  # fmt: skip
        measured = Measurement(cost.macs, contributors=(Contributor("0", cost.macs),))
        note(recorder, judge("", limit, measured), subject)
        run.add(nodeid, plain(recorder.drain()))
    made: dict[str, Any] = plain(run.build(0, Path(".")))
    return made


@functools.cache
def records() -> tuple[dict[str, Any], dict[str, Any]]:
    """A base, and a run that was compared with it."""
    base = _record(1e9, False, net=stack(nn.ReLU()), gone=stack())
    head = _record(10, True, net=stack(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()))
    Base(base).tell(head)  # type: ignore[arg-type]
    return json.loads(json.dumps(base)), json.loads(json.dumps(plain(head)))
