"""Maps on which no place speaks for the target: the pointing game is lost, and every method says the same."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ExplanationError, ModelCheck
from pytest_modelcheck.checks.explain.compare import StoredMap, compare
from pytest_modelcheck.checks.explain.heatmap import Heatmap

from .planted import Net, made

SIGNED = (
    "cam",
    "gradcam",
    "gradcam_plus_plus",
    "xgradcam",
    "hirescam",
    "layercam",
    "elementwise_cam",
    "ablation_cam",
)
ANY = ("eigencam", "score_cam")  # ask no class, or weigh all that is active
PICTURES = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
FIRST = (0, 0, 4, 4)
WHOLE = (0, 0, 8, 8)


def against() -> Net:
    """All that is active speaks against class 0 and for class 1."""
    model = Net(
        lambda self, x: self.head(self.conv(x).relu().mean((2, 3))),
        conv=nn.Conv2d(3, 4, 3, padding=1),
        head=nn.Linear(4, 2),
    )
    with torch.no_grad():
        for parameter in model.conv.parameters():
            parameter.abs_()
        model.head.weight.abs_()
        model.head.weight[0].neg_()
    return model


def said(method: str, target: object, where: object = WHOLE) -> str:
    """What a method makes of it: "blank", and "lost" in the pointing game; a map; or the error's words."""
    subject = ModelCheck(made(against), PICTURES)
    try:
        heatmap = getattr(subject, method)(target=target, layer="conv")
    except ExplanationError as error:
        return re.sub(r"[\w+-]*CAM[+]*|\d+", "", str(error).splitlines()[0])
    hits = [bool(h) for h in heatmap.points_at([where, where])]
    return ", ".join(
        f"{'map' if m.any() else 'blank'} {hit}" for m, hit in zip(heatmap.map, hits, strict=True)
    )


def test_every_method_says_the_same_where_no_place_speaks_for_the_class():
    found = {method: said(method, 0) for method in SIGNED}
    assert set(found.values()) == {"blank False, blank False"}


def test_every_method_says_the_same_where_one_sample_of_two_is_blank():
    found = {method: said(method, [0, 1]) for method in SIGNED}
    assert set(found.values()) == {"blank False, map True"}


@pytest.mark.parametrize("method", [*SIGNED, *ANY])
def test_a_map_that_speaks_for_the_class_is_still_a_map(method):
    assert said(method, 1) == "map True, map True"


BLANK = {
    "zero": np.zeros((1, 4, 4)),
    "negative": -np.ones((1, 4, 4)),
    "all below zero": -np.arange(16.0).reshape(1, 4, 4),
    "the same everywhere": np.ones((1, 4, 4)),
}


@pytest.mark.parametrize("raw", BLANK.values(), ids=BLANK.keys())
@pytest.mark.parametrize("where", [FIRST, WHOLE, np.ones((8, 8), bool)], ids=["corner", "all", "mask"])
@pytest.mark.parametrize("margin", [0, 3])
def test_a_blank_map_made_by_hand_points_nowhere(raw, where, margin):
    heatmap = Heatmap(raw.astype(np.float32), np.zeros((1, 3, 8, 8), np.float32), "own", "", (0,), (0.0,))
    hits = heatmap.points_at(where, margin=margin)
    assert not hits.any()
    assert "x=0, y=0" not in repr(hits)
    assert heatmap.overlay().size
    assert heatmap.to_dict()["map_shape"] == [4, 4]


def test_hits_of_a_batch_with_one_blank_map():
    raw = np.stack([np.zeros((4, 4)), np.eye(4)]).astype(np.float32)
    heatmap = Heatmap(raw, np.zeros((2, 3, 8, 8), np.float32), "own", "", (0, 0), (0.0, 0.0))
    assert heatmap.points_at([WHOLE, WHOLE]).tolist() == [False, True]


def test_blank_maps_are_compared_by_what_they_hold():
    blank, other = (StoredMap(m[None], {}) for m in (np.zeros((4, 4)), np.eye(4)))
    assert compare(blank, blank).matches
    for actual, expected in ((blank, other), (other, blank)):
        assert not compare(actual, expected).matches


def test_insertion_and_deletion_of_a_blank_map_are_told_or_finite():
    subject = ModelCheck(made(against), PICTURES)
    raw = np.zeros((2, 8, 8), np.float32)
    heatmap = Heatmap(raw, PICTURES.numpy(), "own", "conv", (0, 0), (0.0, 0.0))
    try:
        seen = subject.faithfulness(heatmap, steps=2)
    except ExplanationError as error:
        assert re.search("blank|no place|flat", str(error))  # noqa: PT017
    else:
        assert np.isfinite(seen.deletion_curve).all()
        assert np.isfinite(seen.drop).all()
