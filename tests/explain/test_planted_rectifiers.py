"""Every ReLU goes back by the rule however it is written; what does not is told with counts."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pytest_modelcheck import ExplanationError, ModelCheck

from .planted import far, made, told
from .planted_rectifiers import ARITHMETIC, CAPPED, CLAMPS, OTHERS, RELUS, Encoder, Two, X, mobile

METHODS = ["deconvnet", "guided_backprop"]


def projected(method, first, second=F.relu, **options):
    return getattr(ModelCheck(made(lambda: Two(first, second, **options)), X * 4), method)(target=1)


@pytest.mark.parametrize("name", RELUS)
@pytest.mark.parametrize("method", METHODS)
def test_however_a_relu_is_written(name, method):
    want = projected(method, F.relu)
    for acts in ((RELUS[name](), RELUS[name]()), (RELUS[name](), F.relu), (F.relu, RELUS[name]())):
        seen = projected(method, *acts)
        assert far(seen.raw, want.raw) < 1e-5
        assert seen.relus == 2


@pytest.mark.parametrize("name", CAPPED)
@pytest.mark.parametrize("method", METHODS)
def test_however_a_relu_with_a_ceiling_is_written(name, method):
    """Guided backpropagation goes through what is active and below the ceiling."""
    want = projected(method, nn.ReLU6())
    seen = projected(method, CAPPED[name]())
    assert far(seen.raw, want.raw) < 1e-5
    assert seen.relus == 2


@pytest.mark.parametrize("name", ARITHMETIC)
@pytest.mark.parametrize("method", METHODS)
def test_a_relu_of_arithmetic_is_seen_or_told(name, method):
    want = projected(method, F.relu)
    seen = projected(method, ARITHMETIC[name])
    assert far(seen.raw, want.raw) < 1e-5 or "1 of 2" in " ".join(seen.notes)


@pytest.mark.parametrize(("make", "word"), OTHERS.values(), ids=OTHERS.keys())
@pytest.mark.parametrize("method", [*METHODS, "guided_gradcam"])
def test_some_activations_are_relus_and_others_not(make, word, method):
    """1 of 2, and which goes back by the plain rule."""
    notes = " ".join(projected(method, make()).notes)
    assert "1 of 2" in notes
    assert word.lower() in notes.lower()


@pytest.mark.parametrize(("make", "word"), OTHERS.values(), ids=OTHERS.keys())
def test_no_relu_at_all_is_refused(make, word):
    assert "ReLU" in told(lambda: projected("guided_backprop", make(), make()))


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_noted_where_all_are_relus(method):
    assert projected(method, F.relu).notes == ()
    assert projected(method, nn.ReLU(), nn.ReLU()).notes == ()


@pytest.mark.parametrize("name", CLAMPS)
@pytest.mark.parametrize("method", METHODS)
def test_other_bounds_are_no_rectifiers(name, method):
    """A bound elsewhere than at zero goes back as autograd says: as written in a function of its own."""

    class Plain(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            with torch.enable_grad():
                ctx.x = x.detach().requires_grad_()
                ctx.y = CLAMPS[name](ctx.x)
            return ctx.y.detach()

        @staticmethod
        def backward(ctx, signal):
            return torch.autograd.grad(ctx.y, ctx.x, signal)[0]

    seen, want = projected(method, CLAMPS[name]), projected(method, Plain.apply)
    assert far(seen.raw, want.raw) < 1e-5
    assert seen.relus == 1


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_the_relu_of_torchs_encoder_layer(norm_first, method):
    """torch has a fast path for it, on which no ReLU is called."""
    seen = getattr(ModelCheck(made(lambda: Encoder(norm_first)), X), method)(target=1)
    assert seen.relus == 1


@pytest.mark.parametrize("method", METHODS)
def test_counts_of_a_real_network(method):
    pytest.importorskip("torchvision")
    seen = getattr(ModelCheck(made(mobile), X), method)(target=1)
    notes = " ".join(seen.notes)
    assert seen.relus == 14
    assert re.search("14 of (33|42)", notes), notes  # with the nine gates or without
    assert "ardswish" in notes


def test_a_deconvnet_without_switches_is_told():
    """Springenberg et al. 2014: without max pooling nothing in the way down depends on the picture."""
    plain = projected("deconvnet", F.relu, pool=False)
    assert np.abs(plain.raw[0] - plain.raw[1]).max() < 1e-6 * np.abs(plain.raw).max()
    assert re.search(
        "same for every|same for any|not depend on the (picture|image)|max pooling", " ".join(plain.notes)
    )
    for other in (projected("deconvnet", F.relu), projected("guided_backprop", F.relu, pool=False)):
        assert not re.search("same for|max pooling", " ".join(other.notes))


def test_a_deconvnet_without_switches_is_told_of_one_picture():
    """One picture cannot be compared with another: the network decides, not the batch."""
    model = made(lambda: Two(F.relu, F.relu, pool=False))
    alone = ModelCheck(model, X[:1]).deconvnet(target=1)
    assert alone.notes
    assert alone.to_dict()["notes"] == list(alone.notes)


def test_notes_reach_the_words():
    with pytest.raises(ExplanationError, match="ReLU"):
        projected("guided_backprop", nn.GELU(), nn.GELU())
    seen = projected("guided_backprop", nn.GELU())
    assert any("1 of 2" in note for note in seen.to_dict()["notes"])
