"""Recompiles: each with the guard that failed, and what to change."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.compile.measure import _compiled
from pytest_modelcheck.checks.compile.result import Compiled
from pytest_modelcheck.errors import MeasurementError, ModelRunError
from pytest_modelcheck.model.apart import in_a_fork
from pytest_modelcheck.model.dynamo import afresh

from ..features import RECOMPILE_LIMIT, needs_traced_classes, rows
from .kinds import RECOMPILES, Stateful, model_of

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


@pytest.fixture(scope="module")
def results() -> dict[Callable[..., Tensor], Compiled]:
    """Of all kinds, in one fork."""
    models = [type(kind.__name__, (Stateful,), {"forward": kind})() for kind, *_ in RECOMPILES]
    checks = [ModelCheck(model, X) for model in models]
    made = in_a_fork(lambda: [afresh(partial(_compiled, check.subject, (), None)) for check in checks])
    assert all(model.calls == 0 and model.name == "a" for model in models)
    return dict(zip((kind for kind, *_ in RECOMPILES), made, strict=True))


@pytest.mark.parametrize(
    ("kind", "guard", "change"),
    rows(
        {kind.__name__: (kind, *more) for kind, *more in RECOMPILES}, {"of_the_class": needs_traced_classes}
    ),
)
def test_what_changes_between_calls_is_told(
    kind: Callable[..., Tensor], guard: str, change: str, results: dict[Callable[..., Tensor], Compiled]
) -> None:
    found = results[kind]
    (one,) = found.guards
    assert (found.recompiles, one.again, one.size, found.one_graph) == (1, True, (3, 4), True)
    assert guard in one.reason
    assert change in one.hint


class Inner(nn.Module):
    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.fc = nn.Linear(a, b)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        torch._dynamo.graph_break()
        return x.relu()


def test_recompiles_within_the_first_call_count() -> None:
    """A block that is compiled by itself, called in several widths: dynamo logs as many."""
    found = ModelCheck(nn.Sequential(Inner(4, 8), Inner(8, 16), Inner(16, 4)), X).compile()
    forwards = [one for one in found.guards if one.function == "forward" and one.module]
    assert [(one.module, one.first, one.again) for one in forwards] == [
        ("1", True, False),
        ("2", True, False),
    ]
    assert "the first call: forward" in str(forwards[0])
    assert "mend the graph break" in forwards[0].hint


def test_what_reads_a_guarded_value_is_told() -> None:
    def forward(self: nn.Module, x: Tensor) -> Tensor:
        if x.shape[0] > 5:
            x = x + 1
        return self.fc(x)  # type: ignore[no-any-return, operator]

    found = ModelCheck(model_of(forward), X).compile(sizes=[(5, 4), (6, 4)])
    assert [one.automatic for one in found.guards] == [True, False]
    chosen = found.guards[1]
    assert (chosen.code, chosen.small) == ("if x.shape[0] > 5:", False)
    assert chosen.place == f"test_recompiles.py:{forward.__code__.co_firstlineno + 1}"
    assert "chooses by this size" in chosen.hint
    assert "read in test_recompiles.py:" in str(chosen)


@pytest.mark.parametrize(("dynamic", "recompiles", "automatic"), [(None, 1, 1), (True, 0, 0), (False, 2, 0)])
def test_sizes(dynamic: bool | None, recompiles: int, automatic: int) -> None:
    check = ModelCheck(Plain(), X)
    found = check.compile(sizes=[(5, 4), (7, 4)], dynamic=dynamic)
    assert check.compile(sizes=[], dynamic=dynamic).sizes == ()
    assert (found.recompiles, found.automatic) == (recompiles, automatic), found.guards
    assert all("size mismatch at index 0" in one.reason for one in found.guards)
    assert ("1 is automatic dynamic: pass dynamic=True" in str(found)) is bool(automatic)
    if recompiles:
        assert found.guards[0].size == (5, 4)
        assert "dynamic=True" in found.guards[0].hint


def test_counts_are_those_of_the_counters() -> None:
    torch._dynamo.reset()
    model, compiled = Plain().eval(), 0
    found = ModelCheck(model, X).compile(sizes=[(5, 4), (1, 4)])
    torch._dynamo.utils.counters.clear()
    twin = torch.compile(model, backend="eager")
    with torch.no_grad():
        for size in (3, 3, 5, 1):
            twin(torch.ones(size, 4))
    compiled = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    assert found.recompiles == compiled - 1 == 2
    assert "0 and 1" in found.guards[1].hint


def test_a_limit_of_torch_ends_in_a_fallback() -> None:
    with torch._dynamo.config.patch({RECOMPILE_LIMIT: 3}):
        found = ModelCheck(Plain(), X).compile(sizes=[(n, 4) for n in range(5, 10)], dynamic=False)
    assert found.recompiles < 5
    assert re.search("recompile limit|cache_size_limit", found.fallback[0].reason)


class Two(nn.Module):
    def forward(self, tokens: Tensor, *, scale: Tensor) -> Tensor:
        return nn.functional.one_hot(tokens, 7).sum(-1) * scale


def test_sizes_of_several_tensors_keep_the_values_kinds() -> None:
    example = {"tokens": torch.tensor([[5, 6]]), "scale": torch.ones(1, 2)}
    check = ModelCheck(Two(), example)
    assert check.compile(sizes=[[(3, 4), (3, 4)]]).guards[0].size == ((3, 4), (3, 4))
    with pytest.raises(MeasurementError, match="2 tensor"):
        check.compile(sizes=[(3, 4)])


@pytest.mark.parametrize("sizes", [(2, 4), "", "2x4", [(2, -1)], [2, 3], 5])
def test_what_are_no_sizes_is_refused(sizes: object) -> None:
    with pytest.raises(MeasurementError, match=r"sizes="):
        ModelCheck(Plain(), X).compile(sizes=sizes)  # type: ignore[arg-type]


@pytest.mark.parametrize("dynamic", ["yes", 1, 0])
def test_what_is_no_dynamic_is_refused(dynamic: object) -> None:
    with pytest.raises(MeasurementError, match=r"^dynamic=.* is not one of None, True, False"):
        ModelCheck(Plain(), X).compile(dynamic=dynamic)  # type: ignore[arg-type]


def test_a_size_that_the_model_refuses_is_its_own_error() -> None:
    with pytest.raises(ModelRunError, match="further sizes, at inputs 3x5"):
        ModelCheck(Plain(), X).compile(sizes=[(3, 5)])


def test_a_model_that_raises_is_its_own_error() -> None:
    def forward(self: object, x: Tensor) -> Tensor:
        raise ValueError("not today")

    with pytest.raises(ModelRunError, match="not today"):
        ModelCheck(model_of(forward), X).compile()
