"""Fingerprints of plain values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping


def digest(facts: object) -> str:
    """SHA-256 over values as JSON holds them; equal for equal ones: 0, 0.0 and False are the same, 1, 1.0 and True."""
    return hashlib.sha256(json.dumps(_same(facts)).encode("ascii")).hexdigest()


def _same(value: object) -> object:
    """`value` with one way to write each number."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, (list, tuple)):
        return [_same(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _same(item) for key, item in value.items()}
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    return value


_PLAIN = frozenset([str, int, type(None)])
