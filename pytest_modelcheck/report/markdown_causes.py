"""What broke, in Markdown: an item a cause, with its modules, what came of it, where to look, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..records.causes import Cause
from ..records.section import Catalogue, Origin
from ..records.types import Record
from ..verdict.units import RATIO
from .addresses import module_address, subject_slugs
from .blocks import folded
from .causes import NAMES, Heavy, besides, commands, effects, heaviest, listed, names, origins
from .neutral import code, fenced, words

WHOLE = 20  # causes told with their commands; of more, a short line each
EFFECTS, FEW = 6, 2  # of a cause, whole and short
BREAK = "  \n"


def cause_blocks(found: Sequence[Cause], record: Record, catalogue: Catalogue) -> Iterator[str]:
    """The causes of a record, the gravest first."""
    if not found:
        return
    told = _Told(record, catalogue)
    head, *rest = [told.whole(cause) for cause in found[:WHOLE]]
    yield f"### What broke\n\n{head}"
    yield from rest
    if found[WHOLE:]:
        lines = (f"- {' ⇒ '.join(told.lines(cause, FEW))}" for cause in found[WHOLE:])
        yield folded(f"{len(found) - WHOLE:,} more that broke", "\n".join(lines))


class _Told:
    """Causes of one record, in words."""

    def __init__(self, record: Record, catalogue: Catalogue) -> None:
        self.record, self.catalogue = record, catalogue
        signatures = [entry["signature"] for entry in record["subjects"]]
        self.slugs = dict(zip(signatures, subject_slugs(record), strict=True))

    def whole(self, cause: Cause) -> str:
        """An item with its commands."""
        blocks = [f"- {BREAK.join([*self.lines(cause), *self._beside(cause)])}"]
        for i, command in enumerate(commands(cause, self.record)):
            blocks += [f"{command.does}:"] if i else []
            blocks.append(fenced(command.text, "sh"))
        return "\n\n".join(blocks).replace("\n", "\n  ").replace("\n  \n", "\n\n")

    def lines(self, cause: Cause, most: int = EFFECTS) -> list[str]:
        """`SmallCNN: body.0 stride 2 → 1, new extra`, and at most so many effects: `FLOPs +337 % (limit +2 %)`."""
        named, more = origins(cause)
        modules = [*map(_origin, named), *([more] if more else []), *map(_heavy, heaviest(cause))]
        told = effects(cause, self.catalogue)
        shown = [words(text, 300) for text in told[:most]]
        shown += [f"and {len(told) - most:,} more"] if len(told) > most else []
        head = f"{listed([_bold(name) for name in names(cause)])}: {', '.join(modules)}"
        tail = ", ".join(shown)
        return [head, tail] if modules else [head + tail]

    def _beside(self, cause: Cause) -> Iterator[str]:
        """What else is another, and where in the report it is."""
        also = [words(text, 300) for text in besides(cause, self.catalogue)]
        if also:
            yield f"besides: {', '.join(also)}"
        places = [_address(self.slugs, cause, i) for i in range(len(cause.subjects[:NAMES]))]
        if places:
            yield f"in the report: {', '.join(map(code, places))}"


def _address(slugs: Mapping[str, str], cause: Cause, number: int) -> str:
    """In the report: of the module that changed, or of the checks."""
    slug = slugs[cause.subjects[number]["signature"]]
    link = next((origin for origin in cause.origins if origin.link), None)
    return f"index.html#{module_address(slug, link) if link is not None else f'{slug}/checks'}"


def _bold(name: str) -> str:
    """A plain name as words, which stand out from the modules' code; all others as code."""
    return f"**{words(name) if name.replace('_', '').isalnum() else code(name)}**"


def _origin(origin: Origin) -> str:
    """The module as code, what became of it as words."""
    told = words(origin.text.replace(" -> ", " → "), 200) if origin.text else ""
    name = code(origin.name) if origin.name else ""
    pair: Sequence[str] = (told, name) if origin.text in ("new", "gone") else (name, told)
    return " ".join(filter(None, pair))


def _heavy(one: Heavy) -> str:
    return f"{f'{one.size} × ' if one.size > 1 else ''}{code(one.name)} {RATIO.format(one.share, 3)}"
