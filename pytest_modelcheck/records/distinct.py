"""What came once already, told by its content, in time that does not grow with all that came."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TypeVar

Item = TypeVar("Item")


class Distinct:
    """Knows the plain data that it was shown."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def new(self, items: Iterable[Item]) -> list[Item]:
        """Those that were not shown before, in their order."""
        return [item for item in items if self._is_new(item)]

    def _is_new(self, item: object) -> bool:
        text = json.dumps(item, sort_keys=True)
        digest = hashlib.blake2b(text.encode("ascii"), digest_size=16).digest()
        before = len(self._seen)
        self._seen.add(digest)
        return len(self._seen) > before
