"""Logits: which of the tensors that a model returns holds its logits, and what to write where none can be told."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from torch import Tensor

from ...errors import ExplanationError
from ...model.shapes import is_plain
from ...text import size_words

NAMES = ("logits", "class_logits", "cls_logits", "pred_logits", "scores", "out")
"""What holds the logits, by its name in the output; the first of these that is there."""
Keyword: TypeAlias = Literal["target", "probability"]  # of the method that asks: what an advice is for
DEEP = 8  # levels of an output; deeper ones are no answer but a state
LISTED = 20  # tensors in a message


@dataclass(frozen=True)
class Leaf:
    """A tensor of an output: `path` is how one writes it (`output["head"].logits`), `names` the keys on the way."""

    path: str
    names: tuple[str, ...]
    tensor: Tensor

    @property
    def columns(self) -> Tensor:
        """(N, classes); one number for each sample is a single column."""
        return self.tensor[:, None] if self.tensor.dim() == 1 else self.tensor

    def __str__(self) -> str:
        kind = "" if self.tensor.is_floating_point() else f" {str(self.tensor.dtype).removeprefix('torch.')}"
        return f"{self.path} {size_words(self.tensor.shape) or 'scalar'}{kind}"


def class_logits(output: object, samples: int | None = None, keyword: Keyword = "target") -> Tensor:
    """The (N, classes) tensor in a model's output: see `find_logits`."""
    return find_logits(output, samples, keyword).columns


def find_logits(output: object, samples: int | None = None, keyword: Keyword = "target") -> Leaf:
    """The tensor with a number for each sample and class: what is named as `NAMES` say, else the only one there is.

    `samples`: how many it must have. One number for each sample, (N,), counts where nothing is (N, classes). Raises
    ExplanationError with the keys and shapes of all tensors, and with what to write as `keyword`.
    """
    leaves = list(_leaves(output))
    if any("boxes" in leaf.names for leaf in leaves):
        raise ExplanationError(_detections(leaves, keyword))
    for name in NAMES:
        named = [leaf for leaf in leaves if name in leaf.names]
        found = _nearest(_fitting(named, samples))
        if found or any(leaf.tensor.is_floating_point() and leaf.tensor.dim() > 1 for leaf in named):
            break
    else:
        found, named = _fitting(leaves, samples), leaves
    if len(found) == 1:
        return found[0]
    raise ExplanationError(
        _several(found, leaves, samples, keyword) if found else _none(output, named, leaves, samples, keyword)
    )


def candidates(output: object, samples: int) -> list[Leaf]:
    """All tensors of an output that have a number for each sample, or one for each sample and class."""
    return [leaf for leaf in _leaves(output) if _fits(leaf.tensor, samples)]


def at(output: object, path: str) -> Leaf | None:
    """The tensor that an output has at `path`."""
    return next((leaf for leaf in _leaves(output) if leaf.path == path), None)


def probability_of_one(output: object, samples: int) -> str:
    """An expression that makes one probability for each sample of the output; "..." where none is sure to work."""
    leaves = [leaf for leaf in _leaves(output) if leaf.tensor.dim() > 1] or candidates(output, samples)
    made = [(leaf, _advice(Leaf(leaf.path, (), leaf.columns), samples, "probability")) for leaf in leaves]
    return next((f"{told}[:, {min(3, leaf.columns.shape[1] - 1)}]" for leaf, told in made if told), "...")


def _leaves(value: object, path: str = "output", names: tuple[str, ...] = ()) -> Iterator[Leaf]:
    if isinstance(value, Tensor):
        if is_plain(value):
            yield Leaf(path, names, value)
    elif len(names) < DEEP:
        for step, name, item in _parts(value):
            yield from _leaves(item, path + step, (*names, name))


def _parts(value: object) -> Iterator[tuple[str, str, object]]:
    """What a container holds: how one asks for it, under which name, and the thing itself."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield f"[{_quoted(key)}]", str(key), item
    elif isinstance(value, (tuple, list)) and not hasattr(type(value), "_fields"):
        for number, item in enumerate(value):
            yield f"[{number}]", "", item
    else:
        for name in _attributes(value):
            yield f".{name}", name, _attribute(value, name)


def _attribute(value: object, name: str) -> object:
    """None where there is none, or where a property of the user's raises."""
    try:
        return getattr(value, name, None)
    except Exception:
        return None


def _attributes(value: object) -> Sequence[str]:
    """Names of fields, attributes and slots; of properties those that are called as logits are."""
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    slots = getattr(type(value), "__slots__", ())
    slots = (slots,) if isinstance(slots, str) else slots
    own = [*getattr(type(value), "_fields", ()), *slots, *getattr(value, "__dict__", ())]
    made = [name for name in NAMES if isinstance(getattr(type(value), name, None), property)]
    return list(dict.fromkeys(name for name in [*own, *made] if not name.startswith("_")))


def _quoted(key: object) -> str:
    return f'"{key}"' if isinstance(key, str) and key.isprintable() and not {*'"\\'} & {*key} else repr(key)


def _fits(tensor: Tensor, samples: int | None) -> bool:
    if not tensor.is_floating_point() or tensor.dim() not in (1, 2) or not tensor.numel():
        return False
    return samples is None or len(tensor) == samples


def _fitting(leaves: Sequence[Leaf], samples: int | None) -> list[Leaf]:
    """Those that may be logits, each tensor once; single columns only where there is nothing else."""
    once = {id(leaf.tensor): leaf for leaf in reversed(leaves) if _fits(leaf.tensor, samples)}
    found = list(reversed(once.values()))
    return [leaf for leaf in found if leaf.tensor.dim() == 2] or found


def _nearest(leaves: Sequence[Leaf]) -> list[Leaf]:
    """Those that lie the least deep in the output."""
    least = min((len(leaf.names) for leaf in leaves), default=0)
    return [leaf for leaf in leaves if len(leaf.names) == least]


def _several(found: list[Leaf], leaves: list[Leaf], samples: int | None, keyword: Keyword) -> str:
    why = (
        "have one name"
        if len({leaf.names[-1] for leaf in found}) == 1
        else f"none is named {', '.join(NAMES)}"
    )
    why = why if found[0].names[-1] else f"none is named {', '.join(NAMES)}"
    return (
        f"the output holds several tensors that may be the logits (N, classes), and {why}:\n{_listed(leaves)}\n"
        f"Say which: {keyword}=lambda output: {_advice(found[-1], samples, keyword)}"
    )


def _none(
    output: object, named: list[Leaf], leaves: list[Leaf], samples: int | None, keyword: Keyword
) -> str:
    told = f"the output has no class dimension: {_what(output, named, leaves)}, not (N, classes)"
    rows = [leaf for leaf in named if leaf.tensor.dim() == 2 and leaf.tensor.is_floating_point()]
    if rows and samples is not None:
        told = f"{rows[0].path} has {len(rows[0].tensor)} rows for {samples} samples; one for each sample is needed"
    if leaves and leaves[0].path != "output":
        told += f". It holds:\n{_listed(leaves)}"
    advice = next((a for leaf in [*named, *leaves] if (a := _advice(leaf, samples, keyword))), "")
    if advice:
        return f"{told}\nPass a callable: {keyword}=lambda output: {advice}"
    made = "a score" if keyword == "target" else "a probability"
    return f"{told}\nGive a model that returns scores of classes, or as {keyword}= a callable that makes {made} of it."


def _what(output: object, named: list[Leaf], leaves: list[Leaf]) -> str:
    if not leaves:
        return f"it is a {type(output).__name__} without a dense tensor"
    shape = tuple((named or leaves)[0].tensor.shape)
    return (
        f"it is a tensor of shape {shape}"
        if leaves[0].path == "output"
        else f"it is a {type(output).__name__}"
    )


def _detections(leaves: list[Leaf], keyword: Keyword) -> str:
    """What a detector returns has a number for each box, not for each class."""
    scores = next((leaf.path for leaf in leaves if "scores" in leaf.names), leaves[0].path)
    each = scores.replace("output[0]", "one", 1)
    advice = f"{scores}.sum()" if keyword == "target" else f"torch.stack([{each}.amax() for one in output])"
    return (
        f"the output has no class dimension: it holds boxes, as a detector's does:\n{_listed(leaves)}\n"
        f"Pass a callable: {keyword}=lambda output: {advice}"
    )


def _listed(leaves: list[Leaf]) -> str:
    lines = [f"  {leaf}" for leaf in leaves[:LISTED]]
    return "\n".join(lines + [f"  and {len(leaves) - LISTED} more"] * (len(leaves) > LISTED))


def _advice(leaf: Leaf, samples: int | None, keyword: Keyword) -> str:
    """An expression that makes of the tensor what `keyword` asks for; "" where none is sure to work."""
    tensor, path = leaf.tensor, leaf.path
    if not tensor.is_floating_point() or not tensor.numel():
        return ""
    if tensor.dim() < 2 or (samples is not None and len(tensor) != samples):
        return "" if keyword == "probability" else f"{path}.sum()" if tensor.dim() else path
    return _score_of(tensor, path) if keyword == "target" else _probability_of(tensor, path)


def _score_of(tensor: Tensor, path: str) -> str:
    if tensor.dim() == 3:  # queries or tokens, then classes
        return f"{path}[:, :, {min(3, tensor.shape[2] - 1)}].sum(1)"
    return f"{path}[:, {min(3, tensor.shape[1] - 1)}]" + _over_places(tensor, "sum")


def _probability_of(tensor: Tensor, path: str) -> str:
    if tensor.dim() == 3:
        return f"{path}.softmax(2).amax(1)"
    return f"{path}.{'sigmoid()' if tensor.shape[1] == 1 else 'softmax(1)'}" + (
        "" if tensor.dim() == 2 else ".flatten(2).mean(2)"
    )


def _over_places(tensor: Tensor, by: str) -> str:
    places = tuple(range(1, tensor.dim() - 1))
    return f".{by}({places})" if places else ""
