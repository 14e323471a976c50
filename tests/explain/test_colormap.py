"""Equal steps of a map look equal."""

import numpy as np
from PIL import Image

from pytest_modelcheck.checks.explain.colormap import blend, table


def test_lightness_rises_in_equal_steps():
    """CIE lightness of the colours, from their luminance (IEC 61966-2-1 and CIE 15)."""
    srgb = table() / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = 116 * np.cbrt(luminance) - 16
    steps = np.diff(lightness.reshape(-1, 16).mean(1))
    assert (steps > 0).all()
    assert steps.max() < 1.6 * steps.min()


def test_a_cold_place_shows_the_picture_and_a_hot_one_the_colour():
    grey = Image.new("RGB", (2, 1), (100, 100, 100))
    cold, hot = np.asarray(blend(grey, np.array([[0.0, 1.0]])))[0].astype(int)
    assert (cold == 100).all()
    assert np.abs(hot - table()[-1]).max() < 0.3 * 255
