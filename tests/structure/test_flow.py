"""Sequences of steps laid side by side, also where hundreds of layers are all alike."""

import time

import pytest

from pytest_modelcheck.checks.structure.compare.sequences import opcodes

LAYER = list("abcdefgh")


def changed(n, change):
    return [step for i in range(n) for step in change(i, list(LAYER))]


def renamed(i, layer):
    return [step.upper() if step in "cf" else step for step in layer]


def longer(i, layer):
    return layer if i % 50 else [*layer, "new"]


def shorter(i, layer):
    return [] if i in (7, 8) else layer


@pytest.mark.parametrize("n", [3, 10, 400])
@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (lambda i, layer: layer, lambda n: 8 * n),
        (renamed, lambda n: 6 * n),
        (longer, lambda n: 8 * n),
        (shorter, lambda n: 8 * (n - 2 * (n > 8))),
    ],
)
def test_steps_laid_side_by_side(n, change, kept):
    old, new = changed(n, lambda i, layer: layer), changed(n, change)
    start = time.process_time()
    found = list(opcodes(old, new))
    assert time.process_time() - start < 5  # difflib alone takes minutes for the longest ones
    assert [(i1, j1) for _, i1, _, j1, _ in found][1:] == [(i2, j2) for _, _, i2, _, j2 in found][:-1]
    assert found[-1][2::2] == (len(old), len(new))
    pairs = [(old[i1:i2], new[j1:j2]) for tag, i1, i2, j1, j2 in found if tag == "equal"]
    assert all(one == other for one, other in pairs)
    assert sum(len(one) for one, _ in pairs) == kept(n)


def test_sequences_without_anything_in_common():
    assert [step for step in opcodes(["a"] * 500, ["b"] * 400) if step[0] != "equal"] == [
        ("replace", 0, 500, 0, 400)
    ]
    assert all(i1 == i2 and j1 == j2 for _, i1, i2, j1, j2 in opcodes([], []))
