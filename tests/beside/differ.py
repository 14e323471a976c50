"""Where two values of a record differ, in words that a failing test shows."""

from __future__ import annotations

from collections.abc import Iterator


def differences(before: object, after: object, at: str = "") -> Iterator[str]:
    """One line for each leaf that is not the same."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            yield from differences(before.get(key), after.get(key), f"{at}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, f"{at}[{number}]")
    elif before != after:
        yield f"{at}: {before!r:.200} -> {after!r:.200}"
