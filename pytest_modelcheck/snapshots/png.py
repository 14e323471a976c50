"""One file for eyes and machine: a PNG of input and overlay, with the raw map in compressed text chunks."""

from __future__ import annotations

import base64
import binascii
import io
import json
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
    kept = stored(heatmap)
    info = PngImagePlugin.PngInfo()
    info.add_text(FACTS, json.dumps(kept.facts, sort_keys=True), zip=True)
    info.add_text(RAW, base64.b64encode(kept.raw.astype("<f4").tobytes()).decode("ascii"), zip=True)
    buffer = io.BytesIO()
    _picture(heatmap).save(buffer, "PNG", pnginfo=info, optimize=True)
    return buffer.getvalue()


def decode(data: bytes) -> StoredMap:
    """Read a snapshot file. Raises MeasurementError if it is none, or damaged."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            chunks: dict[Any, Any] = dict(image.info)
        facts = json.loads(chunks[FACTS])
        if facts.get("format", FORMAT) != FORMAT:
            stored = facts["format"]
            raise MeasurementError(f"format changed ({stored} stored, {FORMAT} now): --snapshot-update")
        raw = np.frombuffer(base64.b64decode(chunks[RAW]), "<f4").reshape(facts["shape"])
    except KeyError as error:
        raise MeasurementError(
            "the stored PNG holds no heatmap: another tool wrote it, or removed its text chunks"
        ) from error
    except (OSError, SyntaxError, ValueError, binascii.Error, TypeError) as error:
        raise MeasurementError(f"the stored PNG is damaged: {error}") from error
    return StoredMap(raw, facts)


def _picture(heatmap: Heatmap) -> Image.Image:
    """Input and overlay of each sample, side by side; at most four samples."""
    pictures = []
    for index in range(min(len(heatmap.raw), 4)):
        overlay = heatmap.overlay(index=index)
        plain = heatmap.input_image(index).resize(overlay.size, Image.Resampling.NEAREST)
        pictures += [plain, overlay]
    sheet = Image.new("RGB", (sum(p.width for p in pictures), pictures[0].height))
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width
    return sheet
