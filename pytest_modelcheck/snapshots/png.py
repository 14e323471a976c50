"""One file for eyes and machine: a PNG of input and overlay, with the raw map in compressed text chunks."""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, PngImagePlugin

from ..checks.explain.compare import StoredMap
from ..errors import MeasurementError
from .files import FACTS

if TYPE_CHECKING:
    from ..checks.explain.heatmap import Heatmap

RAW = "modelcheck-raw"
FORMAT = 1
SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST = 2**26  # values of a map, and bytes of its facts
SIDE, SMALL_SIDE = 224, 128  # pixels of the picture of one sample, and of each of several
SAMPLES = 4  # that are drawn
COLOURS = 160


def stored(heatmap: Heatmap) -> StoredMap:
    """What is compared of a heatmap."""
    facts = {
        "format": FORMAT,
        "method": heatmap.method,
        "layer": heatmap.layer,
        "target": list(heatmap.target),
        "score": [round(float(score), 4) for score in heatmap.score],
        "shape": list(heatmap.raw.shape),
    }
    return StoredMap(heatmap.raw.astype(np.float32), facts)


def encode(heatmap: Heatmap) -> bytes:
    """The snapshot file; the same bytes for the same map."""
    from ..drawing.images import compacted

    kept = stored(heatmap)
    info = PngImagePlugin.PngInfo()
    info.add_text(FACTS, json.dumps(kept.facts, sort_keys=True), zip=True)
    info.add_text(RAW, base64.b64encode(kept.raw.astype("<f4").tobytes()).decode("ascii"), zip=True)
    buffer = io.BytesIO()
    compacted(_picture(heatmap), COLOURS).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def decode(data: bytes) -> StoredMap:
    """Read a snapshot file. Raises MeasurementError if it is none, or damaged."""
    try:
        texts = {name: text for name, text in _texts(data) if name in (FACTS, RAW)}
        facts = json.loads(_unpacked(texts[FACTS], LARGEST))
        _refuse_unknown_format(facts)
        shape = _shape(facts)
        size = math.prod(shape) * 4
        values = base64.b64decode(_unpacked(texts[RAW], -(-size // 3) * 4), validate=True)
        if len(values) != size:
            raise ValueError(f"a map of shape {shape} has {size} bytes, not {len(values)}")
        raw = np.frombuffer(values, "<f4").reshape(shape)
    except KeyError as error:
        raise MeasurementError(
            "the stored PNG holds no heatmap: another tool wrote it, or removed its text chunks"
        ) from error
    except (ValueError, struct.error, zlib.error, binascii.Error, RecursionError) as error:
        raise MeasurementError(f"the stored PNG is damaged: {error}") from error
    return StoredMap(raw, facts)


def _texts(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The compressed texts of a PNG, still compressed. Raises ValueError where it is none, or cut.

    Pillow's own reader would refuse maps of a mebibyte, and read the picture, which nobody asks for.
    """
    if not data.startswith(SIGNATURE):
        raise ValueError("it is no PNG")
    at, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        size, kind = struct.unpack_from(">I4s", data, at)
        body, check = data[at + 8 : at + 8 + size], data[at + 8 + size : at + 12 + size]
        if len(check) != 4 or zlib.crc32(kind + body) != int.from_bytes(check, "big"):
            raise ValueError("it was cut, or its bytes changed")
        if kind == b"zTXt":
            name, _, text = body.partition(b"\0")
            yield name.decode("latin-1"), text[1:]
        at += 12 + size


def _unpacked(text: bytes, most: int) -> bytes:
    """At most `most` bytes. Raises ValueError where there are more, or fewer than the text promises."""
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(text, most + 1)
    if len(found) > most:
        raise ValueError(f"it holds more than the {most} bytes that its map may take")
    if not unpacker.eof:
        raise ValueError("a text in it was cut")
    return found


def _refuse_unknown_format(facts: object) -> None:
    if not isinstance(facts, Mapping):
        raise ValueError("its facts are no mapping")
    found = facts.get("format")
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise ValueError(f"its format is {found!r}, which is no format's number")
    if found != FORMAT:
        raise MeasurementError(f"format changed ({found} stored, {FORMAT} now): --snapshot-update")


def _shape(facts: Mapping[str, Any]) -> tuple[int, ...]:
    """The map's. Raises ValueError for what is none."""
    shape = facts.get("shape")
    fits = isinstance(shape, list) and 2 <= len(shape) <= 4 and all(type(side) is int for side in shape)
    if not fits or min(shape) < 1 or math.prod(shape) > LARGEST:  # type: ignore[arg-type]
        raise ValueError(f"no map has the shape {shape!r}")
    return tuple(shape)  # type: ignore[arg-type]


def _picture(heatmap: Heatmap) -> Image.Image:
    """Input and overlay of the first samples, side by side."""
    samples = range(min(len(heatmap.raw), SAMPLES))
    side = SIDE if len(samples) == 1 else SMALL_SIDE
    pictures = [picture for index in samples for picture in heatmap.pictures(index, side)]
    sheet = Image.new("RGB", (sum(p.width for p in pictures), pictures[0].height))
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width
    return sheet
