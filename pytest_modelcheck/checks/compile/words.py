"""torch's reasons, shortened, and what a user can change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...text import first_sentence

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_EXPLANATION = re.compile(
    r"^ *Explanation: (.+?)(?=\n *(?:Hint|Developer debug context): |\n\n|\Z)", re.M | re.S
)
_HINT = re.compile(r"^ *Hint: (.+?)(?=\n *(?:Hint|Developer debug context): |\n\n|\Z)", re.M | re.S)
_IDLE = re.compile(
    r"report an issue|file an issue|File an issue|is fundamental|earlier graph break|Dynamo bug|error when running"
)
_ASIDE = re.compile(r" \((?:e\.g\. [^)]*\)?[^)]*|has_kwargs \w+|reason: None)\)")
_WITHIN = re.compile(r"got \w+\((['\"])(.+?)\1\)")  # the error of an operator, in torch's explanation
_WHILE = "\n*** While handling this graph break"
_LIMITED = re.compile("recompile limit|cache_size_limit")  # the second in torch 2.6
_ENABLE = "; to enable, "  # before what to change, and
_MAY_BE = ". This function is either"  # before what it may be: as torch 2.6 says it, all in one line

_OUTPUT = (
    "leave it out while compiling (`if not torch.compiler.is_compiling():`), or add it to "
    "torch._dynamo.config.reorderable_logging_functions"
)
_BRANCH = "compute both ways and choose with torch.where, or write torch.cond"
_FOREIGN = "call it outside of forward, or make an operator of it (torch.library.custom_op)"
_HINTS = (  # what torch says -> what to change
    (r"builtin operator `(?:print|input|breakpoint)`|builtin: (?:print|input) ", _OUTPUT),
    (r"_warnings\.warn|warnings\.warn|logg(?:ing|er)", _OUTPUT),
    (r"pdb|builtin `?breakpoint", "take the breakpoint out"),
    (r"Data-dependent (?:branching|jump|assert)|generic_jump", _BRANCH),
    (r"Tensor\.item|_local_scalar_dense", "keep it a tensor, or set torch._dynamo.config.capture_scalar_outputs"),
    (r"builtin operator `open`", "read files before the model is called"),
    (r"os\.environ|putenv", "read and set the environment before the model is called"),
    (r"as_proxy|call_id", "give operators tensors and numbers alone: what id() and the like give cannot be in a graph"),
    (r"no fake impl|register_fake", "register a fake implementation of the operator (torch.library.register_fake)"),
    (r"numpy function|numpy\.ndarray to Tensor", "write it with torch's operators"),
    (r"returned non-Tensor|torch\.Generator", "do it before the model is called, and keep what it gives"),
    (r"__build_class__", "define the class outside of forward"),
    (r"jit\.script", "give the module as it is written, without torch.jit"),
    (r"marked as skipped|C extension|unsupported builtin", _FOREIGN),
    (r"disable\(\) wrapped function", "take torch.compiler.disable away, or call it outside of forward"),
    (r"skip function graph_break", "take the call of torch._dynamo.graph_break() out"),
    (r"copy\.deepcopy", "copy before the model is called"),
    (r"tensor for tolist", "keep it a tensor, or make it one of whole numbers"),
)  # fmt: skip
_ANY_SIZE = "pass dynamic=True, or mark the axis with torch._dynamo.mark_dynamic"
_VALUE = "{0} is a Python value that changes from call to call: keep it as it is, or make it a tensor"
_ATTRIBUTE = "keep the attribute {0} as it is after the first call, or make it a tensor (a buffer)"
_CHOICE = "the code chooses by this size: treat all sizes alike, or allow a recompile for each choice"
SEVERAL = (
    "one function is compiled by itself and called in several ways within a call: mend the graph break that keeps it "
    "out of its caller's graph"
)
SMALL = "torch compiles sizes 0 and 1 apart, whatever dynamic= says: give an example of 2 or more, or allow a recompile"
_GUARDS = (  # a guard that failed -> what to change
    (r"\d <= .*\.size\(\)|\.size\(\).* <= \d|Ne\(|Eq\(|% \d+", _CHOICE),
    (r"size mismatch|\.size\(\)|\.shape\[|s\d+ ", _ANY_SIZE),
    (r"rank mismatch", "call it with as many axes each time (unsqueeze before the call)"),
    (r"stride mismatch|\.stride\(\)", "call it with one memory layout each time (.contiguous())"),
    (r"dtype mismatch", "call it with one dtype each time"),
    (r"device mismatch", "call it with one device each time"),
    (r"requires_grad mismatch", "call it with tensors that all require gradients, or none"),
    (r"grad_mode|inference_mode|GLOBAL_STATE", "keep torch's modes and settings as they are between calls"),
    (r"___stack\d+", "a number that is computed outside of the graphs changes: keep it a tensor, mend the graph break"),
    (r"\.training\b", "choose train() or eval() before the first call, and keep it"),
    (r"^(?:not )?'(\w+)' in ", _ATTRIBUTE),
    (r"G\[['\"](\w+)['\"]\]", "keep the global {0} as it is, or give its value as a tensor"),
    (r"self\.?((?:\._modules\[[^\]]+\]|\.\w+)*)\.(\w+)", _ATTRIBUTE.format("{1}")),
    (r"self\.__dict__\[['\"](\w+)['\"]\]|self\.(\w+)", _ATTRIBUTE),
    (r"\blen\(|dict_keys|DICT_", "keep lists and dicts of one length"),
    (r"(?:type of |\bnot |\(|^)([a-z_]\w*)\b(?!\()", _VALUE),
)  # fmt: skip
_MISMATCH = re.compile(r"size mismatch at index \d+\. expected (\d+), actual (\d+)")
_AT_LEAST_TWO = re.compile(r"\b2 <= .*\.size\(\)\[(\d+)\]")
_CONTAINED = re.compile(r"\._(?:modules|parameters|buffers)\['(\w+)'\]")
_HELD = re.compile(r"___dict_contains\('(\w+)', (.+?)\)(?=$| )")
_OBJECT = re.compile(r"___check_obj_id\((.+), \d+\)(?:, type=<class '(.+?)'>)?")
_TYPE = re.compile(r"___check_type_id\((.+), \d+\)(?:, type=<class '(.+?)'>)?")
_GLOBAL = re.compile(r"G\[(['\"])(\w+)\1\]")
_LOCAL = re.compile(r"L\[(['\"])(\w+)\1\]")  # as torch 2.6 writes them
_READ = re.compile(r'^ *File "(.+)", line (\d+), in (\S+)', re.M)
_CHOSEN = re.compile(r"(?:#|\) and) ([^#]+?)  # (\S+):(\d+) in (\S+) \(([^)]*)\)")


class Words(NamedTuple):
    """A graph break: torch's name for such, the reason in a sentence, and what to change ("" where nobody knows)."""

    kind: str
    reason: str
    hint: str


def break_words(message: str) -> Words:
    """What torch says of a graph break, of the first where it tells of several."""
    first = _ADDRESS.sub("", message.partition(_WHILE)[0].strip())
    kind, _, change = first.partition("\n")[0].strip().rstrip(".:").partition(_ENABLE)
    kind = kind.partition(_MAY_BE)[0]
    found = _EXPLANATION.search(first)
    said = _plain(found[1]) if found else ""
    within = _WITHIN.search(said)
    said = first_sentence(within[2] if within else said).rstrip(".")
    reason = f"{kind}: {said}" if said and kind.lower() not in said.lower() else said or first_sentence(kind)
    own = next((hint for pattern, hint in _HINTS if re.search(pattern, f"{kind}\n{said}")), "")
    theirs = (" ".join(hint.split()) for hint in (change, *_HINT.findall(first)))
    return Words(
        kind, reason, own or first_sentence(next((h for h in theirs if h and not _IDLE.search(h)), ""))
    )


def _plain(explanation: str) -> str:
    """In one line, without asides; a point that stands before a quotation's end comes after it."""
    text = _ASIDE.sub("", " ".join(explanation.split()))
    return text.replace(".` ", "`. ")


def fallback_words(message: str) -> str:
    """Why dynamo skipped a function: the last that torch says, which is about the function, not about the line."""
    last = _ADDRESS.sub("", message).rpartition("***\n")[2].strip()
    kind, _, _ = last.partition("\n")
    if "*** While" not in message and not _LIMITED.search(kind):
        kind = f"dynamo cannot go on after a break in it ({kind.strip().rstrip('.')})"
    return first_sentence(kind)


def guard_words(reason: str) -> str:
    """A guard that failed, without the number of the graph, the code that tests it where it is long, and stacks."""
    return first_sentence(_GLOBAL.sub(r"\2", _guard(reason)))


def _guard(reason: str) -> str:
    """Alone, as it were written in Python, without what torch tells beside it."""
    text = reason.partition("\nUser stack trace")[0]
    text = re.sub(r"^\S*\d+/\d+\S*: ", "", text.strip())
    text = _ADDRESS.sub("", re.sub(r"\s{2,}#.*", "", text, flags=re.S))
    text = _CONTAINED.sub(r".\1", _LOCAL.sub(r"\2", text))
    text = _HELD.sub(r"'\1' in \2", text)
    text = _OBJECT.sub(lambda found: f"{found[1]} is the same {found[2] or 'object'}", text)
    return _TYPE.sub(lambda found: f"type of {found[1]} is {found[2] or 'the same'}", text)


def guard_hint(reason: str, dynamic: bool | None) -> str:
    """What to change so that this guard holds, under this `dynamic` of torch.compile."""
    for pattern, hint in _GUARDS:
        if found := re.search(pattern, re.sub(r"\.__code__|^\w+: Not a function on ", "", _guard(reason))):
            hint = _CHOICE if dynamic and hint is _ANY_SIZE else hint
            return hint.format(*(group or "" for group in found.groups()))
    return ""


def guard_stack(reason: str) -> list[tuple[str, int, str]]:
    """The lines that led to where the value that is guarded is read, as torch tells them: file, number, function."""
    return [(file, int(line), name) for file, line, name in _READ.findall(reason)]


def guard_choice(reason: str) -> tuple[str, str]:
    """Of a guard on sizes, the last line that chose by one, and the end of its path with its number; "" for none."""
    chosen = [found for found in _CHOSEN.findall(reason) if "0/1 specialization" not in found[4]]
    return (chosen[-1][0].strip(), f"{chosen[-1][1]}:{chosen[-1][2]}") if chosen else ("", "")


def is_about_small(reason: str, shapes: Iterable[Sequence[int]]) -> bool:
    """Whether a guard on a size failed, and one of both is 0 or 1; `shapes` of the inputs that were given."""
    if found := _MISMATCH.search(reason):
        return min(int(found[1]), int(found[2])) < 2
    bound = _AT_LEAST_TWO.search(_guard(reason))
    return bound is not None and any(
        shape[int(bound[1]) :][:1] in ((0,), (1,)) for shape in map(tuple, shapes)
    )


def is_static_size(reason: str) -> bool:
    """Whether a guard failed that holds a size to one value: what torch takes for dynamic from then on."""
    return bool(_MISMATCH.search(reason))
