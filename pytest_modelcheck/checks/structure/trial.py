"""A structure is the same when it is read twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...demand.trial import Trial
from ...errors import MeasurementError
from ...text import count

if TYPE_CHECKING:
    from .methods import StructureMethods


def _traced_twice(check: StructureMethods) -> str:
    from .measure import read_structure

    check.subject.require_inputs()
    first, second = check.structure(), read_structure(check.subject)
    if found := first.diff(second):
        told = "\n".join(f"  {change}" for change in found[:8])
        raise MeasurementError(
            f"{check.name}: traced twice, and the structure is another:\n{told}\n"
            "What the model computes depends on random numbers or on earlier calls: in eval mode it should not."
        )
    graph = f", {count(len(first.graph.nodes), 'operator')}" if first.graph is not None else ""
    return f"{count(len(first.modules), 'module')}{graph}, the same when traced again\n{first}"


TRIAL = Trial("structure", _traced_twice, snapshot=("structure", "structure_snapshot"))
