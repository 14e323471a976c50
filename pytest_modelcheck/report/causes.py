"""A cause in words, for page and Markdown: who broke, which modules changed, what came of it, what to do next."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from ..alike import alike
from ..records.causes import Cause, origins_of
from ..records.gone import is_gone, removal_line
from ..records.outcome import shown_outcome
from ..records.plain import number, share
from ..records.section import Catalogue, Origin
from ..records.types import CheckEntry, FailureEntry, Record
from ..text import count, first_sentence, shorten
from ..verdict.units import RATIO
from .text import change, lines_of

NAMES = 3  # subjects of a cause, its modules, and tests that failed alike, that are named
TESTS = 6  # of a command; more are named by what they lie in
WIDTH = 160  # of a reason
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
    return listed(names(cause))


def names(cause: Cause) -> Sequence[str]:
    """Those of its subjects; of its files or tests where there is none."""
    return [entry["name"] for entry in cause.subjects] or cause.nodeids


def listed(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    rest = f" and {len(names) - NAMES:,} more" if len(names) > NAMES else ""
    return ", ".join(names[:NAMES]) + rest


def origins(cause: Cause) -> tuple[Sequence[Origin], str]:
    """The modules to name, and how many more there are, in words."""
    rest = len(cause.origins) - NAMES
    return cause.origins[:NAMES], f"{count(rest, 'more module')}" if rest > 0 else ""


def heaviest(cause: Cause) -> list[Heavy]:
    """Where nothing is known to have changed: the heaviest modules of the worst breach, equal siblings as one."""
    check = next((check for check in cause.checks if _is_too_much(check)), None)
    total = number(check["value"]) if check is not None else None
    if cause.origins or check is None or not total:
        return []
    parts = check.get("modules") or check["contributors"]
    values = [number(part["value"]) or 0.0 for part in parts]
    joined = alike((value, (part["module"],)) for value, part in zip(values, parts, strict=True))
    heavy = [
        Heavy(one.names[0], len(one.rows), sum(values[row] for row in one.rows) / total) for one in joined
    ]
    return sorted((one for one in heavy if one.share > 0), key=lambda one: -one.share)[:NAMES]


def _is_too_much(check: CheckEntry) -> bool:
    """Whether a value lies above its limit, and it is known of which modules it consists."""
    value, limit = number(check["value"]), number(check.get("limit"))
    above = value is not None and limit is not None and value > limit
    return above and bool(check.get("modules") or check["contributors"])


def effects(cause: Cause, catalogue: Catalogue) -> list[str]:
    """What came of it, the worst first; checks that missed the same limit, or failed for the same reason, as one."""
    found: dict[Hashable, list[CheckEntry]] = {}
    for check in cause.checks:
        found.setdefault(_kind(check), []).append(check)
    told = [_effect(checks, catalogue) for checks in found.values()]
    return list(dict.fromkeys([*told, *_failed(cause)]))


def _kind(check: CheckEntry) -> Hashable:
    """Equal for checks that are told as one."""
    if shown_outcome(check) == "error":
        return "error", _reason(check)
    return check["title"], check["limit_text"]


def _effect(checks: Sequence[CheckEntry], catalogue: Catalogue) -> str:
    if shown_outcome(checks[0]) == "error":
        return f"{listed(list(dict.fromkeys(c['title'] for c in checks)))}: {_reason(checks[0])}"
    told = list(dict.fromkeys(effect(check, catalogue) for check in checks))
    return f"{told[0]} at worst" if len(told) > 1 else told[0]


def _reason(check: CheckEntry) -> str:
    """Why there is no verdict, short."""
    text = gist(check.get("error", "")) or gist(check.get("reason", "")) or "not measured"
    return shorten(text, WIDTH)


def _failed(cause: Cause) -> Iterator[str]:
    """`test_shape: assert ...`, `test_it, teardown: OSError: ...`; the tests are not named where they are the cause's
    only name.
    """
    found: dict[Hashable, list[FailureEntry]] = {}
    for failure in cause.failures:
        found.setdefault((failure["phase"], failure["where"], failure["message"]), []).append(failure)
    for failures in found.values():
        phase, message = failures[0]["phase"], gist(failures[0]["message"])
        names = [failure["nodeid"].rpartition("::")[2] for failure in failures] if cause.subjects else []
        told = [*([listed(names)] if names else []), *([_PHASES[phase]] if phase in _PHASES else [])]
        yield ": ".join(filter(None, [", ".join(told), shorten(message, WIDTH)]))


_PHASES = {"collect": "cannot be collected", "setup": "setup", "teardown": "teardown"}


def besides(cause: Cause, catalogue: Catalogue) -> list[str]:
    """What else is worse than at the base, or differs: other sections' short lines."""
    if cause.changes is None:
        return []
    content = cast("Mapping[str, Any]", cause.changes)
    # what the first section knows is told already, but for what is bad
    compared = [section for section in catalogue.sections.values() if section.changes is not None]
    first = next((section for section in compared if origins_of(section, content)), None)
    lines = [
        line
        for section in compared
        for line in lines_of(section, lambda made: made.lines(content, 1))
        if line.short and not line.is_headline and (line.worse or section is not first)
    ]
    ranked = sorted(lines, key=lambda line: not line.worse)
    taken = {origin.text for origin in cause.origins}
    return [line.short for line in ranked if line.short and line.short not in taken]


def effect(check: CheckEntry, catalogue: Catalogue) -> str:
    """`FLOPs +310 % (limit +2 %)`, `parameters 12 M (max 11 M)`, `structure differs from its snapshot`."""
    known = catalogue.metrics.get(check["metric"])
    title, limit, error = check["title"], number(check.get("max_regression")), check.get("error", "")
    if shown_outcome(check) == "error":
        return f"{title}: {_reason(check)}"
    if known is not None and known.breach:
        return f"{known.words}: {_reason(check)}" if error else known.breach
    if check.get("instead"):
        return f"{title}: {check['instead']} ({check['limit_text']})"
    value, base = number(check["value"]), number(check.get("base"))
    moved = value if known is not None and known.nature == "comparison" else share(base, value)
    if limit is not None and value is not None and moved is not None:
        return f"{title} {change(moved)} (limit +{RATIO.format(limit, 3)})"
    if value is None:
        return f"{title}: {_reason(check)}"
    unit = catalogue.unit(check["unit"])
    return f"{title} {unit.format(value) if unit else check['value_text']} ({check['limit_text']})"


def gist(text: str) -> str:
    """What a longer text begins with, to stand within a sentence."""
    return " ".join(first_sentence(text).split()).removesuffix(".")


def commands(cause: Cause, record: Record) -> list[Command]:
    """How to see it again; where a snapshot differs, how to take over what it is now; where limits are gone, the lines
    for the message of a commit that own up to it.
    """
    options = [option for option in record["run"].get("options", []) if option.startswith("--modelcheck-")]
    gone = list(dict.fromkeys(check["nodeid"] for check in cause.checks if is_gone(check)))
    stored = dict.fromkeys(check["nodeid"] for check in cause.checks if _is_stored(check))
    failed = [nodeid for nodeid in cause.nodeids if nodeid not in gone]
    found = [Command("run it again", _command(failed, options))] if failed else []
    found += [Command("accept the snapshots", _command(list(stored), [ACCEPT]))] if stored else []
    lines = "\n".join(map(removal_line, gone))
    return [*found, Command("in a commit's message, if it is meant to go", lines)] if gone else found


def _is_stored(check: CheckEntry) -> bool:
    """Whether it compares with a snapshot: its place is a fixture of the test, called after what it stores."""
    return check["place"]["marker"].endswith("_snapshot") and not check.get("demand")


def _command(nodeids: Sequence[str], options: Sequence[str]) -> str:
    names = [f"./{name}" if name.startswith("-") else name for name in _names(nodeids)]
    return shlex.join(["pytest", *names, *options])


def _names(nodeids: Sequence[str]) -> Sequence[str]:
    """Few names that select these tests: their own, of their functions, their files, the folder of all."""
    files = _once(nodeid.partition("::")[0] for nodeid in nodeids)
    functions = _once(_function(nodeid) for nodeid in nodeids)
    short = next((names for names in (nodeids, functions, files) if len(names) <= TESTS), None)
    return short if short is not None else [folder] if (folder := _folder(files)) else []


def _folder(files: Iterable[str]) -> str:
    """The one that all lie in; empty for the root."""
    levels = zip(*(name.split("/")[:-1] for name in files), strict=False)
    common = itertools.takewhile(lambda parts: len({*parts}) == 1, levels)
    return "/".join(parts[0] for parts in common)


def _function(nodeid: str) -> str:
    file, colons, rest = nodeid.partition("::")
    return file + colons + rest.partition("[")[0]


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def origin_words(origin: Origin) -> str:
    """`body.0 stride 2 -> 1`, `new extra.0`."""
    if origin.text in ("new", "gone"):
        return f"{origin.text} {origin.name}"
    return f"{origin.name} {origin.text}".strip()
