"""The trained weights are the good ones."""

from shapes.train import accuracy, tensors


def test_held_out_accuracy(model) -> None:
    assert accuracy(model, *tensors(400, 3_000_000)) > 0.97
