"""torch's reasons, shortened, and what a user can change."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...text import first_sentence

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_EXPLANATION = re.compile(
    r"^ *Explanation: (.+?)(?=\n *(?:Hint|Developer debug context): |\n\n|\Z)", re.M | re.S
)
_HINT = re.compile(r"^ *Hint: (.+?)(?=\n *(?:Hint|Developer debug context): |\n\n|\Z)", re.M | re.S)
_IDLE = re.compile(
    r"report an issue|file an issue|File an issue|is fundamental|earlier graph break|Dynamo bug"
)
_ASIDE = re.compile(r" \((?:e\.g\. [^)]*\)?[^)]*|has_kwargs \w+|reason: None)\)")
_WHILE = "\n*** While handling this graph break"

_OUTPUT = (
    "leave it out while compiling (`if not torch.compiler.is_compiling():`), or add it to "
    "torch._dynamo.config.reorderable_logging_functions"
)
_BRANCH = "compute both ways and choose with torch.where, or write torch.cond"
_FOREIGN = "call it outside of forward, or make an operator of it (torch.library.custom_op)"
_HINTS = (  # what torch says -> what to change
    (r"builtin operator `(?:print|input|breakpoint)`|_warnings\.warn|warnings\.warn|logg(?:ing|er)", _OUTPUT),
    (r"pdb|builtin `?breakpoint", "take the breakpoint out"),
    (r"Data-dependent (?:branching|jump|assert)|generic_jump", _BRANCH),
    (r"Tensor\.item|_local_scalar_dense", "keep it a tensor, or set torch._dynamo.config.capture_scalar_outputs"),
    (r"builtin operator `open`", "read files before the model is called"),
    (r"os\.environ|putenv", "read and set the environment before the model is called"),
    (r"as_proxy", "give operators tensors and numbers alone: what id() and the like return cannot be in a graph"),
    (r"marked as skipped|C extension", _FOREIGN),
)  # fmt: skip
_ANY_SIZE = "pass dynamic=True, or mark the axis with torch._dynamo.mark_dynamic"
_ATTRIBUTE = "keep the attribute {0} as it is after the first call, or make it a tensor (a buffer)"
_GUARDS = (  # a guard that failed -> what to change
    (r"size mismatch|\.size\(\)|\.shape\[|Eq\(|s\d+ ", _ANY_SIZE),
    (r"rank mismatch", "call it with as many axes each time (unsqueeze before the call)"),
    (r"stride mismatch|\.stride\(\)", "call it with one memory layout each time (.contiguous())"),
    (r"dtype mismatch", "call it with one dtype each time"),
    (r"device mismatch", "call it with one device each time"),
    (r"requires_grad mismatch", "call it with tensors that all require gradients, or none"),
    (r"grad_mode|inference_mode|GLOBAL_STATE", "keep torch's modes and settings as they are between calls"),
    (r"___stack\d+", "a number that is computed outside of the graphs changes: keep it a tensor, mend the graph break"),
    (r"G\[['\"](\w+)['\"]\]", "keep the global {0} as it is, or give its value as a tensor"),
    (r"self\.?((?:\._modules\[[^\]]+\]|\.\w+)*)\.(\w+)", _ATTRIBUTE.format("{1}")),
    (r"self\.__dict__\[['\"](\w+)['\"]\]|self\.(\w+)", _ATTRIBUTE),
    (r"\blen\(|dict_keys|DICT_", "keep lists and dicts of one length"),
)  # fmt: skip
_SMALL = re.compile(r"\b2 <= |mismatch at index \d+\. expected (?:[01], actual|\d+, actual [01]\b)")
_SIZE = re.compile(r"size mismatch at index|\.size\(\)\[|\.shape\[|\bs\d+\b")


class Words(NamedTuple):
    """A graph break: torch's name for such, the reason in a sentence, and what to change ("" where nobody knows)."""

    kind: str
    reason: str
    hint: str


def break_words(message: str) -> Words:
    """What torch says of a graph break, of the first where it tells of several."""
    first = _ADDRESS.sub("", message.partition(_WHILE)[0].strip())
    kind = first.partition("\n")[0].strip().rstrip(".:")
    found = _EXPLANATION.search(first)
    said = first_sentence(_plain(found[1])).rstrip(".") if found else ""
    reason = f"{kind}: {said}" if said else first_sentence(kind)
    own = next((hint for pattern, hint in _HINTS if re.search(pattern, f"{kind}\n{said}")), "")
    theirs = (" ".join(hint.split()) for hint in _HINT.findall(first))
    return Words(kind, reason, own or first_sentence(next((h for h in theirs if not _IDLE.search(h)), "")))


def _plain(explanation: str) -> str:
    """In one line, without asides; a point that stands before a quotation's end comes after it."""
    text = _ASIDE.sub("", " ".join(explanation.split()))
    return text.replace(".` ", "`. ")


def fallback_words(message: str) -> str:
    """Why dynamo skipped a function: the last that torch says, which is about the function, not about the line."""
    last = _ADDRESS.sub("", message).rpartition("***\n")[2].strip()
    kind, _, _ = last.partition("\n")
    if "*** While" not in message and "recompile limit" not in kind:
        kind = f"dynamo cannot go on after a break in it ({kind.strip().rstrip('.')})"
    return first_sentence(kind)


def guard_words(reason: str) -> str:
    """A guard that failed, without the number of the graph, the code that tests it where it is long, and stacks."""
    text = reason.partition("\nUser stack trace")[0]
    text = re.sub(r"^\S*\d+/\d+\S*: ", "", text.strip())
    return first_sentence(_ADDRESS.sub("", re.sub(r"\s{2,}#.*", "", text)))


def guard_hint(reason: str) -> str:
    """What to change so that this guard holds."""
    for pattern, hint in _GUARDS:
        if found := re.search(pattern, reason):
            return hint.format(*(group or "" for group in found.groups()))
    return ""


def is_about_small(reason: str) -> bool:
    """Whether a guard on a size failed, and one of both is 0 or 1."""
    return bool(_SMALL.search(reason))


def is_about_size(reason: str) -> bool:
    """Whether a guard on a size failed."""
    return bool(_SIZE.search(reason))
