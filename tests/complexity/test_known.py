"""Models on meta: the values of their inputs are known, and what is made of these alone."""

import pytest
import torch
from torch import nn

from pytest_modelcheck import MeasurementError, ModelCheck

IDS = torch.tensor([[1, 2, 3, 0], [4, 5, 0, 0]])
MASK = (IDS > 0).long()


class Tokens(nn.Module):
    """Embeddings of 10 x 8 and a layer 8 x 8, on 2 x 4 tokens: 512 MACs."""

    def __init__(self, look):
        super().__init__()
        self.embed, self.layer = nn.Embedding(10, 8), nn.Linear(8, 8)
        self.look = look

    def forward(self, ids, mask):
        return self.look(self, self.layer(self.embed(ids)), mask)


def only_where_needed(model, hidden, mask):
    return hidden if mask.all() else hidden * mask[..., None]


def on_the_models_device(model, hidden, mask):
    mask = mask.to(hidden.device)
    positions = torch.arange(mask.shape[1], device=hidden.device)
    if (positions[None] >= mask.sum(1, keepdim=True)).any().item():
        hidden = hidden.masked_fill(~mask.bool()[..., None], 0)
    return hidden


def as_many_as_the_longest(model, hidden, mask):
    return model.layer(hidden[:, : int(mask.sum(1).max())])  # of 4 tokens 3


def packed(model, hidden, mask):
    return model.layer(hidden.flatten(0, 1)[mask.flatten().nonzero()[:, 0]])  # 5 tokens


def in_attention(model, hidden, mask):
    """Products of 4 x 4 tokens of width 8, twice in a batch of 2: 512."""
    if mask.all():
        return hidden
    query = hidden[:, None]
    return nn.functional.scaled_dot_product_attention(
        query, query, query, attn_mask=mask[:, None, None].bool()
    )


LOOKS = {
    "attention": (in_attention, 512 + 512),
    "all()": (only_where_needed, 512),
    "on the model's device": (on_the_models_device, 512),
    "lengths": (as_many_as_the_longest, 512 + 2 * 3 * 64),
    "places": (packed, 512 + 5 * 64),
}


@pytest.mark.parametrize(("look", "macs"), LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("phase", ["forward", "training_step"])
def test_masks_have_values(look, macs, phase):
    with torch.device("meta"):
        model = Tokens(look)
    cost = ModelCheck(model, {"ids": IDS, "mask": MASK}).complexity(phase=phase)
    real = ModelCheck(Tokens(look), {"ids": IDS, "mask": MASK}).complexity(phase=phase)
    assert (cost.counted_on, real.counted_on) == ("meta", "real")
    assert cost.macs == real.macs
    assert cost.memory_access == real.memory_access
    if phase == "forward":
        assert cost.macs == macs


def test_what_the_model_computes_has_none():
    with torch.device("meta"):
        model = Tokens(lambda model, hidden, mask: hidden if hidden.sum().item() > 0 else -hidden)
    with pytest.raises(MeasurementError) as raised:
        ModelCheck(nn.Sequential(model)[0], (IDS, MASK)).complexity()
    text = str(raised.value)
    assert "Tokens cannot be counted on meta" in text
    assert "test_known.py" in text
    assert "hidden.sum().item()" in text
    assert " raised " not in text


def test_what_unknown_values_were_written_to_is_unknown():
    """The zeros are known until the model's values are put there."""

    def look(model, hidden, mask):
        held = torch.zeros(hidden.shape, device=hidden.device)
        held[:, :2] = hidden[:, :2]
        return hidden if held.sum().item() > 0 else -hidden

    with torch.device("meta"):
        model = Tokens(look)
    with pytest.raises(MeasurementError, match="cannot be counted on meta"):
        ModelCheck(model, (IDS, MASK)).complexity()


def test_inputs_keep_their_values_and_place():
    with torch.device("meta"):
        model = Tokens(only_where_needed)
    given = MASK.clone()
    ModelCheck(model, (IDS, given)).complexity()
    assert given.device.type == "cpu"
    assert torch.equal(given, MASK)
