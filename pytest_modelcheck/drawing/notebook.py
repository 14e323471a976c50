"""What a notebook shows: fragments of the page without its scripts and addresses, in colours of the notebook's own."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .html import asset, panel_styles

_SCRIPT = re.compile(r"<script\b.*?</script>", re.S)  # all that is put in is escaped: an element is ours
_ADDRESS = re.compile(r'<a href="#[^"]*">(.*?)</a>', re.S)
_COMMENT = re.compile(r"/\*.*?\*/", re.S)


def in_notebook(fragments: Iterable[str], styles: Iterable[str] = ()) -> str:
    """The fragments as the output of a cell; their style (`styles`: of their own) holds for nothing beside them."""
    sheets = [*panel_styles(), *dict.fromkeys(styles), asset(__package__, "notebook.css")]
    rules = " ".join(_COMMENT.sub("", "".join(sheets)).replace(":root", "&").split())
    drawn = _ADDRESS.sub(r"\1", _SCRIPT.sub("", "".join(fragments)))
    return f'<div class="modelcheck"><style>.modelcheck {{ {rules} }}</style>{drawn}</div>'
