"""Templates: one environment for the page and for all panels. Everything that is put in is escaped."""

from __future__ import annotations

import base64
import functools
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..text import printable, size_words
from ..verdict.measurement import ROOT
from ..verdict.message import signed
from ..verdict.units import BYTES, FLOPS, MACS, PARAMS, SECONDS

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup


@functools.cache
def environment() -> jinja2.Environment:
    """The templates' environment: a template is named `package:file`, or, of this room, by its file alone."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters |= FILTERS
    made.globals["plot"] = _plot
    return made


def asset(package: str, name: str) -> str:
    """The text of a file that lies in a package."""
    return resources.files(package).joinpath(name).read_text("utf-8")


def panel_styles() -> list[str]:
    """The style sheets of what panels are made of."""
    return [asset(__package__, name) for name in ("panels.css", "plots.css")]


def generic(macro: str, *arguments: Any) -> Markup:
    """A part of the page that no check draws: a macro of `parts.html.j2`."""
    from markupsafe import Markup

    parts = environment().get_template("parts.html.j2").module
    return Markup(getattr(parts, macro)(*arguments))


def _source(name: str) -> str:
    package, _, file = name.rpartition(":")
    return asset(package, file) if package else asset(__package__, f"templates/{file}")


def _plot(*args: Any, **options: Any) -> Markup:
    from markupsafe import Markup

    from .plots import line_plot

    return Markup(line_plot(*args, **options))


def packed(data: object) -> str:
    """JSON, compressed, for a script element of a type that no browser runs; `unpack` of packed.js reads it."""
    text = json.dumps(data, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode("ascii"), 9)).decode("ascii")


def link_to(path: object) -> str:
    """The address of a file in the report's folder, for an href; empty for what is none: records are strangers'."""
    if not isinstance(path, str) or not path or path != printable(path):
        return ""
    parts = path.split("/")
    if "\\" in path or ":" in parts[0] or {"", ".", ".."} & set(parts):
        return ""
    return quote(path)


def once(entries: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], str]]:
    """Entries that differ in their test alone as one, each with the tests in words."""
    found: list[list[Mapping[str, Any]]] = []
    for entry in entries:
        facts = {**entry, "nodeid": None}
        same = next((same for same in found if {**same[0], "nodeid": None} == facts), None)
        if same is None:
            found.append([entry])
        else:
            same.append(entry)
    return [(same[0], nodeids_in_words(same)) for same in found]


def nodeids_in_words(entries: Sequence[Mapping[str, Any]], most: int = 3) -> str:
    """`a.py::test_a, a.py::test_b and 3 more`."""
    known = list(dict.fromkeys(printable(entry["nodeid"]) for entry in entries if entry.get("nodeid")))
    return ", ".join(known[:most]) + (f" and {len(known) - most} more" if len(known) > most else "")


def _shape(shape: Any) -> str:
    return size_words(shape).replace("x", "×") if shape is not None else "–"


FILTERS: Mapping[str, Callable[..., object]] = {
    "macs": MACS.format,
    "flops": FLOPS.format,
    "bytes": BYTES.format,
    "count": PARAMS.format,
    "shape": _shape,
    "number": lambda value: f"{value:.4g}" if isinstance(value, (int, float)) else str(value),
    "percent": lambda value: f"{value * 100:.1f} %" if isinstance(value, (int, float)) else "–",
    "line": lambda value: printable(str(value)),
    "module": lambda name: printable(str(name) or ROOT),
    "link": link_to,
    "once": once,
    "base64": lambda text: base64.b64encode(text.encode("utf-8")).decode("ascii"),
    "seconds": lambda value: SECONDS.format(value) if isinstance(value, (int, float)) else "–",
    "signed": lambda share: signed(share) if isinstance(share, (int, float)) else "?",
}
