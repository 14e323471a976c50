"""One difference between two structures."""

from __future__ import annotations

from dataclasses import dataclass

from .rows import ChangeRow, Kind


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
        return f"{self.path or '(the model)'}: {self.what} {self.kind}{f': {values}' if values else ''}"

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
