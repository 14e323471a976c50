"""Graph modules (torch.export, torch.fx): which module of the source a line of their code stands for."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Mapping
from types import CodeType, FrameType
from typing import Any

from torch import fx, nn


class Exported:
    """The graph modules of a model, `names` being those of all its modules."""

    def __init__(self, names: Mapping[nn.Module, str]) -> None:
        self._known = set(names.values())
        graphs = {name: module for module, name in names.items() if isinstance(module, fx.GraphModule)}
        self._paths = {name: _paths(module) for name, module in graphs.items()}
        self._lines: dict[CodeType, dict[int, str]] = {}

    def __contains__(self, name: str) -> bool:
        return bool(self._paths.get(name))

    def owner(self, name: str) -> str:
        """The module of the source whose part of the graph `name` runs now; itself where the graph does not say."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and not frame.f_code.co_filename.startswith("<eval_with_key>"):
            frame = frame.f_back
        if frame is None:
            return name
        lines = self._lines.setdefault(frame.f_code, {})
        if frame.f_lineno not in lines:
            lines[frame.f_lineno] = self._named(name, frame)
        return lines[frame.f_lineno]

    def _named(self, name: str, frame: FrameType) -> str:
        """A line begins with the name of its node."""
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno, frame.f_globals)
        node = line.strip().partition(" ")[0].rstrip(":;")
        path = self._paths[name].get(node)
        root = self._root(name)
        found = name if path is None else ".".join(filter(None, (root, path)))
        while found not in self._known:
            found = found.rpartition(".")[0]
        return found

    def _root(self, name: str) -> str:
        """Paths begin at the outermost graph: a branch of it has graphs of its own."""
        parts = name.split(".") if name else []
        return next(p for p in (".".join(parts[:n]) for n in range(len(parts) + 1)) if p in self._paths)


def _paths(module: Any) -> dict[str, str]:
    """The path of each node's module, by the node's name."""
    found = {}
    for node in module.graph.nodes:
        stack = node.meta.get("nn_module_stack") or {}
        if stack and node.op == "call_function":
            found[node.name] = _path(list(stack.values())[-1])
    return found


def _path(entry: Any) -> str:
    """Of (path, type): without the number of the call behind an @, and the name that torch gave to the root."""
    path = str(entry[0] if isinstance(entry, tuple) else entry).partition("@")[0]
    for root in ("L['self']", "L__self__", "_export_root"):
        path = path.removeprefix(root)
    return path.lstrip(".")
