"""One difference between two structures."""

from __future__ import annotations

from dataclasses import dataclass

from ..rows import ChangeRow, Kind

OPERATOR, TENSORS = "operator ", ("parameter ", "buffer ")
SWAPPED = "swapped"
SAME = "same operators, other paths"
SAID = (SWAPPED, SAME)  # ends of what needs no word for the kind


def phrase(kind: str, what: str) -> str:
    """`stride changed`, `operands of sub swapped`."""
    return what if what.endswith(SAID) else f"{what} {kind}"


@dataclass(frozen=True)
class Change:
    """One difference: `kind` is added, removed, changed or moved; `what` of the module at `path`, from -> to."""

    kind: Kind
    path: str
    what: str
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        values = " -> ".join(value for value in (self.before, self.after) if value is not None)
        told = phrase(self.kind, self.what)
        return f"{self.path or '(the model)'}: {told}{f': {values}' if values else ''}"

    def to_dict(self) -> ChangeRow:
        """As the record holds it, `text` included."""
        return {
            "kind": self.kind,
            "path": self.path,
            "what": self.what,
            "before": self.before,
            "after": self.after,
            "text": str(self),
        }
