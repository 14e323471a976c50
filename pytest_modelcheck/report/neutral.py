"""Text from outside, made inert in GitHub's and GitLab's Markdown: no markup, link, mention, HTML or formula."""

from __future__ import annotations

import re

from ..text import printable, shorten

_SPECIAL = re.compile(r"[^\w .,;/()%+-]|_", re.ASCII)  # everything Markdown, HTML or a mention may start with
_PLAIN = re.compile(r"[^`|\\\s](?:[^`|\\]*[^`|\\\s])?")  # what a code span holds as it is, in a table too
WIDTH = 100


def code(text: object, width: int = WIDTH) -> str:
    """A name, as code: in backticks, or, where it holds what ends them, as HTML with every sign escaped."""
    name = shorten(printable(str(text)), width)
    return f"`{name}`" if _PLAIN.fullmatch(name) else html_code(name)


def html_code(text: object, width: int = WIDTH) -> str:
    """A name as HTML code, for places that are HTML (a `<summary>`)."""
    return f"<code>{words(text, width)}</code>"


def words(text: object, width: int = WIDTH) -> str:
    """Words among other words; what could be read as markup becomes a numeric character reference."""
    shown = shorten(printable(str(text)), width)
    escaped = _SPECIAL.sub(lambda sign: f"&#{ord(sign[0])};" if sign[0].isascii() else sign[0], shown)
    return re.sub(r"\bwww\.", "www&#46;", escaped, flags=re.I)


def fenced(text: object) -> str:
    """Lines as a block of code, in a fence longer than any within."""
    body = printable(str(text), keep="\n")
    longest = max(map(len, re.findall("`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{body}\n{fence}"
