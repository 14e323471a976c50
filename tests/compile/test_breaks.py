"""Graph breaks: each is seen, once, at its line, and counted as torch counts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.compile.measure import _compiled
from pytest_modelcheck.checks.compile.result import Compiled
from pytest_modelcheck.errors import ModelRunError
from pytest_modelcheck.model import dynamo
from pytest_modelcheck.model.apart import in_a_fork
from pytest_modelcheck.model.dynamo import afresh

from ..features import DYNAMO_SAYS_ALL
from . import kinds
from .kinds import BREAKS, SKIPPED, WHOLE, Model, line_of, model_of

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
Kind = Callable[..., Tensor]


def compiled(model: nn.Module, **options: Any) -> Compiled:
    return ModelCheck(model, X).compile(**options)


def named(kind: Kind) -> str:
    return kind.__name__


@pytest.fixture(scope="module")
def results() -> dict[Kind, Compiled]:
    """Of all kinds, in one fork."""
    torch._dynamo.reset()
    every = (*BREAKS, *SKIPPED, *WHOLE)
    checks = {kind: ModelCheck(model_of(kind), X) for kind in every}
    made = in_a_fork(
        lambda: [afresh(partial(_compiled, check.subject, (), None)) for check in checks.values()]
    )
    return dict(zip(every, made, strict=True))


@pytest.mark.parametrize("kind", BREAKS, ids=named)
def test_a_break_is_told_at_its_line(kind: Kind, results: dict[Kind, Compiled]) -> None:
    found = results[kind]
    first = found.breaks[0]
    assert (first.file, first.line, first.module) == (kinds.__file__, line_of(kind), "")
    assert first.reason
    assert first.hint
    assert not found.one_graph
    assert found.graphs >= 1
    assert not found.fallback
    assert found.graph_breaks == 1


@pytest.mark.parametrize("kind", SKIPPED, ids=named)
def test_a_function_that_is_skipped_whole_is_no_success(kind: Kind, results: dict[Kind, Compiled]) -> None:
    found = results[kind]
    assert found.breaks[0].line == line_of(kind)
    assert found.breaks[0].file == kinds.__file__
    also = ["numbers"] if kind is kinds.generator and not DYNAMO_SAYS_ALL else []  # what it calls
    assert [one.function for one in found.fallback] == [kind.__name__, *also]
    assert not found.one_graph


@pytest.mark.parametrize("kind", WHOLE, ids=named)
def test_what_torch_can_trace_is_one_graph(kind: Kind, results: dict[Kind, Compiled]) -> None:
    found = results[kind]
    assert found.one_graph
    assert found.graphs == 1
    assert not found.breaks
    assert found.recompiles == 0


@pytest.fixture
def clean() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()


def test_counts_are_those_of_explain_and_of_the_counters(clean: None) -> None:
    """Where these are right: data-dependent branches are in no counter, a first and last line in no explanation."""
    for kind in (kinds.item, kinds.not_recursively, kinds.twice, kinds.branch):
        model = model_of(kind).eval()
        found = compiled(model)
        torch._dynamo.utils.counters.clear()
        with torch.no_grad():
            told = torch._dynamo.explain(model)(X)
        assert (found.graphs, found.graph_breaks) == (told.graph_count, told.graph_break_count)
        counted = sum(torch._dynamo.utils.counters["graph_break"].values())
        assert counted == (0 if kind is kinds.branch else found.graph_breaks)


class Noisy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        print("noise")
        return self.fc(x)


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = Noisy(), Noisy()

    def forward(self, x: Tensor) -> Tensor:
        return self.right(self.left(x))


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(Noisy())

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + 1


def test_a_break_in_a_module_is_told_once_a_call_with_all_modules() -> None:
    (found,) = compiled(Twice()).breaks
    assert (found.module, found.modules, found.count) == ("left", ("left", "right"), 2)
    (deep,) = compiled(Deep()).breaks
    assert (deep.module, deep.count, deep.code) == ("inner.0", 1, 'print("noise")')


def helper(x: Tensor) -> Tensor:
    print("helped")
    return x + 1


def test_a_break_in_a_nested_function_is_told_there() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        return helper(self.fc(x))

    (found,) = compiled(model_of(forward)).breaks
    assert (found.function, found.code, found.count) == ("helper", 'print("helped")', 1)


def test_in_a_package_both_lines_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "foreign_ops"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def scaled(x):\n    print('foreign')\n    return x * 2\n")
    monkeypatch.syspath_prepend(str(package.parent))
    import foreign_ops  # type: ignore[import-not-found]

    def forward(self: Any, x: Tensor) -> Tensor:
        y = self.fc(x)
        return foreign_ops.scaled(y) + 1  # type: ignore[no-any-return]

    (found,) = compiled(model_of(forward)).breaks
    assert (found.file, found.code) == (__file__, linecode(forward, 2))
    assert found.package == "foreign_ops/__init__.py:2"
    assert "foreign_ops/__init__.py:2" in str(found)
    del sys.modules["foreign_ops"]


def linecode(function: Kind, below: int) -> str:
    import linecache

    return linecache.getline(__file__, function.__code__.co_firstlineno + below).strip()


def test_a_break_at_another_size_is_told_with_it() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        y = self.fc(x)
        if x.shape[0] > 4:
            print("large")
        return y + 1  # type: ignore[no-any-return]

    (found,) = compiled(model_of(forward), sizes=[(5, 4)]).breaks
    assert (found.size, found.count) == ("5x4", 1)


def test_a_forward_that_no_fork_can_run_is_compiled_here(
    clean: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's autograd refuses to run in a fork of a process in which it has threads."""

    def refused(work: object) -> None:
        raise ModelRunError(
            "Unable to handle autograd's threading in combination with fork-based multiprocessing."
        )

    monkeypatch.setattr(dynamo, "in_a_fork", refused)
    found = compiled(model_of(kinds.gradient))
    assert [one.line for one in found.breaks][:1] == [line_of(kinds.gradient)]
    assert not found.isolated
    assert "gradients" in found.shared


class Disabled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    @torch.compiler.disable
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


def test_a_model_that_is_not_looked_at_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    off = compiled(Disabled())
    assert "disabled" in off.nothing
    (skipped,) = off.fallback
    assert (skipped.function, skipped.file, skipped.root) == ("forward", __file__, True)
    assert "torch.compiler.disable" in skipped.reason
    assert not off.one_graph
    assert off.breaks[0].file == ""
    traced = torch.jit.trace(nn.Linear(4, 4), X)  # type: ignore[no-untyped-call]
    assert "TorchScript" in compiled(traced).nothing
    assert "no operation" in compiled(model_of(lambda self, x: x)).nothing
    with torch.compiler.set_stance("force_eager"):
        assert "force_eager" in compiled(Model_()).nothing
    with torch._dynamo.config.patch(disable=True):
        assert "TORCHDYNAMO_DISABLE" in compiled(Model_()).nothing
    monkeypatch.setenv("TORCHDYNAMO_DISABLE", "1")
    assert "TORCHDYNAMO_DISABLE" in compiled(Model_()).nothing


class Model_(Model):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


class Refused(Model):
    def forward(self, x: Tensor) -> Tensor:
        kept: list[Tensor] = []

        def keep(y: Tensor) -> Tensor:
            kept.append(y)
            return y + 1

        y = self.fc(x)
        return torch.cond(y.sum() > 0, keep, lambda z: z - 1, (y,))  # type: ignore[no-any-return]


@pytest.mark.parametrize("suppress", [False, True])
def test_what_torch_refuses_says_why(suppress: bool) -> None:
    with torch._dynamo.config.patch(suppress_errors=suppress):
        found = compiled(Refused())
    assert "UncapturedHigherOrderOpError" in found.reason
    assert "test_breaks.py" in found.reason
    assert not found.one_graph


def test_suppressed_errors_are_told_as_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """dynamo's own errors, which `suppress_errors` hides: the function runs eagerly."""
    from torch._dynamo.symbolic_convert import InstructionTranslatorBase

    def broken(self: object, instruction: object) -> None:
        raise AssertionError("out of order")

    table = list(InstructionTranslatorBase.dispatch_table)
    import dis

    table[dis.opmap.get("BINARY_OP") or dis.opmap["BINARY_ADD"]] = broken  # the second in Python 3.10
    for kind in (InstructionTranslatorBase, *InstructionTranslatorBase.__subclasses__()):
        monkeypatch.setattr(kind, "dispatch_table", table)
    model = model_of(lambda self, x: self.fc(x) + 1)
    assert "out of order" in compiled(model).reason
    with torch._dynamo.config.patch(suppress_errors=True):
        found = compiled(model)
    assert found.fallback
    assert not found.one_graph
