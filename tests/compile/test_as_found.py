"""dynamo, the model and the process are afterwards as they were."""

from __future__ import annotations

import functools
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.errors import MeasurementError
from pytest_modelcheck.model import apart, dynamo

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.norm, self.calls = nn.Linear(4, 4), nn.BatchNorm1d(4), 0
        self.register_buffer("seen", torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen += 1
        x = self.norm(self.fc(x))
        if x.sum() > 0:
            x = x + torch.rand(())
        return x


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()


def children() -> set[str]:
    """Processes that this one began and that are not gone: other tests may have some."""
    return {pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()}


def here(subject: object) -> str:
    return "compiled in this process"


@pytest.mark.parametrize("isolated", [True, False])
def test_as_found(isolated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not isolated:
        monkeypatch.setattr(dynamo, "why_here", here)
    model = Net()
    torch.compile(Net(), backend="eager")(X)
    utils = torch._dynamo.utils
    before = {
        "counters": {key: dict(value) for key, value in utils.counters.items() if value},
        "reasons": len(utils.graph_break_reasons),
        "config": torch._dynamo.config.get_config_copy(),
        "threads": torch.get_num_threads(),
        "random": torch.get_rng_state().tolist(),
    }
    state = {key: value.clone() for key, value in model.state_dict().items()}
    found = ModelCheck(model, X).compile(sizes=[(5, 4)])
    assert found.isolated is isolated
    assert ("in this process" in str(found)) is not isolated
    assert found.graph_breaks >= 1
    assert found.guards
    after = {
        "counters": {key: dict(value) for key, value in utils.counters.items() if value},
        "reasons": len(utils.graph_break_reasons),
        "config": torch._dynamo.config.get_config_copy(),
        "threads": torch.get_num_threads(),
        "random": torch.get_rng_state().tolist(),
    }
    assert after["counters"] == before["counters"]
    assert {**after, "counters": 0} == {**before, "counters": 0}
    assert model.calls == 0
    assert model.training
    assert "_compiled_call_impl" not in vars(model)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("isolated", [True, False])
def test_ones_own_compiled_model_is_not_compiled_again(
    isolated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not isolated:
        monkeypatch.setattr(dynamo, "why_here", here)

    class Plain(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * 2

    made = []

    def backend(graph: Any, inputs: object) -> Any:
        made.append(graph)
        return graph.forward

    model = Plain()
    own = torch.compile(model, backend=backend)
    own(X)
    assert ModelCheck(model, X).compile(sizes=[(5, 4)]).recompiles == 1
    assert ModelCheck(own, X).compile().one_graph
    own(X)
    assert len(made) == 1


def test_no_process_is_left_and_threads_do_not_matter() -> None:
    before = children()
    busy = threading.Event()
    worker = threading.Thread(target=busy.wait)
    worker.start()
    layer = nn.Linear(64, 64)
    layer(torch.randn(64, 64)).sum().backward()  # autograd and OpenMP have threads now
    assert ModelCheck(layer, torch.randn(2, 64)).compile().one_graph
    busy.set()
    worker.join()
    assert children() == before


def test_what_the_model_prints_is_not_printed_again(capfd: pytest.CaptureFixture[str]) -> None:
    class Loud(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            print("loud")
            os.write(1, b"louder")
            return x + 1

    assert ModelCheck(Loud(), X).compile().graph_breaks
    assert capfd.readouterr().out == ""


def test_what_the_model_logs_is_not_logged_again(tmp_path: Path) -> None:
    class Logs(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            logging.getLogger("modelcheck.test").warning("heard")
            return x + 1

    handler = logging.FileHandler(tmp_path / "log")
    logging.getLogger("modelcheck.test").addHandler(handler)
    try:
        assert ModelCheck(Logs(), X).compile().graph_breaks
    finally:
        logging.getLogger("modelcheck.test").removeHandler(handler)
        handler.close()
    assert (tmp_path / "log").read_text() == ""


@pytest.mark.filterwarnings("error")
def test_warnings_as_errors_are_no_refusal() -> None:
    """dynamo warns of what it looks through."""

    @functools.lru_cache
    def table(n: int) -> Tensor:
        return torch.ones(n)

    class Cached(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + table(4)

    assert ModelCheck(Cached(), X).compile().one_graph


class Interrupted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise KeyboardInterrupt


def test_an_interrupt_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    before = children()

    def interrupted(*args: object) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ModelCheck(Interrupted(), X).compile()
    monkeypatch.setattr(apart, "_seconds", interrupted)  # in this process, while it waits for the other
    with pytest.raises(KeyboardInterrupt):
        ModelCheck(Hangs(), X).compile()
    assert children() == before


class Dies(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        os._exit(3)


class Hangs(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        time.sleep(60)
        return x


def test_a_process_that_dies_or_hangs_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    before = children()
    with pytest.raises(MeasurementError, match="ended with status 3, without a result"):
        ModelCheck(Dies(), X).compile()
    monkeypatch.setattr(apart, "STALLED", 1.5)
    with pytest.raises(MeasurementError, match="did nothing for"):
        ModelCheck(Hangs(), X).compile()
    monkeypatch.setattr(apart, "LONGEST", 0.0)
    with pytest.raises(MeasurementError, match="was not done"):
        ModelCheck(Hangs(), X).compile()
    assert children() == before


def test_compiled_in_place_is_looked_at_as_written_and_stays_compiled() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    model.compile(backend="eager")
    call = model._compiled_call_impl
    assert ModelCheck(model, X).compile().one_graph
    assert model._compiled_call_impl is call


def test_a_second_look_shares_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    check = ModelCheck(nn.Linear(4, 4), X)
    first = check.compile()
    monkeypatch.setattr(dynamo, "in_a_fork", None)
    assert check.compile().graphs == first.graphs
    with pytest.raises(TypeError):
        check.compile(dynamic=False)


def test_in_a_fork_of_a_process_with_cuda_it_is_no_fault_of_the_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "_is_in_bad_fork", lambda: True)
    with pytest.raises(MeasurementError, match="fork of one that had begun to use CUDA"):
        ModelCheck(Net(), X).compile()
