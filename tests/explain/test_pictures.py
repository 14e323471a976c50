"""Pictures: what of a map is seen in them, for photographs, signals and volumes; and the stored ones."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from pytest_modelcheck import Heatmap
from pytest_modelcheck.checks.explain.colormap import NO_NUMBER, signed_table, table
from pytest_modelcheck.checks.explain.compare import HeatmapComparison, StoredMap
from pytest_modelcheck.checks.explain.images import resized
from pytest_modelcheck.checks.explain.panel import rows
from pytest_modelcheck.checks.explain.pictures import compared_pictures
from pytest_modelcheck.checks.explain.projection import Projection
from pytest_modelcheck.checks.explain.views import over_input, slices
from pytest_modelcheck.errors import MeasurementError
from pytest_modelcheck.snapshots.png import FACTS, RAW, decode, encode

RANDOM = np.random.default_rng(0)


def made(raw, space=(32, 32), channels=3, **more):
    raw = np.asarray(raw, np.float32)
    image = RANDOM.random((len(raw), channels, *space), np.float32)
    samples = len(raw)
    return Heatmap(raw, image, "Grad-CAM", "layer", (1,) * samples, (0.5,) * samples, **more)


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")).astype(int)


def close(colour, other):
    return np.abs(np.asarray(colour, int) - np.asarray(other, int)).max() <= 12


QUARTERS = np.zeros((1, 4, 4), np.float32)
QUARTERS[0, :2, :2], QUARTERS[0, 2:, 2:] = 2, 1
SPOTS = [(20, 20), (20, 236), (236, 20), (236, 236)]  # of a picture of 256 pixels, within each quarter


def spots(picture):
    return [pixels(picture)[spot] for spot in SPOTS]


def test_maps_without_a_sign_share_a_scale_from_zero_and_the_difference_has_its_own():
    seen = compared_pictures(made(QUARTERS), StoredMap(QUARTERS * 2, {}))
    assert (seen["signed"], seen["top"], seen["most"]) == (False, 4, 2)
    hot, cold, half = table()[-1], table()[0], table()[128]
    for name, colours in {
        "expected": (hot, cold, cold, half),
        "actual": (half, cold, cold, table()[64]),
        "difference": (hot, cold, cold, half),
    }.items():
        assert all(map(close, spots(seen[name]), colours)), name


def test_maps_with_a_sign_are_white_at_zero_in_all_three():
    """What speaks against the target is seen, and so is a change of it."""
    expected = QUARTERS.copy()
    expected[0, :2, 2:] = -2
    seen = compared_pictures(made(-expected), StoredMap(expected, {}))
    assert (seen["signed"], seen["top"], seen["most"]) == (True, 2, 4)
    low, high, white = signed_table()[0], signed_table()[-1], (255, 255, 255)
    some, less = signed_table()[192], signed_table()[64]
    for name, colours in {
        "expected": (high, low, white, some),
        "actual": (low, high, white, less),
        "difference": (low, high, white, less),
    }.items():
        assert all(map(close, spots(seen[name]), colours)), name


@pytest.mark.parametrize(
    ("grid", "space", "worst", "place"),
    [
        ((4, 4), (32, 32), (0, 3), (28, 4)),
        ((8,), (400,), (5,), (275,)),
        ((4, 4, 4), (16, 32, 32), (2, 0, 3), (28, 4, 10)),
    ],
)
def test_the_worst_place_is_framed_and_told(grid, space, worst, place):
    raw = np.ones((2, *grid), np.float32)
    raw[1][worst] = 5
    seen = compared_pictures(made(raw, space), StoredMap(np.ones_like(raw), {}))
    assert seen["sample"] == 1
    size = [s // g for s, g in zip(space, grid, strict=True)]
    assert all(abs(a - b) <= s for a, b, s in zip(seen["place"], place, reversed(size), strict=True))
    for name in ("expected", "actual", "difference", "input"):
        assert (pixels(seen[name]) > 240).all(2).any(), name  # the frame's white line
    same = compared_pictures(made(raw, space), StoredMap(raw, {}))
    assert "place" not in same


@pytest.mark.parametrize(
    ("shape", "difference", "note"),
    [
        ((1, 8, 8), True, "maps 1x8x8 expected, 1x4x4 measured: compared as they lie over the input"),
        ((3, 4, 4), True, "3 samples expected, 1 measured: of those that both have"),
        ((1, 4), False, "no difference: a map 1x4 expected, 1x4x4 measured"),
    ],
)
def test_maps_of_another_shape_are_drawn_too(shape, difference, note):
    seen = compared_pictures(made(QUARTERS), StoredMap(np.ones(shape, np.float32), {}))
    assert ("difference" in seen) is difference
    assert seen["notes"] == [note]
    assert pixels(seen["expected"]).shape == pixels(seen["actual"]).shape == (256, 256, 3)
    assert compared_pictures(made(QUARTERS), StoredMap(np.ones((0, 4, 4), np.float32), {})) is None


def test_what_is_no_number_is_marked():
    raw = QUARTERS.copy()
    raw[0, 3, 0] = np.nan
    seen = compared_pictures(made(raw), StoredMap(QUARTERS, {}))
    assert close(spots(seen["actual"])[2], NO_NUMBER)
    assert "green: NaN or infinite" in seen["notes"]
    assert (seen["top"], seen["place"][0] < 16, seen["place"][1] >= 16) == (2, True, True)
    lines = HeatmapComparison("default", float("nan"), float("nan")).lines()
    assert all("differs" in line for line in lines)


@pytest.mark.parametrize(
    ("grid", "space"), [((7,), (100,)), ((7, 5), (64, 96)), ((64, 96), (20, 30)), ((3, 4, 1), (12, 16, 9))]
)
def test_maps_lie_over_the_input_as_torch_has_it(grid, space):
    raw = RANDOM.normal(size=grid).astype(np.float32)
    torchs = resized(torch.from_numpy(raw)[None, None], space)[0, 0].numpy()
    assert np.abs(over_input(raw, space) - torchs).max() < 1e-4
    whole = resized(torch.from_numpy(raw)[None, None], tuple(2 * s for s in space))[0, 0].numpy()
    half = over_input(raw, space, [0.5] * len(space))  # the picture takes the first half of the grid
    assert np.abs(half - whole[tuple(slice(s) for s in space)]).max() < 1e-4


def test_a_signal_has_its_line_over_the_map():
    signal = np.zeros((1, 1, 64), np.float32)
    signal[0, 0, 32:] = 1
    heatmap = Heatmap(np.array([[0, 0, 0, 9.0]], np.float32), signal, "CAM", "l", (1,), (1.0,))
    picture = np.asarray(heatmap.overlay()).astype(int)
    height, width, _ = picture.shape
    assert width > 2 * height
    assert (picture[:, : width // 3] == 255).all(2).mean() > 0.9  # cold: white, but for the line
    assert picture[-20:, width // 6].min() < 80  # low on the left, high on the right
    assert picture[:20, -width // 6].min() < 80
    assert close(picture[height // 2, -2], table()[-1])


@pytest.mark.parametrize(("depth", "hottest"), [(24, 13), (24, 0), (5, 2), (2, 1)])
def test_the_hottest_slice_is_among_those_of_a_volume(depth, hottest):
    heat = np.zeros((depth, 4, 4), np.float32)
    heat[hottest, 1, 2] = 1
    chosen = slices(heat)
    assert hottest in chosen
    assert len(chosen) == min(depth, 5)
    assert chosen == sorted(set(chosen))


def test_a_box_of_a_volume_is_drawn_in_its_slices():
    heat = np.zeros((1, 10, 8, 8), np.float32)
    heat[0, 6, 2, 3] = 1
    heatmap = made(heat, (10, 8, 8), channels=1)
    assert heatmap.points_at((3, 2, 5, 5, 4, 7)).all()
    assert not heatmap.points_at((3, 2, 0, 5, 4, 3)).any()
    (row,) = rows([{**heatmap.to_dict(), "nodeid": "t"}])
    (shown,) = row.pictures
    first, second = shown.marks
    assert shown.frame == (40, 8)
    at = shown.slices.index(6)
    assert (8 * at + 3, 2, 2, 2) in first.boxes
    assert first.dots == second.dots == [(8 * at + 3.5, 2.5)]
    assert (first.hit, second.hit) == (True, False)


def test_where_no_place_speaks_for_the_target_none_is_marked():
    heatmap = made(-QUARTERS - 1)
    assert not heatmap.points_at((0, 0, 32, 32)).any()
    (row,) = rows([{**heatmap.to_dict(), "nodeid": "t"}])
    (mark,) = row.pictures[0].marks
    assert (mark.dots, mark.hit, mark.told) == ([], False, "no place speaks for the target")
    assert mark.boxes == [(0, 0, 32, 32)]


def test_a_few_strong_pixels_leave_no_projection_grey():
    raw = RANDOM.uniform(-1, 1, (1, 3, 64, 64)).astype(np.float32)
    raw[0, :, 0, 0] = 1000
    seen = Projection(raw, raw, "Guided", "", (1,), (1.0,), relus=1).picture()
    away = np.abs(np.asarray(seen).astype(int) - 128)
    assert (away > 64).mean() > 0.4
    patch = np.zeros_like(raw)
    patch[..., 8:12, 8:12] = raw[..., 8:12, 8:12]  # less than 2 % of the picture: scaled by itself
    seen = Projection(patch, raw, "Guided", "", (1,), (1.0,), relus=1).picture()
    away = np.abs(np.asarray(seen).astype(int) - 128)[8:12, 8:12]
    assert 0.2 < (away > 64).mean() < 0.8


@pytest.mark.parametrize(("samples", "shown"), [(1, 1), (4, 4), (16, 16), (40, 16)])
def test_every_sample_is_shown_and_of_very_many_some(samples, shown):
    heatmap = made(RANDOM.random((samples, 2, 2)), top=(((1, 0.75), (0, 0.25)),) * samples, names={1: "cat"})
    entry = heatmap.to_dict()
    found = rows([{**entry, "nodeid": "t"}])
    assert len(found) == len(entry["views"]) == shown
    assert [row.sample for row in found][:: max(shown - 1, 1)] == [0, samples - 1][:shown]
    assert found[-1].top == [("cat (class 1)", 0.75), ("class 0", 0.25)]
    assert found[-1].pictures[0].probability == 0.75
    assert len(json.dumps(entry)) < 40_000 * shown


def test_the_automatic_map_is_not_shown_beside_the_tests_own():
    entry = made(QUARTERS).to_dict()
    other = {**entry, "layer": "another"}
    own = [{**entry, "nodeid": name} for name in "ab"]
    (row,) = rows([entry, *own])
    assert [shown.tests for shown in row.pictures] == ["a, b"]
    (row,) = rows([other, *own])
    assert [shown.tests for shown in row.pictures] == ["", "a, b"]
    older = {key: entry[key] for key in ("title", "method", "layer", "target", "score", "image", "input")}
    assert len(rows([{**older, "nodeid": None}])) == 1


# Stored PNGs


def facts(**changed):
    known = {"format": 1, "method": "m", "layer": "l", "target": [1], "score": [0.5], "shape": [1, 4, 4]}
    return {key: value for key, value in {**known, **changed}.items() if value is not ...}


def stored(known, raw=QUARTERS, text=None):
    info = PngImagePlugin.PngInfo()
    info.add_text(FACTS, json.dumps(known), zip=True)
    info.add_text(RAW, text or base64.b64encode(raw.tobytes()).decode(), zip=True)
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info, optimize=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        *[({"format": value}, "which is no format's number") for value in (0, -1, True, "1", 1.0, None, ...)],
        ({"format": 2}, "format changed"),
        *[
            ({"shape": value}, "no map has the shape")
            for value in (
                [-1, 4, 4],
                [1, -4, -4],
                [0, 4, 4],
                [16],
                [1, 4, 4.0],
                [True, 4, 4],
                "1,4,4",
                None,
                [2**20] * 3,
                [1] * 5,
            )
        ],
        *[({"shape": value}, "bytes") for value in ([1, 4, 5], [1, 4, 3], [2, 4, 4])],
    ],
)
def test_facts_that_cannot_be_are_refused(changed, words):
    assert decode(stored(facts())).raw.tolist() == QUARTERS.tolist()
    with pytest.raises(MeasurementError, match=words):
        decode(stored(facts(**changed)))


@pytest.mark.parametrize("text", ["not base64!", "AAAA\nAAAA", "A" * 10_000_000])
def test_values_that_cannot_be_are_refused(text):
    with pytest.raises(MeasurementError, match="damaged"):
        decode(stored(facts(), text=text))


@pytest.mark.parametrize("at", [60, -40])
def test_a_byte_that_changed_is_noticed(at):
    data = bytearray(stored(facts()))
    data[at] ^= 255
    with pytest.raises(MeasurementError, match="bytes changed"):
        decode(bytes(data))


@pytest.mark.parametrize("shape", [(1, 25), (2, 7, 7), (1, 4, 6, 6), (2, 512, 512)])
def test_maps_of_any_size_and_space_come_back_as_they_were(shape):
    raw = RANDOM.normal(size=shape).astype(np.float32)
    heatmap = made(raw, tuple(2 * side for side in shape[1:]), channels=1)
    assert encode(heatmap) == encode(heatmap)
    assert (decode(encode(heatmap)).raw == raw).all()


@pytest.mark.parametrize(("side", "shown"), [(24, 216), (160, 160), (224, 224), (800, 224)])
def test_a_stored_picture_is_no_larger_than_it_must_be(side, shown):
    x, y = np.mgrid[:side, :side] / side
    picture = np.stack([np.sin(9 * x), np.cos(7 * y), x * y])[None].astype(np.float32)
    picture += 0.1 * RANDOM.random(picture.shape, np.float32)  # grain
    data = encode(Heatmap(QUARTERS, picture, "m", "l", (1,), (0.5,)))
    assert Image.open(io.BytesIO(data)).size == (2 * shown, shown)
    assert len(data) < 64_000
