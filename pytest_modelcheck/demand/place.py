"""Where a marker stands in the user's source: its own line, not the test's."""

from __future__ import annotations

import ast
import functools
from pathlib import Path


def marker_line(path: Path, owner: str, marker: str, occurrence: int, default: int) -> int:
    """The 1-based line of `marker` on the function or class `owner` (dotted; empty: the module's `pytestmark`).

    `occurrence` counts equal markers of one owner as pytest does: decorators from the innermost outwards.
    Falls back to `default`.
    """
    expressions = _marker_expressions(path).get(owner, [])
    lines = [node.lineno for node in expressions if _name(node) == marker]
    return lines[occurrence] if occurrence < len(lines) else default


@functools.lru_cache(maxsize=64)
def _marker_expressions(path: Path) -> dict[str, list[ast.expr]]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    found: dict[str, list[ast.expr]] = {}
    _collect(tree, "", found)
    return found


def _collect(node: ast.AST, prefix: str, found: dict[str, list[ast.expr]]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = f"{prefix}.{child.name}" if prefix else child.name
            found[name] = child.decorator_list[::-1]
            _collect(child, name, found)
        elif isinstance(child, ast.Assign) and any(
            getattr(t, "id", "") == "pytestmark" for t in child.targets
        ):
            marks = child.value.elts if isinstance(child.value, (ast.List, ast.Tuple)) else [child.value]
            found.setdefault(prefix, []).extend(marks)
        else:
            _collect(child, prefix, found)


def _name(node: ast.expr) -> str:
    target = node.func if isinstance(node, ast.Call) else node
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
