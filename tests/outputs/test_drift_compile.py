"""`drift("compile")`: the compiled model itself answers, and dynamo stays as it was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.outputs import compiling
from pytest_modelcheck.errors import MeasurementError
from pytest_modelcheck.model import dynamo

from ..features import DYNAMO_SAYS_ALL, RECOMPILE_LIMIT

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
HERE = "compiled in this process"


class Deep(nn.Module):
    def __init__(self, depth: int = 1) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class Disabled(Deep):
    @torch.compiler.disable
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class Broken(Deep):
    """Its forward is skipped, and what it calls is not."""

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(2):
            x = super().forward(x)
            torch._dynamo.graph_break()
        return x


@pytest.fixture(autouse=True)
def _clean():
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()


def adding(amount: float) -> Callable[..., Any]:
    def backend(graph: Any, inputs: object) -> Callable[..., Any]:
        return lambda *args: [out + amount for out in graph.forward(*args)]

    return backend


@pytest.fixture
def adds(monkeypatch):
    """A compiler that is quick, and wrong."""
    monkeypatch.setattr(torch._dynamo, "lookup_backend", lambda name: adding(1))


@pytest.mark.parametrize("here", ["", HERE])
@pytest.mark.parametrize(
    ("model", "why"),
    [
        (Disabled(), "its forward is disabled"),
        (Broken(), "graph_break" if DYNAMO_SAYS_ALL else "skipped its forward"),
        (nn.Identity(), "No ops traced" if DYNAMO_SAYS_ALL else "made no graph of it"),
    ],
)
def test_what_is_not_compiled_is_vacuous(model, why, here, monkeypatch):
    monkeypatch.setattr(torch._dynamo, "lookup_backend", lambda name: adding(0))
    if here:
        monkeypatch.setattr(dynamo, "why_here", lambda subject: HERE)
    drift = ModelCheck(model, X).drift("compile")
    assert why in drift.vacuous
    assert drift.idle
    assert not torch._dynamo.utils.counters


def test_it_is_the_compiled_model_that_answers(adds):
    model = Deep()
    model.compile(backend="eager")
    assert ModelCheck(model, X).drift("compile").max_error > 0.1


@pytest.mark.parametrize("here", ["", HERE])
def test_the_limit_of_recompiles_is_not_used_up(here, adds, monkeypatch):
    if here:
        monkeypatch.setattr(dynamo, "why_here", lambda subject: HERE)
    graphs: list[object] = []
    with torch._dynamo.config.patch({RECOMPILE_LIMIT: 2}):
        for depth in (1, 2, 3):
            assert ModelCheck(Deep(depth), X).drift("compile").max_error > 0.1
        assert not torch._dynamo.utils.counters

        def backend(graph: Any, inputs: object) -> Callable[..., Any]:
            graphs.append(graph)
            return graph.forward  # type: ignore[no-any-return]

        torch.compile(Deep(4), backend=backend)(X)
    assert len(graphs) == 1


def test_a_compiler_that_is_missing_is_named():
    with (
        compiling.config.patch({"cpp.cxx": (None, "/nowhere/g++"), "force_disable_caches": True}),
        pytest.raises(MeasurementError, match=r"needs a C\+\+ compiler.*\nInstall one"),
    ):
        ModelCheck(nn.Sequential(Deep(), nn.GELU()), X).drift("compile")


def whole(model: nn.Module) -> nn.Module:
    return torch.compile(model, backend=adding(1))  # type: ignore[no-any-return]


def in_place(model: nn.Module) -> nn.Module:
    model.compile(backend=adding(1))
    return model


def in_part(model: Deep) -> nn.Module:
    model.layers[1] = whole(model.layers[1])
    return model


@pytest.mark.parametrize("compile_", [whole, in_place, in_part])
def test_another_model_that_is_compiled_runs_as_it_was_given(compile_):
    model, other = Deep(2), Deep(2)
    other.load_state_dict(model.state_dict())
    other = compile_(other)
    for against in (other, ModelCheck(other, X)):
        drift = ModelCheck(model, X).drift(against)
        assert drift.max_error > 0.1
    assert "another Deep" in str(ModelCheck(model, X).drift(other))
