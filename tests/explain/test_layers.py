"""The layer that is explained where none is named, and how what a layer gives is read."""

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ExplanationError, ModelCheck
from pytest_modelcheck.checks.explain.features import chosen_layers
from pytest_modelcheck.checks.explain.images import find_images
from pytest_modelcheck.checks.explain.layers import as_map, chosen_layer


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


class Made(nn.Module):
    """`function(self, x)` on named layers."""

    def __init__(self, function, **layers):
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, *args):
        return self.function(self, *args)


def pooled(self, x):
    return self.head(x.flatten(2).mean(2))


def tokens(extra, behind=False):
    """Patches of 8 and `extra` learnt tokens, in front or behind; attention, and a head that reads an extra one."""

    def forward(self, x):
        t = self.patch(x).flatten(2).transpose(1, 2)
        more = self.more.weight.expand(len(t), -1, -1)
        t = torch.cat([t, more] if behind else [more, t], 1)
        t = self.norm(t)
        t = t + self.attention(t, t, t)[0]
        return self.head(self.last(t)[:, -1 if behind else 0])

    return Made(
        forward,
        patch=nn.Conv2d(3, 16, 8, 8),
        more=nn.Embedding(extra, 16),
        norm=nn.LayerNorm(16),
        attention=nn.MultiheadAttention(16, 2, batch_first=True),
        last=nn.LayerNorm(16),
        head=nn.Linear(16, 4),
    )


def made(build):
    torch.manual_seed(0)
    return build().eval()


NORM, LAST = "the norm before the last attention", "the last layer with places that the score depends on"
CHOSEN = {  # model, inputs, layer, grid, why
    "class token": (lambda: tokens(1), draw(2, 3, 32, 48), "norm", (4, 6), NORM),
    "nine of 25 are registers": (lambda: tokens(9), draw(2, 3, 32, 32), "norm", (4, 4), NORM),
    "class token behind": (lambda: tokens(1, True), draw(2, 3, 32, 48), "norm", (4, 6), NORM),
    "signal": (
        lambda: Made(lambda s, x: pooled(s, s.conv(x)), conv=nn.Conv1d(2, 8, 3, 2), head=nn.Linear(8, 4)),
        draw(2, 2, 64),
        "conv",
        (31,),
        LAST,
    ),
    "signal of tokens": (
        lambda: Made(
            lambda s, x: s.head(s.norm(s.conv(x).transpose(1, 2)).mean(1)),
            conv=nn.Conv1d(2, 8, 4, 4),
            norm=nn.LayerNorm(8),
            head=nn.Linear(8, 4),
        ),
        draw(2, 2, 64),
        "norm",
        (16,),
        LAST,
    ),
    "volume of tokens": (
        lambda: Made(
            lambda s, x: s.head(s.norm(s.conv(x).flatten(2).transpose(1, 2)).mean(1)),
            conv=nn.Conv3d(1, 8, 4, 4),
            norm=nn.LayerNorm(8),
            head=nn.Linear(8, 4),
        ),
        draw(2, 1, 8, 12, 16),
        "norm",
        (2, 3, 4),
        LAST,
    ),
    "frozen backbone": (
        lambda: Made(
            lambda s, x: pooled(s, torch.no_grad()(s.conv)(x)), conv=nn.Conv2d(3, 8, 3), head=nn.Linear(8, 4)
        ),
        draw(2, 3, 16, 16),
        "conv",
        (14, 14),
        "",
    ),
    "embedding beside logits": (
        lambda: Made(
            lambda s, x: (lambda f: (pooled(s, f), f))(s.conv(x)),
            conv=nn.Conv2d(3, 8, 3),
            head=nn.Linear(8, 4),
        ),
        draw(2, 3, 16, 16),
        "conv",
        (14, 14),
        LAST,
    ),
    "patches merged": (
        lambda: Made(
            lambda s, x: (
                lambda t: s.head(
                    s.norm(
                        s.merge(
                            t.unflatten(1, (2, 2, 4, 2)).transpose(2, 3).flatten(4).reshape(len(t), 8, 64)
                        )
                    ).mean(1)
                )
            )(s.first(s.patch(x).flatten(2).transpose(1, 2))),
            patch=nn.Conv2d(3, 16, 4, 4),
            first=nn.LayerNorm(16),
            merge=nn.Linear(64, 32),
            norm=nn.LayerNorm(32),
            head=nn.Linear(32, 4),
        ),
        draw(2, 3, 16, 32),
        "norm",
        (2, 4),
        LAST,
    ),
}


@pytest.mark.parametrize(("build", "inputs", "layer", "grid", "why"), CHOSEN.values(), ids=CHOSEN.keys())
def test_the_default_layer(build, inputs, layer, grid, why):
    images = find_images(ModelCheck(made(build), inputs).subject)
    name, _, call, told = chosen_layer(images, None, 1)
    assert (name, call, told) == (layer, -1, why)
    seen = []
    images.subject.module.get_submodule(layer).register_forward_hook(lambda m, a, out: seen.append(out))
    images.subject.module(inputs)
    assert as_map(seen[0], images, layer).shape[2:] == grid


def test_tokens_in_front_and_behind_are_left_out():
    """The head reads the extra token alone; what is behind the patches must not shift them."""
    for behind in (False, True):
        model, x = made(lambda behind=behind: tokens(2, behind)), draw(1, 3, 32, 48)
        heatmap = ModelCheck(model, x).gradcam(target=1, layer="norm")
        kept = []
        model.norm.register_forward_hook(lambda m, a, out, kept=kept: kept.append(out))
        (gradient,) = torch.autograd.grad(model(x)[:, 1].sum(), kept)
        activation, gradient = (
            (t[:, :24] if behind else t[:, 2:]).transpose(1, 2).unflatten(2, (4, 6))
            for t in (kept[0], gradient)
        )
        want = (gradient.mean((2, 3), keepdim=True) * activation).sum(1).detach()
        np.testing.assert_allclose(heatmap.raw, want, atol=1e-6)


def last_first(x):
    return x.permute(0, 2, 3, 1)


@pytest.mark.parametrize(("h", "w", "c"), [(8, 12, 12), (8, 12, 20), (6, 4, 6), (4, 4, 16), (8, 8, 8)])
@pytest.mark.parametrize("kind", ["norm", "linear", "function"])
def test_channels_last(h, w, c, kind):
    """The kind of the module tells; where it has none, the grid that fits exactly."""
    layer = {"norm": nn.LayerNorm(c), "linear": nn.Linear(c, c), "function": Made(lambda s, x: x * 2)}[kind]
    build = lambda: Made(  # noqa: E731
        lambda s, x: s.head(s.layer(last_first(s.patch(x))).mean((1, 2))),
        patch=nn.Conv2d(3, c, 8, 8),
        layer=layer,
        head=nn.Linear(c, 4),
    )
    if kind == "function" and h == w == c:
        return  # nothing could tell
    heatmap = ModelCheck(made(build), draw(1, 3, 8 * h, 8 * w)).gradcam(target=1, layer="layer")
    assert heatmap.raw.shape == (1, h, w)


def test_early_and_late_are_of_the_same_ranking():
    model = made(
        lambda: Made(
            lambda s, x: (pooled(s, s.two(s.one(s.pad(x)).relu())), s.other(x)),
            pad=nn.ZeroPad2d(1),
            one=nn.Conv2d(3, 8, 3, 2),
            two=nn.Conv2d(8, 8, 3),
            other=nn.Identity(),
            head=nn.Linear(8, 4),
        )
    )
    chosen = chosen_layers(find_images(ModelCheck(model, draw(1, 3, 16, 16)).subject), None)
    assert list(chosen) == ["one", "two"]


def test_what_is_no_map_is_told_with_its_shape():
    model = made(
        lambda: Made(
            lambda s, x: (lambda t: s.head((s.soft(t @ t.transpose(1, 2))[:, None].mean(1) @ t).mean(1)))(
                s.patch(x).flatten(2).transpose(1, 2)
            ),
            patch=nn.Conv2d(3, 16, 8, 8),
            soft=Made(lambda s, a: a.softmax(-1)),
            head=nn.Linear(16, 4),
        )
    )
    assert ModelCheck(model, draw(2, 3, 32, 32)).gradcam(target=1).layer == "patch"
    with pytest.raises(ExplanationError, match=r"'head' gives, of shape \(2, 4\), is no spatial map"):
        ModelCheck(model, draw(2, 3, 32, 32)).gradcam(target=1, layer="head")
