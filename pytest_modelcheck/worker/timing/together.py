"""Protocol P1: both revisions in one process, each under its own view of the modules, on tensors they share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from ...checks.latency.against import pack
from ...checks.latency.clock import Call, clock_for
from ...checks.latency.compare import chunk_by_chunk, slowdown_decided, subject_side
from ...checks.latency.paired import PairedSampler, Side, fresh
from ...checks.latency.region import no_collection
from ...model.observe import observe
from ...model.subject import Subject
from ..redirect import Redirect
from .globals import Globals
from .operators import conflicts, registrations
from .revision import Incomparable, Job, Key, Timed, collect, foreign, refuse_other_inputs, with_inputs
from .views import LateImports, Libraries, Owner, View

PROTOCOL = "P1: both revisions in one process"


class Refused(Exception):
    """One process cannot hold both revisions honestly; says why."""


@dataclass
class Revision:
    """A revision's view, its subjects, and what its import did to the process."""

    view: View
    found: dict[Key, Timed] = field(default_factory=dict)
    missing: dict[Key, str] = field(default_factory=dict)
    registered: set[str] = field(default_factory=set)


class Together:
    """Answers a `Child`'s questions: `load` both revisions, then compare one key after the other."""

    def __init__(self, job: Job) -> None:
        self.job = job
        owner = Owner(Path(job.root), Path(job.tree))
        self.owner = owner
        self.redirect = Redirect(Path(job.root), Path(job.tree), job.files, job.patterns, job.moves)
        self.base = Revision(View(owner, [self.redirect]))
        self.head = Revision(View(owner))

    def __call__(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            if "key" in question:
                return {"comparison": self.compare(tuple(question["key"]))}
            return self.load()
        except Refused as reason:
            return {"why": str(reason)}
        except Incomparable as reason:
            return {"reason": str(reason)}

    def load(self) -> dict[str, Any]:
        """Both revisions' subjects. Raises Refused."""
        before = Globals(self.owner)
        with Libraries() as libraries:
            for revision, name in ((self.base, "the base"), (self.head, "this tree")):
                with revision.view, registrations() as revision.registered:
                    revision.found, revision.missing = collect(self.job)
                self._refuse(name, libraries, before)
        twice = conflicts(self.base.registered, self.head.registered)
        if twice:
            raise Refused(f"operators are registered with torch by both revisions: {_few(twice)}")
        return {"base": _listed(self.base.missing), "head": _listed(self.head.missing)}

    def _refuse(self, name: str, libraries: Libraries, before: Globals) -> None:
        if libraries.seen:
            raise Refused(f"{name} loads a C extension: {_few(self._short(f) for f in libraries.seen)}")
        changed = before.changes(Globals(self.owner))
        if changed:
            raise Refused(f"importing {name} changes what the whole process shares: {_few(changed)}")

    def _short(self, file: str) -> str:
        homes = (self.job.tree, self.job.root)
        return next((str(Path(file).relative_to(h)) for h in homes if Path(file).is_relative_to(h)), file)

    def compare(self, key: Key) -> dict[str, Any]:
        """How much slower this tree's subject is. Raises Refused."""
        base, head = self.base.found[key], self.head.found[key]
        self._refuse_leaks(base.subject, head.subject)
        refuse_other_inputs(base.subject.require_inputs(), str(head.subject.inputs))
        old = with_inputs(base.subject, head.subject.require_inputs().tensors)
        sides = (
            _within(self.base.view, subject_side(old)),
            _within(self.head.view, subject_side(head.subject)),
        )
        names = self.base.view.names | self.head.view.names
        decided = slowdown_decided(head.max_regression)
        with observe(guard=False), no_collection(), LateImports(names) as late:
            torch.set_num_threads(head.threads)
            same = self._try(sides, late)
            sampler = PairedSampler(*sides, clock_for(head.subject.device, head.threads))
            seen = chunk_by_chunk(sampler, decided, threads=head.threads, cap=self.job.cap)
        _refuse_late(late)
        notes = () if same else ("the outputs of the two revisions differ",)
        return pack(replace(seen, protocol=PROTOCOL, notes=notes))

    def _refuse_leaks(self, base: Subject, head: Subject) -> None:
        tree = Path(self.job.tree)
        leaks = (
            foreign(base, self.redirect.is_source),
            foreign(head, lambda file: file.is_relative_to(tree)),
        )
        for leak in leaks:
            if leak:
                raise Refused(f"a class of one revision is in the model of the other: {leak}")

    def _try(self, sides: Sequence[Side], late: LateImports) -> bool:
        """Call each once, outside of the views; whether the outputs are equal. Raises Refused."""
        before = Globals(self.owner)
        outputs = []
        with torch.no_grad():
            for side in sides:
                try:
                    outputs.append(side.build([fresh(t) for t in side.tensors])())
                finally:
                    _refuse_late(late)
        changed = before.changes(Globals(self.owner))
        if changed:
            raise Refused(f"a forward changes what the whole process shares: {_few(changed)}")
        return _equal(*outputs)


def _refuse_late(late: LateImports) -> None:
    if late.seen:
        raise Refused(f"a forward imports modules of the tree: {_few(dict.fromkeys(late.seen))}")


def _within(view: View, side: Side) -> Side:
    """A side that is built in its view."""

    def build(copies: Sequence[Tensor]) -> Call:
        with view:
            return side.build(copies)

    return Side(side.tensors, build)


def _equal(a: object, b: object) -> bool:
    left, right = ([t for t in tree_leaves(output) if isinstance(t, Tensor)] for output in (a, b))
    return len(left) == len(right) and all(
        x.shape == y.shape and x.dtype == y.dtype and torch.allclose(x, y, 1e-4, 1e-6, equal_nan=True)
        for x, y in zip(left, right, strict=True)
    )


def _few(names: Iterable[str], shown: int = 3) -> str:
    listed = list(names)
    rest = len(listed) - shown
    return ", ".join(listed[:shown]) + (f" and {rest} more" if rest > 0 else "")


def _listed(missing: dict[Key, str]) -> list[list[object]]:
    return [[list(key), reason] for key, reason in missing.items()]
