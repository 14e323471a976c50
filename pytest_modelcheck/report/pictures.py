"""Pictures that a subject's part shows more than once are stored once: places refer to the store, scripts or not."""

from __future__ import annotations

import base64
import re
import struct
from collections import Counter

_IMAGE = re.compile(
    r'<img\b([^<>]*?) src="data:image/png;base64,([A-Za-z0-9+/=]+)"([^<>]*)>'
)  # escaped, so no `>` within
_ALT = re.compile(r'\balt="([^"]*)"')
_CLASS = re.compile(r'\bclass="([^"]*)"')


def stored_once(html: str, slug: str) -> str:
    """The part with each repeated picture in a store at its end: symbols that `<use>` draws without a script."""
    counts = Counter(found[2] for found in _IMAGE.finditer(html))
    names = {data: f"{slug}/picture-{i}" for i, data in enumerate(d for d, n in counts.items() if n > 1)}
    if not names:
        return html

    def place(found: re.Match[str]) -> str:
        name = names.get(found[2])
        return found[0] if name is None else _place(found[1] + found[3], name, _size(found[2]))

    symbols = "".join(_symbol(name, data, _size(data)) for data, name in names.items())
    return f'{_IMAGE.sub(place, html)}<svg class="pictures" aria-hidden="true">{symbols}</svg>'


def _place(attributes: str, name: str, size: tuple[int, int]) -> str:
    alt, kind = (found[1] if (found := pattern.search(attributes)) else "" for pattern in (_ALT, _CLASS))
    return (
        f'<svg class="picture {kind}" role="img" aria-label="{alt}" viewBox="0 0 {size[0]} {size[1]}" '
        f'width="{size[0]}" height="{size[1]}"><use href="#{name}"/></svg>'
    )


def _symbol(name: str, data: str, size: tuple[int, int]) -> str:
    return (
        f'<symbol id="{name}" viewBox="0 0 {size[0]} {size[1]}">'
        f'<image width="{size[0]}" height="{size[1]}" href="data:image/png;base64,{data}"/></symbol>'
    )


def _size(data: str) -> tuple[int, int]:
    """Width and height, from the head of a PNG file; of what is none, a square."""
    head = base64.b64decode(data[:64] + "=" * (-len(data[:64]) % 4))
    if len(head) < 24 or not head.startswith(b"\x89PNG"):
        return (1, 1)
    width, height = struct.unpack(">II", head[16:24])
    return (width, height)
