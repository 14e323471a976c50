"""Inputs that do not fit the model: its own exception, the shapes that were passed, the module it happened in."""

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck, ModelRunError

MISFITS = {
    "linear": (nn.Sequential(nn.ReLU(), nn.Linear(5, 2)), (3, 4), "RuntimeError", "module '1'"),
    "convolution": (nn.Sequential(nn.Conv2d(3, 4, 3)), (1, 5, 8, 8), "RuntimeError", "module '0'"),
    "batch norm": (nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4)), (1, 5, 8, 8), "RuntimeError", "module '1'"),
    "batch norm of a matrix": (nn.Sequential(nn.BatchNorm2d(4)), (1, 4), "ValueError", "module '0'"),
    "layer norm": (nn.Sequential(nn.LayerNorm(6)), (2, 5), "RuntimeError", "module '0'"),
    "lstm": (nn.Sequential(nn.LSTM(6, 3)), (4, 2, 5), "RuntimeError", "module '0'"),
    "attention": (nn.TransformerEncoderLayer(8, 2, 16), (4, 2, 6), "AssertionError", "module 'self_attn'"),
}


@pytest.mark.parametrize(("model", "shape", "error", "where"), MISFITS.values(), ids=MISFITS.keys())
@pytest.mark.parametrize("place", ["cpu", "meta"])
def test_the_error_says_what_where_and_with_which_shapes(model, shape, error, where, place):
    inputs = torch.empty(shape, device=place)
    with pytest.raises(ModelRunError) as raised:
        ModelCheck(model.to(place) if place == "cpu" else model.to("meta"), inputs).complexity()
    text = str(raised.value)
    assert error in text
    assert where in text
    assert f"inputs passed: {'x'.join(map(str, shape))} float32" in text
    assert raised.value.__cause__ is not None


def test_a_missing_argument_is_the_models_own_error():
    with pytest.raises(ModelRunError, match=r"TypeError.*missing 1 required positional argument"):
        ModelCheck(nn.Bilinear(3, 4, 5), torch.zeros(2, 3)).complexity()
