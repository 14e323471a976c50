"""Names of models, modules and tests come from outside: make them safe to print and short enough to read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

WRITTEN = 100  # characters of a value in a message
_COMMAND = re.compile(r"(?m)((?:^|\r)[^\S\r\n]*):(?=:)")


def printable(text: str, keep: str = "") -> str:
    """`text` with control characters (and what else a terminal might obey) escaped, except those in `keep`."""
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode("ascii") for c in text
    )


def file_stem(name: str) -> str:
    """A file's name without its suffix, that no one's `name` can break out of."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:80] or "model"


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` characters, cut in the middle: both ends of a name tell most."""
    if len(text) <= width:
        return text
    head = (width - 1) * 2 // 3
    return text[:head] + "…" + text[len(text) - (width - 1 - head) :]


def shorten_subject(text: str, width: int) -> str:
    """A subject's name: what tells it apart, as in `net (1x3x8x8)`, is cut last, and at its end."""
    name, bracket, addition = text.partition(" (")
    if len(text) <= width or not bracket:
        return shorten(text, width)
    few = max(width - len(bracket + addition), 4)
    whole = (name if len(name) <= few else name[: few - 1] + "…") + bracket + addition
    return whole if len(whole) <= width else whole[: width - 1] + "…"


def first_line_repr(result: object) -> str:
    """What a failed assertion shows of a result that prints in several lines: its type, and the first of them."""
    return f"{type(result).__name__}({str(result).partition(chr(10))[0]})"


def as_written(value: object) -> str:
    """A value of the user's for a message: as source, cut where it is long, its type where it cannot say."""
    try:
        text = repr(value)
    except Exception:  # its own `__repr__`, or a number of more digits than Python writes
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= WRITTEN else text[: WRITTEN - 1] + "…"


def did_you_mean(name: str, names: Iterable[str], most: int = 1, cutoff: float = 0.6) -> str:
    """`did you mean 'resnet18'?`, with at most so many that are spelled alike; "" where none is."""
    import difflib  # only where something is wrong

    close = difflib.get_close_matches(name, [*names], most, cutoff)
    return f"did you mean {', '.join(map(repr, close))}?" if close else ""


def not_one_of(key: str, value: object, allowed: Iterable[object]) -> str:
    """`phase='foward' is not one of 'forward', 'backward'; did you mean 'forward'?`"""
    allowed = list(allowed)
    meant = value[:WRITTEN] if isinstance(value, str) else as_written(value)
    hint = did_you_mean(meant, [one for one in allowed if isinstance(one, str)])
    known = ", ".join(map(repr, allowed))
    return f"{key}={as_written(value)} is not one of {known}{f'; {hint}' if hint else ''}"


def nearest(path: str, paths: Iterable[str]) -> str:
    """For a module that is not there: which may be meant, or which there are."""
    known = [one for one in paths if one]
    tail = path.rpartition(".")[2]
    within = [one for one in known if tail and tail in one][:3]
    hint = did_you_mean(path, known, 3, 0.5) or (within and f"did you mean {', '.join(map(repr, within))}?")
    return hint or f"it has {', '.join(map(repr, known[:8]))}{', …' if len(known) > 8 else ''}"


def log_safe(text: str) -> str:
    """`text` for the log of a CI run: where GitHub Actions reads it, without what that takes for a command.

    Names of models, modules and tests come from outside: a line that begins with `::error` is a command, and so is
    `##[error]` anywhere in a line. The runner ends lines at carriage returns too, and does not see leading blanks.
    """
    if "GITHUB_ACTIONS" not in os.environ:
        return text
    return _COMMAND.sub(r"\1: ", text).replace("##[", "# #[")


_SENTENCE = re.compile(r"(?<=[\w)\]'\"`])\.\s+(?=[A-Z(`'\"])|\n")
REASON = 200  # characters of another library's sentence


def first_sentence(text: str) -> str:
    """What another library's message begins with: libraries explain at length, with addresses and tracebacks."""
    first = _SENTENCE.split(text.strip(), maxsplit=1)[0].strip()
    return first if len(first) <= REASON else first[: REASON - 1].rpartition(" ")[0] + " …"


def brief(text: str) -> str:
    """A message of moderate length as it is; of a longer one the first sentence."""
    return text if len(text) <= REASON and text.count("\n") < 3 else first_sentence(text)


def duration(seconds: float) -> str:
    """A time in its largest whole unit: `40 seconds`, `1 minute`, `3 days`."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return count(int(seconds // size), unit)
    return count(max(int(seconds), 0), "second")


def count(n: int, one: str, many: str = "") -> str:
    """`1 check`, `1,200 checks`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def ended(status: int) -> str:
    """How a process ended; `status`: as Python has it, negative for a signal."""
    return f"ended with status {status}" if status >= 0 else f"was killed by signal {-status}"


def memory_hint(status: int) -> str:
    """What to look at where a process was killed from outside; "" where it was not."""
    if status != -9:
        return ""
    return "\nSignal 9 comes from outside, most often where memory runs out: give smaller inputs, or more memory."


RAGGED = -1  # a size that differs from row to row


def size_words(sizes: Sequence[int]) -> str:
    """`1x3x224x224`, with a star for a ragged size; empty for a single number."""
    return "x".join("*" if n == RAGGED else str(n) for n in sizes)
