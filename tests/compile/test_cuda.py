"""On a CUDA device torch.compile is watched in this process, which says so and keeps what dynamo knew."""

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck

pytestmark = pytest.mark.cuda
DEVICE = "cuda"


class Breaks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer(x)
        torch._dynamo.graph_break()
        return x.relu()


@pytest.mark.parametrize(
    ("make", "breaks"), [(lambda: nn.Linear(4, 4), 0), (Breaks, 1)], ids=["whole", "broken"]
)
def test_a_model_on_the_device(make, breaks):
    seen = ModelCheck(make(), input_size=(3, 4), device=DEVICE).compile()
    assert seen.graph_breaks == breaks
    assert not seen.isolated
    assert f"the model is on {DEVICE}" in seen.shared


def test_a_model_of_the_host_once_the_device_is_in_use():
    """A fork cannot use the device that its parent uses."""
    torch.zeros(1, device=DEVICE)
    seen = ModelCheck(nn.Linear(4, 4), input_size=(3, 4)).compile()
    assert seen.one_graph
    assert "CUDA is in use" in seen.shared


def test_what_dynamo_counted_before_is_what_it_counted():
    torch._dynamo.utils.counters["stats"]["mine"] = 3
    before = {name: dict(counted) for name, counted in torch._dynamo.utils.counters.items()}
    ModelCheck(Breaks(), input_size=(3, 4), device=DEVICE).compile()
    assert {name: dict(counted) for name, counted in torch._dynamo.utils.counters.items()} == before
    del torch._dynamo.utils.counters["stats"]["mine"]
