"""Expected, actual and difference of a heatmap in a real browser: swipe, onion skin, paper, no script."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.explain.compare import StoredMap, compare
from pytest_modelcheck.checks.explain.pictures import compared_pictures

from ..catalogue import write_report
from .conftest import address

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_path(record, tmp_path_factory):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    heatmap = ModelCheck(net, input_size=(1, 3, 24, 24)).gradcam(target=1, layer="0")
    expected = StoredMap(np.roll(heatmap.raw, 8, 2), {})
    seen = compare(StoredMap(heatmap.raw, {}), expected)
    compared = {"compared": compared_pictures(heatmap, expected), "lines": seen.lines()}
    heatmap.points_at((4, 4, 12, 12))
    record = copy.deepcopy(record)
    record["subjects"][0]["heatmaps"] = [{**heatmap.to_dict(), **compared}]
    return write_report(record, tmp_path_factory.mktemp("maps"))


@pytest.fixture
def open_page(tab, page_path):
    def open_(width=1280, **options):
        page = tab(width, **options)
        page.goto(address(page_path, "maps"))
        return page

    return open_


def pixels(page, x: float) -> bytes:
    """What is on the screen at a share `x` of the stack's width."""
    box = page.locator(".stack").bounding_box()
    clip = {
        "x": box["x"] + x * box["width"] - 12,
        "y": box["y"] + 10,
        "width": 24,
        "height": box["height"] - 20,
    }
    return page.screenshot(clip=clip)


def compare_by(page, how: str, value: int) -> None:
    page.get_by_label("how to compare").select_option(how)
    page.get_by_label("from expected to actual").fill(str(value))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_swipe_shows_actual_on_the_left_and_expected_on_the_right(open_page, width, scheme):
    page = open_page(width, color_scheme=scheme)
    assert page.locator(".maps figure").count() == 3
    assert page.locator(".stack").is_hidden()
    page.get_by_label("how to compare").scroll_into_view_if_needed()
    shown = {}
    for value in (0, 50, 100):
        compare_by(page, "swipe", value)
        page.locator(".stack").scroll_into_view_if_needed()
        shown[value] = [pixels(page, x) for x in (0.2, 0.8)]
    assert shown[0] != shown[100]
    assert shown[50] == [shown[100][0], shown[0][1]]
    assert page.locator(".maps").is_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.messages == []


def test_onion_skin_fades_from_one_to_the_other_and_back_to_side_by_side(open_page):
    page = open_page()
    shown = []
    for value in (0, 50, 100):
        compare_by(page, "onion skin", value)
        page.locator(".stack").scroll_into_view_if_needed()
        shown.append(pixels(page, 0.3))
    assert len(set(shown)) == 3
    page.get_by_label("how to compare").select_option("side by side")
    assert page.locator(".maps").is_visible()
    assert page.locator(".stack").is_hidden()


def test_without_a_script_the_three_stand_side_by_side(open_page):
    page = open_page(java_script_enabled=False)
    assert page.get_by_label("how to compare").count() == 0
    assert [page.get_by_alt_text(name).is_visible() for name in ("expected", "actual", "difference")] == [
        True
    ] * 3


@pytest.mark.parametrize("scripts", [True, False])
def test_the_box_is_seen_and_a_script_lets_choose_colours_and_cover(open_page, scripts):
    page = open_page(java_script_enabled=scripts)
    laid = page.locator(".heatmaps figure.map .laid")
    laid.scroll_into_view_if_needed()
    frame, box = laid.bounding_box(), laid.locator("rect.edge").bounding_box()
    assert box["width"] == pytest.approx(frame["width"] * 8 / 24, abs=3)
    assert box["x"] - frame["x"] == pytest.approx(frame["width"] * 4 / 24, abs=2)
    assert laid.locator("img, svg.picture").is_visible()
    assert page.get_by_label("what is shown").count() == scripts
    if scripts:
        canvas = laid.locator("canvas")
        canvas.wait_for()
        seen = [canvas.screenshot()]
        page.get_by_label("colours").select_option("turbo")
        seen.append(canvas.screenshot())
        page.get_by_label("opacity").fill("10")
        seen.append(canvas.screenshot())
        page.get_by_label("what is shown").select_option("map alone")
        seen.append(canvas.screenshot())
        assert len(set(seen)) == 4
        assert page.get_by_label("opacity").is_hidden()
        assert page.messages == []


def test_the_coloured_map_is_the_plain_overlay(open_page):
    """What the browser makes of the small map is what is seen without it."""
    shots = []
    for scripts in (True, False):
        page = open_page(java_script_enabled=scripts)
        page.add_style_tag(content=".marks { display: none }") if scripts else None
        laid = page.locator(".heatmaps figure.map .laid")
        if scripts:
            laid.locator("canvas").wait_for()
        shots.append(np.asarray(Image.open(io.BytesIO(laid.screenshot())).convert("RGB")).astype(float))
    away = np.abs(shots[0] - shots[1]).max(2)
    assert np.median(away) < 8  # without marks, which one of them lacks


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_heatmaps_have_no_barriers(open_page, barriers, scheme):
    page = open_page(color_scheme=scheme)
    page.locator(".heatmaps canvas").wait_for()
    assert barriers(page) == {}


def test_every_picture_is_there_before_it_is_scrolled_to(open_page):
    """On paper, and in a picture of the whole page."""
    page = open_page()
    assert page.evaluate(
        "[...document.images].filter(i => i.checkVisibility()).every(i => i.complete && i.naturalWidth)"
    )


def test_on_paper_the_maps_stand_side_by_side_whatever_the_screen_shows(open_page):
    page = open_page()
    compare_by(page, "swipe", 50)
    assert page.locator(".maps").is_hidden()
    page.emulate_media(media="print")
    assert page.locator(".maps").is_visible()
    assert page.locator(".stack").is_hidden()
