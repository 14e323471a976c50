"""Outputs side by side: what a person would look at."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from pytest_modelcheck.checks.outputs.pictures import MOST, SIDE, side_by_side
from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.drawing.html import environment

INPUT = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))


def show(old, new, inputs=(INPUT,)):
    return side_by_side(inputs, old, new)


def pixels(picture: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")


def test_what_is_equal_is_not_shown():
    logits = torch.randn(2, 10)
    assert show({"logits": logits}, {"logits": logits.clone()}) == []
    assert show({"logits": logits}, {"other": logits}) == []


def test_class_scores_are_the_top_five_of_both_where_they_are_farthest_apart():
    old = torch.arange(20.0).reshape(2, 10)
    new = old.clone()
    new[1, 2] = 99
    (one,) = show({"logits": old}, {"logits": new})
    assert (one["kind"], one["at"], one["same_first"], one["of"]) == ("scores", [1], 1, 2)
    assert one["first"] == [9, 2]
    assert "First class 9 → 2." in panel(drift(shown=[one]))
    assert [row["class"] for row in one["rows"]] == [9, 8, 7, 6, 5, 2]
    assert one["rows"][-1] == {"class": 2, "scores": [12.0, 99.0], "ranks": [8, 1]}


def test_a_segmentation_is_a_map_of_classes_and_where_they_differ():
    old = torch.zeros(2, 4, 32, 48)
    old[:, 1] = 1
    new = old.clone()
    new[1, 3, :16] = 9
    (one,) = show({"out": old}, {"out": new})
    assert (one["kind"], one["sample"], one["differ"], one["of"]) == ("masks", 1, 16 * 48, 32 * 48)
    assert {row["class"]: row["shares"] for row in one["rows"]} == {1: [1.0, 0.5], 3: [0.0, 0.5]}
    before, now, apart = (pixels(p) for p in (*one["images"], one["apart"]))
    assert before.size == now.size == apart.size == (144, 96)
    assert (
        before.getpixel((9, 9)) == before.getpixel((9, 90)) == now.getpixel((9, 90)) != now.getpixel((9, 9))
    )
    red, grey = apart.getpixel((9, 9)), apart.getpixel((9, 90))
    assert red[0] > 2 * red[1]
    assert grey[0] == grey[1] == grey[2]


def test_a_single_place_of_a_large_map_can_be_seen_where_they_differ():
    image = torch.rand(1, 3, 700, 700)
    old = torch.zeros(1, 700, 700, dtype=torch.long)
    for place in ((0, 0), (351, 402), (699, 699)):
        new = old.clone()
        new[0, place[0], place[1]] = 1
        (one,) = show({"labels": old}, {"labels": new}, (image,))
        assert one["differ"] == 1
        apart = np.asarray(pixels(one["apart"])).astype(int)
        red = np.argwhere(apart[..., 0] > 2 * apart[..., 1])
        assert len(red) >= 1
        assert abs(red - np.array(place) * SIDE / 700).max() <= 2


def test_scores_that_leave_all_classes_as_they_are_have_no_picture():
    old = torch.zeros(1, 4, 32, 48)
    old[:, 1] = 1
    (one,) = show({"out": old}, {"out": old * 2})
    assert one == {"path": "out", "sample": 0, "kind": "masks", "images": [], "differ": 0, "of": 32 * 48}
    assert "taken for the same class" in panel(drift(shown=[one]))


def test_labels_are_a_map_too_and_features_are_not():
    labels = torch.zeros(1, 32, 48, dtype=torch.long)
    assert show({"labels": labels}, {"labels": labels + 1})[0]["kind"] == "masks"
    features = torch.rand(1, 512, 32, 48)
    assert show({"features": features}, {"features": features + 1}) == []
    small = torch.rand(1, 64, 2, 3)
    assert show({"features": small}, {"features": small + 1}) == []


def test_pictures_share_one_scale():
    old = torch.zeros(1, 1, 32, 48)
    new = old.clone()
    new[..., 24:] = 4
    (one,) = show({"picture": old}, {"picture": new})
    assert (one["kind"], one["range"], one["far"]) == ("images", [0.0, 4.0], 4.0)
    assert pixels(one["images"][0]).getpixel((140, 9)) == (0, 0, 0)
    assert pixels(one["images"][1]).getpixel((140, 9)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("path", "box"),
    [("boxes", [4.0, 4, 20, 20]), ("1.boxes", [4.0, 4, 20, 20]), ("pred_boxes", [0.25, 0.4, 0.3, 0.5])],
)
def test_boxes_are_drawn_on_their_input_however_many(path, box):
    old, new = torch.tensor([box, box]), torch.tensor([box])
    if path == "pred_boxes":
        old, new = old[None], new[None]
    (one,) = show({path: old}, {path: new})
    assert (one["kind"], one["counts"]) == ("boxes", [2, 1])
    assert pixels(one["images"][0]).size == (144, 96)
    assert pixels(one["images"][0]).tobytes() != pixels(one["images"][1]).tobytes()
    assert "both: base blue, head red" in panel(drift(shown=[one]))


def test_boxes_of_both_sides_are_on_one_picture():
    (one,) = show({"boxes": torch.tensor([[4.0, 4, 20, 20]])}, {"boxes": torch.tensor([[24.0, 4, 40, 20]])})
    both = pixels(one["apart"])
    blue, red = both.getpixel((12, 30)), both.getpixel((72, 30))
    assert blue[2] > 2 * blue[0]
    assert red[0] > 2 * red[2]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e38])
def test_no_value_breaks_a_picture(value):
    given = {
        "logits": torch.randn(2, 5),
        "picture": torch.rand(1, 3, 32, 48),
        "out": torch.rand(1, 5, 32, 48),
        "boxes": torch.tensor([[1.0, 2, 9, 9]]),
    }
    spoiled = {path: tensor.clone() for path, tensor in given.items()}
    for tensor in spoiled.values():
        tensor.view(-1)[1] = value
    kinds = {one["kind"] for one in show(given, spoiled)}
    assert kinds == {"scores", "images", "masks", "boxes"}
    assert show(spoiled, given)


def test_pictures_are_small_and_few():
    large = torch.rand(1, 3, 200, 400)
    found = show({str(i): large * 0 for i in range(6)}, {str(i): large for i in range(6)}, (large,))
    assert len(found) == MOST
    assert all(max(pixels(p).size) == SIDE for one in found for p in (*one["images"], one["apart"]))
    assert sum(len(p) for p in found[0]["images"]) < 60_000


SUBJECT = {"id": "net", "name": "net", "checks": []}


def drift(**more):
    row = {
        "path": "<b>", "shape": [2, 5], "dtype": "float32", "max_error": 0.1, "mean_error": "nan", "equal": 0.5,
        "nan": [0, 1], "inf": [0, 0], "problem": "",
    }  # fmt: skip
    modules = [
        {"module": f"m{i}", "call": 0, "error": 0.0 if i < 3 else 10.0**-i, "received": 0.0} for i in range(6)
    ]
    return {
        "against": "base", "max_error": 0.1, "mean_error": "nan", "agreement": 0.5, "positions": 2, "agreed": 1,
        "bit_for_bit": False, "first_module": "m3", "modules": modules, "outputs": [row], "vacuous": "",
        "incomparable": "", "notes": ["<i>"], "stands": "", "nodeid": None,
        "shown": show({"logits": torch.randn(1, 5), "out": torch.rand(1, 5, 32, 48)},
                      {"logits": torch.randn(1, 5), "out": torch.rand(1, 5, 32, 48)}),
        **more,
    }  # fmt: skip


def panel(*drifts, thin=0):
    section = default_registry().sections["drift"]
    return str(section.panel.render(list(drifts), {"s": SUBJECT, "thin": thin}))


def test_the_panel_of_drift_marks_the_first_module_on_powers_of_ten():
    html = panel(drift())
    assert '<polyline class="mark"' in html
    assert "<title>m3</title>" in html
    assert [t for t in ("1e-3", "1e-4", ">0<") if t not in html] == []
    assert "<b>" not in html
    assert "<i>" not in html
    assert html.count("data:image/png") == 3
    thin = panel(drift(), thin=2)
    assert "data:image/png" not in thin
    assert "Pictures of out are left out" in thin


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"bit_for_bit": True, "max_error": 0.0}, "the same, bit for bit"),
        ({"incomparable": "shapes differ", "max_error": None, "modules": []}, "cannot be compared: shapes differ"),
        ({"vacuous": "they are 0"}, "Agreement proves nothing here: they are 0"),
        ({"stands": "as they stand: 0.3"}, "as they stand: 0.3"),
        ({"first_module": None, "modules": []}, "Largest error"),
        ({"first_module": "", "modules": []}, "(the model itself)"),
        ({"against": "bfloat16"}, "Against bfloat16"),
    ],
)  # fmt: skip
def test_the_panel_of_drift_says_what_there_is(more, words):
    assert words in panel(drift(**more))


def test_a_plot_over_powers_of_ten_takes_any_values():
    plot = environment().globals["plot"]
    for values in ([], [0, 0], [1e-9, 1e9], [5.0, 5.0], [1.0], [1e-300, 1]):
        svg = str(plot(list(range(len(values))), {"a": values}, y_log=True, mark=(0, "x" * 90)))
        assert "nan" not in svg
        assert f"…{'x' * 31}<" in svg
