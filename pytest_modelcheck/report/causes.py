"""A cause in words, which page, terminal and Markdown share: who broke, which modules changed, what came of it, what
to do next.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from ..alike import alike
from ..records.causes import Cause
from ..records.outcome import shown_outcome
from ..records.plain import number, share
from ..records.section import Catalogue, Origin
from ..records.types import CheckEntry, FailureEntry, Record
from ..text import count, shorten
from ..verdict.units import RATIO
from .text import change

NAMES = 3  # subjects of a cause, and its modules, that are named
TESTS = 6  # of a command; more are named by their files
ACCEPT = "--snapshot-update"


class Command(NamedTuple):
    """A command to copy, and what it does."""

    does: str
    text: str


class Heavy(NamedTuple):
    """A module, or several that cost the same, with their share of the value in all."""

    name: str
    size: int
    share: float


def subject_words(cause: Cause) -> str:
    """`SmallCNN`, `net[64], net[128] and 3 more`; the file or the test where there is none."""
    names = [entry["name"] for entry in cause.subjects] or list(_owners(cause))
    rest = f" and {len(names) - NAMES:,} more" if len(names) > NAMES else ""
    return ", ".join(names[:NAMES]) + rest


def _owners(cause: Cause) -> Iterator[str]:
    for entry in (*cause.checks, *cause.failures):
        yield entry["nodeid"]


def origins(cause: Cause) -> tuple[Sequence[Origin], str]:
    """The modules to name, and how many more there are, in words."""
    rest = len(cause.origins) - NAMES
    return cause.origins[:NAMES], f"{count(rest, 'more module')}" if rest > 0 else ""


def heaviest(cause: Cause) -> list[Heavy]:
    """Where nothing is known to have changed: the heaviest modules of the worst breach, equal siblings as one."""
    if cause.origins:
        return []
    parts = next((check["contributors"] for check in cause.checks if check["contributors"]), [])
    joined = alike((part["value"], (part["module"],)) for part in parts)
    heavy = [
        Heavy(one.names[0], len(one.rows), sum(_share(parts[row]) for row in one.rows)) for one in joined
    ]
    return sorted(heavy, key=lambda one: -one.share)[:NAMES]


def _share(part: Mapping[str, Any]) -> float:
    return number(part["share"]) or 0.0


def effects(cause: Cause, catalogue: Catalogue) -> list[str]:
    """What came of it, the worst first, each once; then what else the comparison with the base found."""
    found = [effect(check, catalogue) for check in cause.checks]
    found += [_failed(failure) for failure in cause.failures]
    return list(dict.fromkeys(found))


def _failed(failure: FailureEntry) -> str:
    """`test_shape: assert ...`, `test_it, teardown: OSError: ...`."""
    name, phase = failure["nodeid"].rpartition("::")[2], failure["phase"]
    when = "" if phase in ("call", "collect") else f", {phase}"
    return f"{name}{when}: {shorten(first_sentence(failure['message']), 100)}"


def besides(cause: Cause, catalogue: Catalogue) -> list[str]:
    """What else is worse than at the base, or differs: other sections' short lines."""
    if cause.changes is None:
        return []
    content = cast("Mapping[str, Any]", cause.changes)
    compared = [section.changes for section in catalogue.sections.values() if section.changes is not None]
    lines = [
        line for one in compared for line in one.lines(content, 1) if line.short and not line.is_headline
    ]
    ranked = sorted(lines, key=lambda line: not line.worse)
    taken = {origin.text for origin in cause.origins}
    return [line.short for line in ranked if line.short and line.short not in taken]


def effect(check: CheckEntry, catalogue: Catalogue) -> str:
    """`FLOPs +310 % (limit +2 %)`, `parameters 12 M (max 11 M)`, `heatmap differs from its snapshot: another shape`."""
    known = catalogue.metrics.get(check["metric"])
    title, limit, error = check["title"], check.get("max_regression"), first_sentence(check.get("error", ""))
    if shown_outcome(check) == "error":
        return f"{title}: {error or first_sentence(check['reason']) or 'not measured'}"
    if known is not None and known.breach:
        return f"{known.breach}: {error}" if error else known.breach
    value, base = number(check["value"]), number(check.get("base"))
    if isinstance(limit, (int, float)) and value is not None:
        moved = value if known is not None and known.nature == "comparison" else share(base, value)
        if moved is not None:
            return f"{title} {change(moved)} (limit +{RATIO.format(limit, 3)})"
    if value is None and check["reason"]:
        return f"{title}: {first_sentence(check['reason'])}"
    return f"{title} {check['value_text']} ({check['limit_text']})"


def first_sentence(text: str) -> str:
    """Of a longer text its first line, up to the end of a sentence."""
    line = next((" ".join(line.split()) for line in text.splitlines() if line.strip()), "")
    sentence, stop, _ = line.partition(". ")
    return sentence if stop else line.removesuffix(".")


def commands(cause: Cause, record: Record) -> list[Command]:
    """How to see it again, and, where a snapshot differs, how to take over what it is now."""
    options = record["run"].get("options", [])
    found = [Command("run it again", _command(cause.nodeids, options))] if cause.nodeids else []
    stored = dict.fromkeys(check["nodeid"] for check in cause.checks if _is_stored(check))
    if stored:
        found.append(Command("accept the snapshots", _command(list(stored), [ACCEPT])))
    return found


def _is_stored(check: CheckEntry) -> bool:
    """Whether it compares with a snapshot: its place is a fixture of the test, called after what it stores."""
    return check["place"]["marker"].endswith("_snapshot")


def _command(nodeids: Sequence[str], options: Sequence[str]) -> str:
    tests = nodeids if len(nodeids) <= TESTS else list(dict.fromkeys(n.partition("::")[0] for n in nodeids))
    return shlex.join(["pytest", *tests, *options])


def sentence(cause: Cause, catalogue: Catalogue) -> str:
    """All of it in plain text: `SmallCNN: body.0 stride 2 -> 1, new extra.0 -> FLOPs +310 % (limit +2 %)`."""
    named, more = origins(cause)
    modules = [origin_words(origin) for origin in named] + ([more] if more else [])
    modules += [heavy_words(one) for one in heaviest(cause)]
    told = f"{subject_words(cause)}: {', '.join(modules)}" if modules else subject_words(cause)
    return f"{told} -> {', '.join(effects(cause, catalogue))}"


def origin_words(origin: Origin) -> str:
    """`body.0 stride 2 -> 1`, `new extra.0`."""
    if origin.text in ("new", "gone"):
        return f"{origin.text} {origin.name}"
    return f"{origin.name} {origin.text}".strip()


def heavy_words(one: Heavy) -> str:
    """`12 x layers.{0..11}.self_attn, 36 %`."""
    return f"{f'{one.size} x ' if one.size > 1 else ''}{one.name}, {RATIO.format(one.share, 3)}"


def place_of(failure: FailureEntry) -> str:
    """Where it crashed, as file and line."""
    return failure["where"] or failure["nodeid"]
