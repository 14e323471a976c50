"""Stored files that were cut, edited or forged, or are none: no pass, unless they say the same, and no traceback."""

import base64
import json
import os
import re
import struct
import zlib

import pytest
import torch
from hypothesis import strategies as st
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.outputs.stored import BEHIND, from_text
from pytest_modelcheck.errors import StoredFileError
from pytest_modelcheck.snapshots.complexity import ComplexityExtension
from pytest_modelcheck.snapshots.heatmap import HeatmapExtension
from pytest_modelcheck.snapshots.outputs import OutputExtension
from pytest_modelcheck.snapshots.png import FACTS, RAW, SIGNATURE, decode
from pytest_modelcheck.snapshots.structure import StructureExtension

from ..acceptance.conftest import FIXTURES, Project, project  # noqa: F401
from .properties import holds

MODEL = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
CHECK = ModelCheck(MODEL, torch.linspace(0, 1, 192).reshape(1, 3, 8, 8), name="net")
MADE = {
    "structure": (StructureExtension, CHECK.structure()),
    "complexity": (ComplexityExtension, CHECK.complexity()),
    "outputs": (OutputExtension, CHECK.outputs()),
}
FILES = {name: kind().serialize(data) for name, (kind, data) in MADE.items()}
HEATMAP = HeatmapExtension().serialize(CHECK.gradcam(target=1, layer="0"))
ODD = [None, True, 0, -1, 1, 2**40, 10**29, 1.5, -0.0, 1e308, "", "x", "float32", "object", "\ud800", [], [0], [-1], [2**31, 2**31], [[]], {}, {"a": 1},
       [[[[[]]]]], "sum", "O", "<f4", "V", "str", [None], [1.5], ["x"]]  # fmt: skip


def cut(text, draw):
    at = draw(st.integers(0, len(text)))
    end = draw(st.integers(at, min(len(text), at + draw(st.sampled_from([0, 1, 5, 200, 10**6])))))
    return text[:at] + draw(st.sampled_from(INSERTED)) + text[end:]


INSERTED = ["", " ", "\n", "\n\n", "  ", ": ", "(", "): ", ", ", "=", "×", "0", "-1", "9" * 5000, "²", "١", "x" * 1000, "\0", "�", "\x85", "\u2028",
            ". aten::relu() -> 1×2\n", "net: A(b=c)  w 2×3\n", "<<<<<<< ours\n", "format 2\n", "format ²\n", "format " + "9" * 5000 + "\n", "1,2", ",", "-"]  # fmt: skip


@st.composite
def edited(draw):
    """A kind of text, and a file of it that somebody edited."""
    name = draw(st.sampled_from(sorted(FILES)))
    text = FILES[name]
    for _ in range(draw(st.integers(1, 3))):
        text = cut(text, draw)
    if draw(st.booleans()):
        lines = text.split("\n")
        order = draw(st.permutations(range(min(len(lines), 6))))
        text = "\n".join([*(lines[number] for number in order), *lines[len(order) :]])
    return name, text


@holds(60, 6_000, drawn=edited())
def test_an_edited_text_differs_or_says_the_same(drawn):
    name, text = drawn
    extension = MADE[name][0]()
    lines = extension.differing(FILES[name], text)
    assert all(isinstance(line, str) for line in lines)
    assert not lines or extension.gist(lines)
    assert (
        lines
        or " ".join(text.split()) == " ".join(FILES[name].split())
        or said(name, text) == said(name, FILES[name])
    )
    list(extension.diff_lines(FILES[name], text))


def said(name, text):
    """What is compared: neither blanks nor the order of lines that do not depend on each other."""
    if name == "structure":
        return text.splitlines()[-2:]
    return sorted({" ".join(line.split()) for line in text.splitlines() if line.strip()})


def behind(text):
    raw = zlib.decompress(base64.b64decode("".join(text.partition(f"{BEHIND}\n")[2].split())))
    head, _, values = raw.partition(b"\n")
    return json.loads(head), values


@st.composite
def forged(draw):
    """What lies behind a file of outputs, with a value in the place of another."""
    facts, values = behind(FILES["outputs"])
    for _ in range(draw(st.integers(1, 3))):
        row = draw(
            st.sampled_from([facts, *[one for one in facts.get("rows") or () if isinstance(one, dict)]])
        )
        key = draw(st.sampled_from([*row, "kept", "figures", "digest"]))
        row[key] = draw(st.sampled_from(ODD))
        if draw(st.booleans()):
            del row[key]
        if not isinstance(facts.get("rows"), list):
            break
    values = values[: draw(st.integers(0, len(values)))] if draw(st.booleans()) else values
    raw = json.dumps(facts).encode() + draw(st.sampled_from([b"\n", b"", b"\n\n"])) + values
    return zlib.compress(raw)


@holds(60, 6_000, packed=forged())
def test_forged_outputs_are_damaged_or_differ(packed):
    head = FILES["outputs"].partition(BEHIND)[0]
    text = f"{head}{BEHIND}\n{base64.b64encode(packed).decode()}\n"
    if not OutputExtension().differing(FILES["outputs"], text):
        one, other = from_text(text), from_text(FILES["outputs"])
        assert [*one.lines(9)] == [*other.lines(9)]
        assert all((one.arrays[path] == array).all() for path, array in other.arrays.items())


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def texts(data):
    """The facts and the raw map of a PNG."""
    map_ = decode(data)
    return dict(map_.facts), map_.raw.astype("<f4").tobytes()


def png(facts, raw):
    parts = (
        chunk(b"zTXt", name.encode() + b"\0\0" + zlib.compress(text))
        for name, text in ((FACTS, facts), (RAW, raw))
    )
    return SIGNATURE + b"".join(parts) + chunk(b"IEND", b"")


@st.composite
def painted(draw):
    facts, raw = texts(HEATMAP)
    for _ in range(draw(st.integers(0, 3))):
        facts[draw(st.sampled_from([*facts, "later"]))] = draw(st.sampled_from(ODD))
    raw = draw(
        st.sampled_from(
            [
                raw,
                raw[:-4],
                raw + b"\0" * 4,
                b"",
                b"\xff" * len(raw),
                b"\0" * len(raw),
                b"\0\0\x80\x7f" * (len(raw) // 4),
            ]
        )
    )
    text = draw(
        st.sampled_from(
            [
                json.dumps(facts),
                json.dumps(facts)[:-1],
                "[]",
                "null",
                "[" * 100_000,
                "1" * 5_000,
                "NaN",
                '{"format": 1e999}',
                "",
            ]
        )
    )
    data = png(text.encode("utf-8", "surrogatepass"), base64.b64encode(raw))
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 4)) == 0 else data


@holds(
    150,
    15_000,
    data=painted() | st.binary(max_size=60).map(lambda tail: SIGNATURE + tail) | st.binary(max_size=60),
)
def test_a_forged_picture_is_damaged_or_differs(data):
    extension = HeatmapExtension()
    lines = extension.differing(HEATMAP, data)
    assert all(isinstance(line, str) for line in lines)
    same = not lines and texts(data)
    assert lines or (same[1] == texts(HEATMAP)[1] and same[0]["layer"] == "0")
    list(extension.diff_lines(HEATMAP, data))


TESTS = """
def test_structure_{name}(modelcheck, structure_snapshot):
    assert modelcheck.structure() == structure_snapshot

def test_complexity_{name}(modelcheck, complexity_snapshot):
    assert modelcheck.complexity() == complexity_snapshot

def test_output_{name}(modelcheck, output_snapshot):
    assert modelcheck.outputs() == output_snapshot

def test_heatmap_{name}(modelcheck, heatmap_snapshot):
    assert modelcheck.gradcam(target=1, layer="relu") == heatmap_snapshot
"""


def huge(path):
    with path.open("wb") as file:
        file.truncate(2**31)


WAYS = {
    "pipe": os.mkfifo,
    "zero": lambda path: path.symlink_to("/dev/zero"),
    "huge": huge,
    "folder": lambda path: path.mkdir(),
    "itself": lambda path: path.symlink_to(path.name),
    "empty": lambda path: path.write_bytes(b""),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 4),
    "zeros": lambda path: path.write_bytes(b"\0" * 1000),
    "utf16": lambda path: path.write_bytes("outputs of net".encode("utf-16")),
    "json": lambda path: path.write_text("{}"),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and devices are POSIX")
def test_no_kind_of_file_hangs_passes_or_ends_in_a_traceback(project):  # noqa: F811
    project.conftest(FIXTURES).tests("".join(TESTS.format(name=name) for name in WAYS))
    project.run("test_it.py", "--snapshot-update").assert_outcomes(passed=4 * len(WAYS))
    for path in sorted((project.pytester.path / "__snapshots__").rglob("test_*.*")):
        if path.is_file():
            path.unlink()
            WAYS[re.split(r"[_.]", path.name)[2]](path)
    result = project.run("test_it.py", "--modelcheck-report")  # pytest itself reads test*.txt, as doctests
    result.assert_outcomes(failed=4 * len(WAYS))
    told = result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in told
    assert not re.search(r"(?m)^\S*pytest_modelcheck\S*\.py:\d+: ", told)
    assert told.count("Take it away, then store it anew with --snapshot-update") >= 4 * 5


@pytest.mark.parametrize("kind", [StructureExtension, ComplexityExtension, OutputExtension, HeatmapExtension])
def test_a_file_that_is_too_large_is_refused(tmp_path, kind):
    huge(tmp_path / "stored")
    with pytest.raises(StoredFileError, match="it is larger than"):
        kind().read_snapshot_data_from_location(
            snapshot_location=str(tmp_path / "stored"), snapshot_name="stored", session_id=""
        )
