"""What a notebook shows: fragments of the page without its scripts and addresses, in colours of the notebook's own."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .html import asset, panel_styles

_SCRIPT = re.compile(r"<script\b.*?</script>", re.S)  # all that is put in is escaped: an element is ours
_ADDRESS = re.compile(r'<a href="#[^"]*">(.*?)</a>', re.S)
_RULE = re.compile(r"[^{}]+\{[^{}]*\}")
_CLASS = re.compile(r"\.([a-z][\w-]*)")
_COMMENT = re.compile(r"/\*.*?\*/", re.S)


def in_notebook(fragments: Iterable[str], styles: Iterable[str] = ()) -> str:
    """The fragments as the output of a cell; their style (`styles`: of their own) holds for nothing beside them."""
    drawn = _ADDRESS.sub(r"\1", _SCRIPT.sub("", "".join(fragments)))
    sheets = [*panel_styles(), *dict.fromkeys(styles), asset(__package__, "notebook.css")]
    rules = _used(" ".join(_COMMENT.sub("", "".join(sheets)).split()), drawn)
    return f'<div class="modelcheck"><style>.modelcheck {{ {rules} }}</style>{drawn}</div>'


def _used(style: str, html: str) -> str:
    """The rules for any class of the fragments, or for none: each output has a style of its own, and stays small."""
    classes = {name for names in re.findall(r'class="([^"]*)"', html) for name in names.split()}

    def kept(rule: re.Match[str]) -> str:
        named = set(_CLASS.findall(rule[0].partition("{")[0]))
        return rule[0] if not named or named & classes else ""

    return _RULE.sub(kept, style.replace(":root", "&"))
