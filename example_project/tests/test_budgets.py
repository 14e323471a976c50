"""What the network may cost. The markers do the work: the bodies are free for more."""

import pytest
from shapes import SimpleConv3
from torchvision.models import resnet18


@pytest.mark.modelcheck(model=SimpleConv3, input_size=(1, 3, 48, 48))
@pytest.mark.flops_budget("4.7 MFLOPs")
@pytest.mark.params_budget("1.61 M")
@pytest.mark.activations_budget("12 k", min="11 k")
def test_one_picture() -> None: ...


@pytest.mark.macs_budget("9.4 MMACs")
@pytest.mark.memory_access_budget("10 MiB", level="warn")
@pytest.mark.flops_budget(max_regression="2%")
def test_the_trained_network(modelcheck) -> None:
    cost = modelcheck.complexity()
    assert not cost.unknown_operators
    assert not cost.uncalled_modules
    assert cost.by_module()["fc1"].macs > cost.macs / 2  # most of the work is one layer: a place to save


@pytest.mark.modelcheck(model=resnet18, input_size=(1, 3, 224, 224))
@pytest.mark.flops_budget("3.7 GFLOPs")
@pytest.mark.params_budget("11.7 M")
def test_torchvisions_resnet18() -> None: ...
