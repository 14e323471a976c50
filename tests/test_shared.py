"""One model in many tests is measured once; a model that changed in between is measured again."""

import gc
import weakref

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck, register_formula
from pytest_modelcheck.checks.complexity.measure import count
from pytest_modelcheck.model import shared as sharing
from pytest_modelcheck.model.subject import build_subject

from .test_digest import BY_VALUE, CHANGES, Net, settings
from .test_held import METHODS, own_lock

FIXTURES = settings, own_lock  # used by all tests here


@pytest.fixture
def measured():
    """A measurement that depends on values, and how often it was made."""
    made = []

    @sharing.shared()
    def measure(subject, **options):
        made.append(options)
        return len(made)

    return measure, made


def test_a_thousand_checks_of_one_model_measure_it_once(monkeypatch):
    model, runs = Net(), []
    monkeypatch.setattr(
        nn.Linear, "forward", lambda self, x: (runs.append(1), nn.functional.linear(x, self.weight))[1]
    )
    checks = [ModelCheck(model, torch.ones(4, 200)) for _ in range(1000)]
    results = [check.complexity() for check in checks]
    assert len({result.macs for result in results}) == 1
    assert (
        len({id(result) for result in results}) == 1000
    )  # each has its own: whose it is is remembered with it


@pytest.mark.parametrize("change", [*CHANGES.values(), *BY_VALUE.values()], ids=[*CHANGES, *BY_VALUE])
def test_a_model_that_changed_is_measured_again(measured, change):
    measure, _ = measured
    model = Net()
    subject = build_subject(model, torch.ones(4, 200))
    assert measure(subject) == measure(subject) == 1
    if change is CHANGES["a hook of all modules"] or change in list(BY_VALUE.values())[2:]:
        return  # nobody drew: where the generators stand is no part of it
    change(model)
    assert measure(subject) == 2
    assert measure(subject) == 2


def test_options_and_inputs_belong_to_it(measured):
    measure, _ = measured
    model = Net()
    assert measure(build_subject(model, torch.ones(4, 200)), phase="forward") == 1
    assert measure(build_subject(model, torch.ones(4, 200)), phase="forward") == 1
    assert measure(build_subject(model, torch.ones(4, 200)), phase="backward") == 2
    assert measure(build_subject(model, torch.zeros(4, 200)), phase="forward") == 3
    assert measure(build_subject(Net(), torch.ones(4, 200)), phase="forward") == 4


def test_what_draws_is_shared_where_the_generators_stand_alike():
    made = []

    @sharing.shared()
    def measure(subject):
        made.append(1)
        with subject.restored():
            torch.rand(1)
        return len(made)

    subject = build_subject(Net(), torch.ones(4, 200))
    assert measure(subject) == measure(subject) == 1
    torch.rand(1)
    assert measure(subject) == 2


def test_by_shapes_alone_values_do_not_matter():
    made = []

    @sharing.shared(by_shapes=lambda result: True)
    def measure(subject):
        made.append(1)
        return len(made)

    model = Net()
    subject = build_subject(model, torch.ones(4, 200))
    assert measure(subject) == 1
    model.layer.weight.data.mul_(2)
    assert measure(subject) == 1


def test_who_is_not_content_measures_again(measured):
    measure, _ = measured
    subject = build_subject(Net(), torch.ones(4, 200))
    assert measure(subject, decided=lambda result: True) == 1
    assert measure(subject, decided=lambda result: result > 1) == 2
    assert measure(subject, decided=lambda result: True) == 2


def test_what_has_no_digest_is_not_shared(measured):
    measure, _ = measured
    model = Net()
    model.stream = iter([1])
    subject = build_subject(model, torch.ones(4, 200))
    assert (measure(subject), measure(subject)) == (1, 2)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_nothing_keeps_a_model_alive(method):
    model = Net()
    method(ModelCheck(model, torch.ones(4, 200)))
    held = weakref.ref(model)
    del model
    gc.collect()
    assert held() is None


def test_a_formula_that_is_registered_later_counts():
    @torch.library.custom_op("shared::twice", mutates_args=())
    def twice(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    @twice.register_fake
    def _(x):
        return torch.empty_like(x)

    class Twice(nn.Module):
        def forward(self, x):
            return twice(x)

    subject = build_subject(Twice(), torch.ones(3))
    assert count(subject).macs == 0
    register_formula(torch.ops.shared.twice)(lambda args, out: 7)
    assert count(subject).macs == 7
