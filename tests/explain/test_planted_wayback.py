"""The way back from the score: right in any precision, through checkpoints and writes in place; a cut is named."""

import functools
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.errors import ModelCheckError

from .planted import METHODS, PROJECTIONS, Fun, far, made
from .planted_wayback import (
    BYTES,
    CHECKPOINTS,
    CUTS,
    IN_PLACE,
    LAYERS,
    Boxed,
    Boxes,
    Pyramid,
    Scripted,
    Three,
    X,
    bytes_inside,
    objectness,
    pyramid,
)

ALL = [*METHODS, *PROJECTIONS]
BARE_TORCH = (
    "Cannot set",
    "does not require grad",
    "modified by an inplace operation",
    "Inference tensors cannot",
    "element 0 of tensors",
    "Trying to backward",
    "expected scalar type",
    "must have the same dtype",
    "not implemented for",
)


def explained(model, method, inputs=X, **options):
    return getattr(ModelCheck(model, inputs), method)(**{"target": 1, **options})


@functools.cache
def plainly(method, **options):
    """Of the network without any of what lies on the way."""
    return explained(made(Three), method, **options)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("method", ALL)
def test_the_callers_autocast(method, dtype):
    model = made(Three)
    want = explained(model, method).raw
    with torch.autocast("cpu", dtype):
        got = explained(model, method)
    assert got.raw.dtype == np.float32
    assert got.map.dtype == np.float32
    assert np.corrcoef(got.raw.ravel(), want.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("method", ALL)
def test_weights_of_half_precision(method, dtype):
    want = plainly(method).raw
    got = explained(made(Three).to(dtype), method, X.to(dtype))
    assert got.raw.dtype == np.float32
    assert np.corrcoef(got.raw.ravel(), want.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("ask", ["invariance", "faithfulness", "strongest_activations", "autocast inside"])
def test_what_else_runs_under_autocast(ask, dtype):
    model = made(Three)
    if ask == "autocast inside":
        within = torch.autocast("cpu", dtype)(lambda block, x: block(x))
        model.middle = lambda block, x: within(block, x).float()
        assert explained(model, "gradcam").raw.dtype == np.float32
        return
    subject = ModelCheck(model, X)
    heatmap = subject.gradcam(target=1)
    with torch.autocast("cpu", dtype):
        if ask == "invariance":
            assert subject.invariance("translation", values=[0.1]).min_probability > 0
        elif ask == "faithfulness":
            assert np.isfinite(subject.faithfulness(heatmap, steps=1).insertion).all()
        else:
            assert subject.strongest_activations(["stem"], features=1, samples=1)


@pytest.mark.parametrize("kind", CHECKPOINTS)
@pytest.mark.parametrize("layer", LAYERS)
def test_checkpoints_in_the_way_of_a_map(kind, layer):
    for method in ("gradcam", "ablation_cam"):
        want = plainly(method, layer=layer).raw
        got = explained(made(lambda: Three(CHECKPOINTS[kind])), method, layer=layer).raw
        assert far(got, want) < 1e-5, method


@pytest.mark.parametrize("kind", ["not reentrant", "reentrant"])
@pytest.mark.parametrize("method", ALL)
def test_checkpoints_and_every_method(kind, method):
    want = plainly(method)
    got = explained(made(lambda: Three(CHECKPOINTS[kind])), method)
    assert far(got.raw, want.raw) < 1e-5
    assert getattr(got, "relus", 0) == getattr(want, "relus", 0)


@pytest.mark.parametrize("kind", CHECKPOINTS)
@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop"])
def test_a_feature_within_a_checkpoint(kind, method):
    for layer in ("block.0", "tail"):
        options = {"target": None, "layer": layer, "feature": 2}
        want = plainly(method, **options).raw
        got = explained(made(lambda: Three(CHECKPOINTS[kind])), method, **options).raw
        assert far(got, want) < 1e-5, layer


@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.parametrize("layer", ["stem", "tail", None])
def test_writes_in_place_before_and_behind_a_layer(name, layer):
    inplace, plain = IN_PLACE[name]
    for method in ("gradcam", "ablation_cam"):
        found = explained(made(lambda: Three(after=inplace)), method, layer=layer)
        want = explained(made(lambda: Three(after=plain)), method, layer=found.layer).raw
        assert far(found.raw, want) < 1e-5, method


@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop"])
def test_writes_in_place_on_the_way_to_the_pixels(name, method):
    inplace, plain = IN_PLACE[name]
    for options in ({}, {"target": None, "layer": "tail", "feature": 1}):
        want = explained(made(lambda: Three(after=plain)), method, **options).raw
        got = explained(made(lambda: Three(after=inplace)), method, **options).raw
        if name != "masked_fill_":  # a rectifier only where it is written as one
            assert far(got, want) < 1e-5


@pytest.mark.parametrize("method", [m for m in ALL if m != "cam"])
@pytest.mark.parametrize("layer", [None, "body"])
def test_a_detectors_head_that_squashes_in_place(method, layer):
    options = {"target": objectness} | ({} if method in PROJECTIONS[:2] else {"layer": layer})
    got = explained(made(lambda: Boxes(True)), method, **options)
    want = explained(made(lambda: Boxes(False)), method, **options)
    assert far(got.raw, want.raw) < 1e-5


@pytest.mark.parametrize("method", METHODS)
def test_bytes_are_converted_inside(method):
    model = made(bytes_inside)
    want = explained(model.net, method, (BYTES.float() / 255 - 0.5) / 0.2, layer="end").raw
    got = explained(model, method, BYTES, layer="net.end")
    if method != "score_cam":  # masked bytes are rounded
        assert far(got.raw, want) < 1e-5
    assert got.image.max() > 1


@pytest.mark.parametrize("method", PROJECTIONS)
def test_bytes_are_told_or_go_down_as_the_numbers_that_they_are(method):
    model = made(bytes_inside)
    try:
        got = explained(model, method, BYTES)
    except Exception as error:
        assert "uint8" in str(error)  # noqa: PT017
        assert "float" in str(error)  # noqa: PT017
    else:
        assert far(got.raw, explained(model, method, BYTES.float()).raw) < 1e-5


@pytest.mark.parametrize("cut", CUTS, ids=repr)
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("gradcam", {}),
        ("layercam", {"layer": "features"}),
        ("guided_backprop", {}),
        ("guided_gradcam", {"layer": "features"}),
    ],
)
def test_the_cause_of_a_cut_is_named(cut, method, options):
    """In an error; or in a note, where the map can be right."""
    try:
        found = explained(made(cut.build), method, **options)
    except ModelCheckError as error:
        said = str(error)
    else:
        assert cut.bare, found
        want = explained(made(lambda: cut._replace(part=lambda: Fun(cut.bare)).build()), method, **options)
        assert far(found.raw, want.raw) < 1e-5
        said = " ".join(found.notes)
    assert any(word in said for word in cut.words)
    assert "cut" in said  # the module in which it happens
    assert not any(words in said for words in BARE_TORCH)


@pytest.mark.parametrize("cut", [c for c in CUTS if c.name != "numpy, not detached"], ids=repr)
@pytest.mark.parametrize("method", ["eigencam", "ablation_cam"])
def test_what_needs_no_gradient_passes_a_cut(cut, method):
    assert explained(made(cut.build), method, layer="features").raw.shape == (2, 8, 8)


@pytest.mark.parametrize("cut", CUTS, ids=repr)
@pytest.mark.parametrize("method", ["gradcam", "eigencam"])
def test_a_cut_before_the_layer_does_no_harm(cut, method):
    """Nothing before the layer is differentiated."""
    from .planted import Net

    def build():
        return Net(
            lambda net, x: net.head(
                net.conv(net.cut(x.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, (4, 4))).mean(
                    (2, 3)
                )
            ),
            cut=cut.part(),
            conv=nn.Conv2d(8, 8, 3, padding=1),
            head=nn.Linear(8, 4),
        )

    x = torch.rand(2, 8, 4, 4, generator=torch.Generator().manual_seed(0))
    assert explained(made(build), method, x, layer="conv").raw.shape == (2, 4, 4)


KINDS = {"OrderedDict": (pyramid(), "0"), "dict": (pyramid(dict), "0"), "object": (pyramid(Boxed), "low")}


@pytest.mark.parametrize(("build", "key"), KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("method", ["gradcam", "eigencam", "ablation_cam", "guided_gradcam"])
def test_a_layer_that_returns_several_maps(build, key, method):
    """Its first map, or words that name what it returns; it was called."""
    want = explained(made(build), method, layer="backbone.one")
    try:
        got = explained(made(build), method, layer="backbone")
    except Exception as error:
        assert "never called" not in str(error)  # noqa: PT017
        assert key in str(error) or type(made(Pyramid)(X)).__name__ in str(error) or "Boxed" in str(error)  # noqa: PT017
    else:
        assert got.raw.shape[1:] in (want.raw.shape[1:], (8, 8), (16, 16))


def test_a_feature_of_a_layer_that_returns_a_dictionary():
    for method in ("deconvnet", "guided_backprop"):
        try:
            explained(made(pyramid()), method, target=None, layer="backbone", feature=1)
        except Exception as error:
            assert "never called" not in str(error)  # noqa: PT017
            assert "ran 0 times" not in str(error)  # noqa: PT017
            assert type(error).__name__ == "ExplanationError"  # noqa: PT017


@pytest.mark.parametrize("method", [m for m in ALL if m != "cam"])
def test_parts_of_torchscript(method):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = made(lambda: Scripted(True))
    for layer in ("stem", "tail"):
        options = {} if method in PROJECTIONS[:2] else {"layer": layer}
        want = explained(made(lambda: Scripted(False)), method, **options)
        try:
            got = explained(model, method, **options)
        except Exception as error:
            assert type(error).__name__ == "ExplanationError"  # noqa: PT017
            assert "script" in str(error).lower()  # noqa: PT017
            continue
        told_of = " ".join(getattr(got, "notes", ()))
        assert far(got.raw, want.raw) < 1e-5 or "script" in told_of.lower()


@pytest.mark.parametrize("method", ["gradcam", "eigencam", "guided_backprop", "ablation_cam"])
def test_parts_that_are_compiled_and_wrappers(method):
    want = plainly(method).raw
    compiled = made(Three)
    compiled.block = torch.compile(compiled.block, backend="eager")
    for model in (compiled, nn.DataParallel(made(Three)), torch.compile(made(Three), backend="eager")):
        assert far(explained(model, method).raw, want) < 1e-5
