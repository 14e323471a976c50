"""Drift from the base: this tree's weights and inputs go into the base's model, where that is, and its answers come
back. What both answer as they stand is compared by digests first: where all is equal, nobody is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, nn

from ...errors import MeasurementError, ModelCheckError, ModelRunError, SubjectError, in_short
from ...model.state.digest import checksum, of_bytes
from ...model.subject import Inputs, Subject
from ...text import count
from .against import refuse_meta
from .align import aligned
from .answer import Answer, call, seeded, shaken_trace, undone
from .arguments import Receiver, bound, leaves_of, packed
from .compare import compare
from .drift import Drift, drift_of, is_deaf
from .entries import AnswersEntry, DriftEntry
from .modules import Part, tree_of
from .vacuous import silence
from .words import BASE, amount

Ask: TypeAlias = Callable[[str, Any], Any]
SECTION = "answers"


def facts(subject: Subject) -> AnswersEntry:
    """What a subject answers as it stands, in digests; where there is none, why: a model that does not run, say."""
    try:
        refuse_meta(subject)
        return _facts(subject, subject.require_inputs())
    except SubjectError:
        raise  # the section is not for it
    except ModelCheckError as error:
        reason = str(error).partition("\n")[0]
    except Exception as error:
        reason = _ours(error)
    return {"weights": "", "inputs": "", "outputs": "", "reason": reason}


def _ours(error: Exception) -> str:
    """It costs no more than the line that says so."""
    return f"an error of pytest-modelcheck: {in_short(error)}"


def _facts(subject: Subject, inputs: Inputs) -> AnswersEntry:
    answered = _answer(subject, trace=False)
    return {
        "weights": _digest(weights_of(subject.module), quick=True),
        "inputs": _inputs_digest(subject, inputs),
        "outputs": _digest(answered.outputs),
        "silence": silence(answered.outputs),
        "reason": "",
    }


def between(subject: Subject, base: AnswersEntry, head: AnswersEntry, ask: Ask) -> Mapping[str, list[Any]]:
    """For the record: how far base and head are apart, with this tree's weights in both."""
    if base["reason"] or head["reason"]:
        side = "at the base" if base["reason"] else "here"
        return {"drift": [_unknown(f"{side}: {base['reason'] or head['reason']}")]}
    if all(base[key] == head[key] for key in ("weights", "inputs", "outputs")):
        made = Drift(subject.name, BASE, (), vacuous=head.get("silence", ""))
        return {"drift": [{**made.to_dict(), "nodeid": None}]}
    try:
        return {"drift": [{**drift_from_base(subject, ask, others=False).to_dict(), "nodeid": None}]}
    except ModelCheckError as error:
        return {"drift": [_unknown(str(error).partition("\n")[0])]}
    except Exception as error:
        return {"drift": [_unknown(_ours(error))]}


def _unknown(why: str) -> DriftEntry:
    made = Drift("", BASE, (), problem=why).to_dict()
    return cast("DriftEntry", {**made, "nodeid": None})


def drift_from_base(subject: Subject, ask: Ask, *, others: bool = True) -> Drift:
    """The drift from the base's model with this one's weights, on this one's arguments as far as they can be sent;
    `others`: whether it is asked on other inputs too, whether it listens. Raises MeasurementError, ModelRunError;
    UngatedError where the base has no such subject.
    """
    refuse_meta(subject)
    given = {
        "weights": weights_of(subject.module),
        "made": _made(subject.module),
        "tree": list(map(tuple, tree_of(subject.module))),
        "inputs": packed(subject.require_inputs(), subject.device),
    }
    said = ask(SECTION, given)
    if said["refused"]:
        raise MeasurementError(f"at the base: {said['refused']}")
    own, other = _answer(subject), Answer.read(said["answer"])
    told = {"notes": said["notes"], "stands": _stands(own, said)}
    made = drift_of(subject.name, BASE, own, other, **told, shaken=lambda: shaken_trace(subject))
    return is_deaf(made, subject) if others else made


def answer_head(subject: Subject, given: Mapping[str, Any]) -> dict[str, Any]:
    """At the base, of its own subject: what it answers with the head's weights and inputs; where its own are others,
    also what it answers as it stands.
    """
    refuse_meta(subject)
    own, receiver = subject.require_inputs(), Receiver(subject.device)
    inputs = receiver.unpacked(given["inputs"], own)
    tree = [Part(path, kind, tuple(tensors)) for path, kind, tensors in given["tree"]]
    partners = _partners(subject.module, tree, given["weights"])
    tensors = _tensors(subject.module)
    changed = [name for name, value in partners.items() if not _same(tensors[name], value)]
    lone = [name for name in tensors if name not in partners]
    used = {id(value) for value in partners.values()}
    here = [name for name, value in given["weights"].items() if id(value) not in used]
    remade = [name for name, sign in _made(subject.module).items() if given["made"].get(name, sign) != sign]
    is_other_input = _inputs_digest(subject, own) != _inputs_digest(subject, inputs)
    stands = _answer(subject, trace=False).plain() if changed or lone or is_other_input else None
    with subject.restored():
        for name, value in partners.items():
            tensors[name].data = value.to(tensors[name])
        try:
            with _alone():
                answered = call(subject, inputs)
        except ModelRunError as error:
            if not is_other_input:
                raise
            why = str(error).partition("\n")[0]
            return {
                "refused": f"the model does not take this tree's inputs ({inputs}; its own: {own}): {why}"
            }
    return {
        "refused": "",
        "answer": answered.plain(),
        "stands": stands,
        "others": _others(len(changed) + len(lone), is_other_input),
        "notes": [
            *_lone("weights at the base alone, as it is there", lone),
            *_lone("weights here alone", here),
            *_lone("buffers that code makes, with other values here", remade),
            *_lone("arguments that stay the base's own", receiver.kept),
        ],
    }


def _others(tensors: int, is_other_input: bool) -> str:
    """What of it is not this tree's: `the base's own inputs and 3 tensors`."""
    parts = [*(["inputs"] if is_other_input else []), *([count(tensors, "tensor")] if tensors else [])]
    return f"the base's own {' and '.join(parts)}"


def _lone(where: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return [f"{where}: {', '.join(names[:3])}{more}"]


def _stands(own: Answer, said: Mapping[str, Any]) -> str:
    """How far both are apart as they stand, in words."""
    if said["stands"] is None:
        return ""
    rows = tuple(compare(own.outputs, Answer.read(said["stands"]).outputs))
    drift = Drift("", BASE, rows)
    far = amount(drift.figures)
    far = "the same all the same" if drift.bit_for_bit else f"apart by {far}" if drift.max_error else far
    return f"as they stand ({said['others']}): {drift.incomparable or far}"


def _answer(subject: Subject, *, trace: bool = True) -> Answer:
    with undone(subject), _alone():
        return call(subject, trace=trace)


@contextmanager
def _alone() -> Iterator[None]:
    """One thread, so that two processes add in the same order."""
    torch.set_num_threads(1)
    with seeded():
        yield


def _tensors(module: nn.Module, *, tied: bool = False) -> dict[str, Tensor]:
    """Parameters, and buffers but those that code makes anew: what a checkpoint holds. `tied`: one that has several
    names under each of them, as in a checkpoint; else once, as there is one value.
    """
    found: dict[str, Tensor] = dict(module.named_parameters(remove_duplicate=not tied))
    for path, part in module.named_modules(remove_duplicate=not tied):
        for name, tensor in part._buffers.items():
            if tensor is not None and name not in part._non_persistent_buffers_set:
                found[f"{path}.{name}" if path else name] = tensor
    return found


def _made(module: nn.Module) -> dict[str, str]:
    """The other buffers, which are code: a digest of each."""
    held = _tensors(module)
    return {
        name: _digest({"": tensor}, quick=True) for name, tensor in module.named_buffers() if name not in held
    }


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """All under each of their names, on the CPU, detached; what is one tensor there is one here."""
    tensors = _tensors(module, tied=True)
    plain = {id(tensor): tensor.detach().cpu() for tensor in tensors.values()}
    return {name: plain[id(tensor)] for name, tensor in tensors.items()}


def _partners(module: nn.Module, tree: Sequence[Part], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The head's tensor for each of the base's that has one: of the same module, by name, or in order by shape."""
    paths = aligned(tree_of(module), tree)
    own = _tensors(module)
    homes: dict[str, dict[str, str]] = {}
    for name in weights:
        home, _, last = name.rpartition(".")
        homes.setdefault(home, {})[last] = name
    found: dict[str, str] = {}
    for name, tensor in own.items():
        home, _, last = name.rpartition(".")
        twin = homes.get(paths.get(home, home), {}).get(last)
        if twin is not None and weights[twin].shape == tensor.shape:
            found[name] = twin
    for name, tensor in own.items():
        taken = {*found.values()}
        home = name.rpartition(".")[0]
        free = [one for one in homes.get(paths.get(home, home), {}).values() if one not in taken]
        like = [one for one in free if weights[one].shape == tensor.shape]
        if name not in found and like:
            found[name] = like[0]
    return {name: weights[twin] for name, twin in found.items()}


def _same(one: Tensor, other: Tensor) -> bool:
    """Bit for bit."""
    a, b = (side.detach().cpu().resolve_conj().resolve_neg().contiguous() for side in (one, other))
    alike = a.dtype == b.dtype and a.shape == b.shape
    return alike and torch.equal(a.reshape(-1).view(torch.uint8), b.reshape(-1).view(torch.uint8))


def _inputs_digest(subject: Subject, inputs: Inputs) -> str:
    """Of tensors, and of all else that is given."""
    named = packed(bound(inputs, subject.module), subject.device)
    return _digest(dict(leaves_of(named)))


def _digest(values: Mapping[str, object], *, quick: bool = False) -> str:
    """Of names, shapes, dtypes and bits; `quick`: of a checksum of each tensor, where there is much to read."""
    found = hashlib.sha256()
    for name, tensor in values.items():
        if not isinstance(tensor, Tensor):
            found.update(f"{name} {tensor!r}\n".encode("utf-8", "surrogatepass"))
            continue
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode("utf-8", "surrogatepass"))
        plain = tensor.detach().resolve_conj().resolve_neg()
        if quick:
            found.update(checksum(plain).to_bytes(4, "little"))
        else:
            of_bytes(plain, found.update)
    return found.hexdigest()
