"""Base and head with the head's weights in both, by what the worker and the run exchange."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.outputs import base
from pytest_modelcheck.checks.outputs.changes import in_words
from pytest_modelcheck.errors import UngatedError
from pytest_modelcheck.model.subject import Subject

from .planted import Planted, made
from .planted_kinds import PLANTED_KINDS

SAME = "the same, bit for bit (head's weights in both)"
CODE = [p for p in PLANTED_KINDS if p.change in ("softmax over the batch", "a layer more", "the norm first")]


def subject(model: nn.Module, *inputs: Tensor) -> Subject:
    return ModelCheck(model, inputs).subject


def told(head: Subject, old: Subject) -> tuple[str, str]:
    """The line of every run, and how far both are apart as they stand."""
    (entry,) = base.between(head, base.facts(old), base.facts(head), asks(old))["drift"]
    return in_words(entry), entry["stands"]


def asks(old: Subject) -> Callable[[str, dict], dict]:
    return lambda section, given: base.answer_head(old, given)


def refuse(section: str, given: object) -> dict:
    raise AssertionError("the worker is asked though all is the same")


def test_nobody_is_asked_where_all_is_the_same():
    model, inputs = made("cells")
    head, old = subject(model, *inputs), subject(copy.deepcopy(model), *inputs)
    calls: list[int] = []
    for side in (head, old):
        side.module.register_forward_hook(lambda *_: calls.append(1))
    (entry,) = base.between(head, base.facts(old), base.facts(head), refuse)["drift"]
    assert in_words(entry) == SAME
    assert len(calls) == 2  # one forward each


def test_layers_renamed_have_the_heads_weights():
    class New(type(made("cells")[0])):
        def __init__(self) -> None:
            super().__init__()
            self.top = self._modules.pop("head")

        def forward(self, x: Tensor) -> Tensor:
            self.head = lambda state: self.top(state)  # a module would be another layer
            return super().forward(x)

    old, inputs = made("cells")
    line, stands = told(subject(New(), *inputs), subject(old, *inputs))
    assert line == SAME
    assert stands.startswith("as they stand, with 6 tensors of its weights of the base's own: ")


@pytest.mark.parametrize("planted", CODE, ids=[p.change for p in CODE])
def test_names_the_module_that_changed(planted: Planted):
    model, inputs = made(planted.model)
    new = copy.deepcopy(model)
    torch.manual_seed(3)
    planted.plant(new)
    assert told(subject(new, *inputs), subject(model, *inputs))[0].endswith(f"; first at {planted.named}")


def test_weights_alone_are_told_as_such():
    model, inputs = made("masked")
    new = copy.deepcopy(model)
    new.v.weight.data.mul_(1.01)
    line, stands = told(subject(new, *inputs), subject(model, *inputs))
    assert line == SAME
    assert "1 tensor of its weights" in stands


def test_other_inputs_are_refused():
    model, inputs = made("masked")
    with pytest.raises(UngatedError, match="the inputs differ: "):
        base.drift_from_base(subject(model, *inputs), asks(subject(model)))
