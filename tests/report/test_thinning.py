"""What a page leaves out that would be too large: in order of worth, and without drawing more than it must."""

from typing import NamedTuple

import pytest

from pytest_modelcheck.report.thinning import Thin, fitted

SIZES = (100, 80, 60, 40, 20, 5)  # bytes of a subject, by how thin it is


class One(NamedTuple):
    """A subject; `scale`: times the sizes."""

    slug: str
    is_worthy: bool = False
    scale: int = 1


def fit(subjects, room):
    """The parts, and how often something was drawn."""
    drawn = []

    def draw(subject, thin):
        drawn.append((subject.slug, thin))
        return "x" * SIZES[thin] * subject.scale

    return fitted(subjects, draw, room), drawn


def test_what_fits_is_drawn_once():
    parts, drawn = fit([One("a"), One("b", True)], 200)
    assert [part.thin for part in parts.values()] == [Thin.NOTHING, Thin.NOTHING]
    assert len(drawn) == 2


@pytest.mark.parametrize(
    ("room", "thin"),
    [
        (399, (1, 0, 0, 0)),  # the largest of those that neither failed nor changed
        (379, (1, 1, 0, 0)),
        (320, (2, 2, 0, 0)),
        (260, (3, 2, 1, 1)),
        (240, (3, 3, 1, 1)),
        (160, (4, 4, 2, 2)),
        (80, (4, 4, 4, 4)),
        (50, (5, 5, 4, 4)),
        (1, (5, 5, 5, 5)),
    ],
)
def test_failed_and_changed_subjects_keep_theirs_longest(room, thin):
    parts, _ = fit([One("a"), One("b"), One("c", True), One("d", True)], room)
    assert tuple(int(part.thin) for part in parts.values()) == thin


@pytest.mark.parametrize("room", [90_000, 45_000, 20_000, 6_000])
def test_of_many_each_is_drawn_a_few_times(room):
    parts, drawn = fit([One(f"s{i}", i % 7 == 0) for i in range(1000)], room)
    assert room * 0.9 < sum(len(part.html) for part in parts.values()) <= room
    assert len(drawn) < 2400
    assert len(drawn) == len({*drawn})


def test_one_huge_subject_among_many_costs_the_others_nothing():
    parts, _ = fit([One("huge", scale=1000), *(One(f"s{i}") for i in range(100))], 90_000)
    assert {slug for slug, part in parts.items() if part.thin} == {"huge"}
