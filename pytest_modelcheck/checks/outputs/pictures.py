"""Two outputs side by side, as a person would look at them: class scores, masks, images, boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor


def side_by_side(
    inputs: Sequence[Tensor], expected: Mapping[str, Tensor], actual: Mapping[str, Tensor]
) -> list[dict[str, Any]]:
    """What to show of each output, JSON: `expected` and `actual` by path (`leaves`), of which some may be missing.

    A panel that has it in its content draws it by `{% include "outputs/shown.html.j2" %}`.
    """
    return []
