"""Names that differ in their numbers alone, as one."""

import re

import pytest

from pytest_modelcheck.alike import alike


def joined(*names):
    return [found.names[0] for found in alike(("same", (name,)) for name in names)]


def grid(text, *ranges):
    """All names of a pattern with `#` for numbers, the last one running fastest."""
    names = [text]
    for numbers in ranges:
        names = [name.replace("#", str(n), 1) for name in names for n in numbers]
    return names


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (grid("layers.#.0", range(12)), ["layers.{0..11}.0"]),
        (grid("stages.#.blocks.0", range(4)), ["stages.{0..3}.blocks.0"]),
        (grid("stages.#.blocks.#", range(4), range(2)), ["stages.{0..3}.blocks.{0,1}"]),
        (grid("encoder_layer_#.mlp.#", range(3), (0, 3)), ["encoder_layer_{0..2}.mlp.{0,3}"]),
        (grid("layer#", (1, 2, 3, 7)), ["layer{1..3,7}"]),
        (grid("#", (9, 10, 11)), ["{9..11}"]),
        (["a", "b.0", "b.1", "c"], ["a", "b.{0,1}", "c"]),
        (["fc"], ["fc"]),
        ([""], [""]),
        (["a.0.0", "a.1.1"], ["a.0.0", "a.1.1"]),  # braces would say four names
        (["a.0.0", "a.0.1", "a.1.0"], ["a.{0,1}.0", "a.0.1"]),
        (["a.01", "a.1", "a.2"], ["a.{01,1,2}"]),
        (["a#", "a1", "a2", "a{}"], ["a#", "a{1,2}", "a{}"]),
        (["a" + "9" * 5000, "a" + "8" * 5000], ["a" + "9" * 5000, "a" + "8" * 5000]),
        ([], []),
    ],
)
def test_names_as_one(names, told):
    assert joined(*names) == told


@pytest.mark.parametrize(
    "names",
    [
        grid("f.#.#.norm#", (1, 3), range(2), (1, 2)) + grid("f.5.#.norm#", range(6), (1, 2)),
        [f"a.{i}.{j}" for i in range(5) for j in range(5) if (i * j) % 3],
    ],
)
def test_braces_stand_for_the_names_and_no_others(names):
    spelled = [name for pattern in joined(*names) for name in spell(pattern)]
    assert sorted(spelled) == sorted(names)
    assert len(joined(*names)) < len(names) / 2


def spell(pattern):
    found = re.search(r"\{([^}]*)\}", pattern)
    if found is None:
        return [pattern]
    values = []
    for part in found[1].split(","):
        first, _, last = part.partition("..")
        values += [str(n) for n in range(int(first), int(last or first) + 1)]
    return [name for value in values for name in spell(pattern.replace(found[0], value, 1))]


def test_what_does_not_say_the_same_stays_apart():
    rows = [("wide", ("a.0",)), ("deep", ("a.1",)), ("wide", ("a.2",))]
    assert [(found.names, found.rows) for found in alike(rows)] == [(("a.{0,2}",), (0, 2)), (("a.1",), (1,))]


def test_names_of_one_row_vary_together():
    rows = [("moved", (f"stages.{i}.mlp.0", f"blocks.{i}.fc1")) for i in range(3)]
    assert [found.names for found in alike(rows)] == [("stages.{0..2}.mlp.0", "blocks.{0..2}.fc1")]
