"""Read a structure off a model: the tree as it stands, the graph by one forward call."""

from __future__ import annotations

import torch
from torch.nn.parameter import is_lazy

from ...errors import ModelCheckError
from ...model.shared import shared
from ...model.subject import Subject
from ...text import first_sentence
from .result import Structure
from .statedict import read_state
from .trace.passes import trace_graph
from .trace.values import hash_of
from .tree import read_tree


def read_structure(subject: Subject, *, weights: bool = False, autograd: bool = False) -> Structure:
    """The structure of a model; without inputs its tree alone. Raises ModelRunError if the model itself raises."""
    modules, state = read_tree(subject.module), read_state(subject.module)
    hashes = hash_weights(subject) if weights else None
    if subject.inputs is None and not autograd:
        return Structure(subject.name, modules, weights=hashes, state=state)
    traced = trace_graph(subject, gradients=autograd)
    graph, gradients = traced.graph, None
    if autograd:
        from .autograd import read_autograd

        gradients = read_autograd(subject.module, traced.output, graph.scopes, traced.functions)
    if hashes is not None:
        hashes |= graph.held
    return Structure(
        subject.name, traced.modules or modules, graph, hashes, gradients, state=state, note=traced.note
    )


trace = shared()(read_structure)
"""The same, measured once for all tests of a model that did not change."""


def describe(subject: Subject) -> Structure:
    """For the report: a model that cannot be run still has a tree, and a reason."""
    try:
        return trace(subject, weights=True)
    except ModelCheckError as error:
        state = read_state(subject.module)
        return Structure(
            subject.name, read_tree(subject.module), reason=first_sentence(str(error)), state=state
        )


def hash_weights(subject: Subject) -> dict[str, str]:
    """SHA-256 of the bytes of every parameter and buffer that holds values, by name."""
    named = [*subject.module.named_parameters(), *subject.module.named_buffers()]
    return {
        name: hash_of(t)
        for name, t in named
        if not is_lazy(t) and not t.is_meta and t.layout == torch.strided
    }
