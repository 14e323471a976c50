"""The drawing of the rooms in architecture.md, made from the imports of the package.

python docs/rooms.py           draws it again
python docs/rooms.py --check   exit status 1 where the drawing is not what the imports say
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Set
from graphlib import TopologicalSorter
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "pytest_modelcheck"
PAGE = HERE / "architecture.md"
BEGIN, END = "<!-- rooms: python docs/rooms.py -->\n```text\n", "```\n<!-- end of rooms -->"

Graph = Mapping[str, Set[str]]


def modules() -> dict[str, Path]:
    """The modules of the package: dotted name -> file."""
    return {_dotted(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """What each module imports of the package, wherever in it: for type checkers only, and inside functions, too.

    What is imported by a name in a string is not seen: the registry loads the folders of the checks so, and the
    package its public names.
    """
    return {name: set(_imported(name, path, files)) - {name} for name, path in files.items()}


def rooms(graph: Graph) -> dict[str, set[str]]:
    """The same between rooms."""
    found: dict[str, set[str]] = {room(name): set() for name in graph}
    for name, others in graph.items():
        found[room(name)] |= {room(other) for other in others} - {room(name)}
    return found


def room(module: str) -> str:
    """A folder of the package, or a module beside them; each folder in `checks` is a room of its own."""
    parts = module.split(".")[1:]
    if not parts:
        return PACKAGE.name
    if parts[0] == "checks" and len(parts) > 1 and (PACKAGE / "checks" / parts[1]).is_dir():
        return "/".join(parts[:2])
    return parts[0]


def cycles(graph: Graph) -> list[list[str]]:
    """The sets of nodes that all reach each other."""
    reach = {node: _reached(graph, node) for node in graph}
    loops = {frozenset(other for other in reach[node] if node in reach[other]) for node in graph}
    return sorted(sorted(loop) for loop in loops if loop)


def floors(graph: Graph) -> list[list[str]]:
    """The rooms by floor, the top one first: each stands above all that it imports. Raises CycleError."""
    height: dict[str, int] = {}
    for node in TopologicalSorter(graph).static_order():
        height[node] = 1 + max((height[other] for other in graph[node]), default=0)
    return [sorted(n for n in height if height[n] == floor) for floor in range(max(height.values()), 0, -1)]


def drawing(graph: Graph) -> str:
    """Floor by floor, each room with the rooms that it imports."""
    width = max(map(len, graph))
    storeys = floors(graph)
    lines = [f"{len(graph)} rooms, {sum(map(len, graph.values()))} arrows, {len(storeys)} floors"]
    for number, storey in zip(range(len(storeys), 0, -1), storeys, strict=True):
        lines += ["", f"floor {number}"]
        lines += [f"  {name:<{width}}  {_arrow(graph[name])}".rstrip() for name in storey]
    return "\n".join(lines) + "\n"


def page(text: str, drawn: str) -> str:
    """The page with the drawing in its place."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE.name}: the place of the drawing is gone")
    return before + begin + drawn + end + after


def main(arguments: list[str]) -> int:
    """The exit status."""
    text = PAGE.read_text("utf-8")
    new = page(text, drawing(rooms(imports(modules()))))
    if new == text:
        return 0
    if "--check" in arguments:
        print(f"{PAGE.name}: the drawing is not what the imports say; draw it again: python docs/rooms.py")
        return 1
    PAGE.write_text(new, "utf-8")
    return 0


def _dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(name: str, path: Path, files: Mapping[str, Path]) -> Iterator[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files)
        elif isinstance(node, ast.ImportFrom):
            source = _source(node, package)
            for alias in node.names:  # of a package, a name may be a module in it
                found = f"{source}.{alias.name}"
                yield from [found] if found in files else [source] if source in files else []


def _source(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) + 1 - node.level], *([node.module] if node.module else [])])


def _reached(graph: Graph, start: str) -> set[str]:
    """All that can be reached from a node; the node itself only by a way that leads back."""
    seen: set[str] = set()
    todo = list(graph[start])
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += graph[node]
    return seen


def _arrow(names: Set[str]) -> str:
    return f"-> {' '.join(sorted(names))}" if names else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
