"""Where a project's packages lie: in its folder, and in `src`."""

from __future__ import annotations

import os
import sys


def source_root(folder: str) -> str | None:
    """The folder of sources that a project has besides its own; not one that is itself a package."""
    root = os.path.join(folder, "src")
    return root if os.path.isdir(root) and not os.path.exists(os.path.join(root, "__init__.py")) else None


def find_own_packages() -> None:
    """As far as nobody did: `pytest` does not add the current folder, as `python -m pytest` does; `src` comes last."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    root = source_root(here)
    if root is not None and root not in sys.path:
        sys.path.append(root)
