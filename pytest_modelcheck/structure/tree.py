"""The module tree: names, types, attributes, parameters, and a fingerprint of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from html import escape
from typing import Any

from torch import nn

from ..subject import Subject


@dataclass(frozen=True)
class ModuleNode:
    """One module. `attributes` as `extra_repr` prints them; `params` with its children's, `own_params` without."""

    name: str
    type: str
    depth: int
    attributes: str
    params: int
    own_params: int
    frozen: bool
    shapes: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Structure:
    """A model's module tree, in the order of `named_modules()`; the root's name is empty."""

    name: str
    modules: tuple[ModuleNode, ...]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over names, types, attributes and parameter shapes: equal in every process, for any weights."""
        facts = [[m.name, m.type, m.attributes, m.shapes] for m in self.modules]
        return hashlib.sha256(json.dumps(facts).encode("ascii")).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """The record's section."""
        rows = [{k: v for k, v in asdict(m).items() if k != "shapes"} for m in self.modules]
        return {"fingerprint": self.fingerprint, "modules": rows}

    def __str__(self) -> str:
        return "\n".join(_line(m, self.name) for m in self.modules)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


def _line(node: ModuleNode, model: str) -> str:
    label = node.name.rpartition(".")[2] or model
    return f"{'  ' * node.depth}{label}: {node.type}({node.attributes})  {node.params:,} parameters"


def trace(subject: Subject) -> Structure:
    """Read the structure off the model; nothing runs. A module used twice is listed once, at its first place."""
    named = subject.module.named_modules()
    return Structure(subject.name, tuple(_node(name, module) for name, module in named))


def _node(name: str, module: nn.Module) -> ModuleNode:
    own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    parameters = list(module.parameters())
    return ModuleNode(
        name=name,
        type=type(module).__name__,
        depth=name.count(".") + 1 if name else 0,
        attributes=_attributes(module),
        params=sum(_size(p) for p in parameters),
        own_params=sum(_size(p) for p in module.parameters(recurse=False)),
        frozen=bool(parameters) and not any(p.requires_grad for p in parameters),
        shapes=tuple((key, _shape(tensor)) for key, tensor in own),
    )


def _size(parameter: nn.Parameter) -> int:
    return 0 if isinstance(parameter, nn.parameter.UninitializedParameter) else parameter.numel()


def _shape(tensor: Any) -> tuple[int, ...]:
    return (
        ()
        if isinstance(tensor, (nn.parameter.UninitializedParameter, nn.parameter.UninitializedBuffer))
        else tuple(tensor.shape)
    )


def _attributes(module: nn.Module) -> str:
    try:
        return " ".join(str(module.extra_repr()).split())
    except Exception as error:  # a user's method: it must not cost the user the report
        return f"(extra_repr raised {type(error).__name__})"
