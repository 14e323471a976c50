"""Text from outside, made inert in GitHub's and GitLab's Markdown: no markup, link, mention, HTML or formula."""

from __future__ import annotations

import re

from ..text import printable, shorten

_INSIDE = r"(?<=[^\W_])_(?=[^\W_])|(?<=\w):(?= )"  # of a word, or behind it: neither emphasis nor an emoji
_WORDS = re.compile(rf"(?!.*\bwww\.)(?:[^\W_]|[ .,;/()%+–→×-]|{_INSIDE})*", re.I)
_SPAN = re.compile(r"[^`|\\\s](?:[^`|\\]*[^`|\\\s])?")  # what a code span holds as it is, in a table too
_SPECIAL = re.compile(r"[^a-zA-Z0-9 .,;/()%+-]")
WIDTH = 100


def code(text: object, width: int = WIDTH) -> str:
    """A name, as code: in backticks, or, where it holds what ends them, as HTML with every sign escaped."""
    name = shorten(printable(str(text)), width)
    return f"`{name}`" if _SPAN.fullmatch(name) else html_code(name)


def html_code(text: object, width: int = WIDTH) -> str:
    """A name as HTML code, for places that are HTML (a `<summary>`); mentions stay without effect in code."""
    name = shorten(printable(str(text)), width).replace("www.", "www\N{ONE DOT LEADER}")
    return f"<code>{_SPECIAL.sub(lambda sign: f'&#{ord(sign[0])};', name)}</code>"


def words(text: object, width: int = WIDTH) -> str:
    """Words among other words; those that hold signs with a meaning as code. An escaped `@` would still mention."""
    shown = shorten(printable(str(text)), width)
    return shown if _WORDS.fullmatch(shown) else code(shown, width)


def fenced(text: object, kind: str = "text") -> str:
    """Lines as a block of code of that kind, in a fence longer than any within."""
    body = printable(str(text), keep="\n")
    longest = max(map(len, re.findall("`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{kind}\n{body}\n{fence}"
