"""Explanation: which pixels speak for a score, and what features see.

The walk of one, and the modules on it:
- the marker and the methods: `check`, `named` (callables among options), `methods`, `automatic` (of a report)
- the input: `images` (which one is the picture), `entrances` (what convolutions get), `padding` (what detectors add)
- the layer: `choice` of `survey` (one forward, watched), `layouts` (axes and tokens), `layers`, `features`
- the way back: `runs`, `capture`, `signals` by the rules of `rectifiers`; `stops` (where it ends), `scripted`
- the answer: `targets` and `answers` of `logits` in `outputs`; `probability`
- what is made: `cam` by `formulas` or `perturb`, `projection`, `evolution`, `invariance`, `faithfulness`
- what is shown: `heatmap`, `views`, `pictures`, `colormap`, `pointing`, `panel`; `words` that several say
- what is kept: `section`, `entries`, `metrics`; `compare` (the rule of snapshots), `changes` since a base
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..registry import Registry


def register(registry: Registry) -> None:
    """The marker, the sections of the report, and what heatmap snapshots are measured in."""
    from .check import InvarianceCheck
    from .metrics import HEATMAP
    from .section import SECTIONS

    registry.add(InvarianceCheck())
    registry.add_metric(HEATMAP)
    for section in SECTIONS:
        registry.add_section(section)
