"""The rules of the house (docs/architecture.md), read from the source."""

import ast
import functools
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from pytest_modelcheck.checks.registry import default_registry

ROOT = Path(__file__).parents[1]


def _rooms():
    spec = importlib.util.spec_from_file_location("rooms", ROOT / "docs" / "rooms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rooms = _rooms()
FILES = rooms.modules()


@functools.cache  # not at the import, which every worker pays for
def imports():
    return rooms.imports(FILES)


@functools.cache
def trees():
    return {name: ast.parse(path.read_text("utf-8")) for name, path in FILES.items()}


TABS = {
    "report/parts.py memory",
    "report/parts.py outputs",
    "report/parts.py weights",
}  # tabs of the page that are called like a section


def test_the_drawing_is_what_the_imports_say():
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "rooms.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_no_cycle_between_rooms():
    assert rooms.cycles(rooms.rooms(imports())) == []


def module_cycles():
    """Each as one line; imports inside functions and for type checkers count."""
    prefix = f"{rooms.PACKAGE.name}."
    return [" ".join(name.removeprefix(prefix) for name in cycle) for cycle in rooms.cycles(imports())]


def test_no_cycle_between_modules():
    assert module_cycles() == []


def test_few_modules_lie_beside_the_rooms():
    assert len(list(rooms.PACKAGE.glob("*.py"))) <= 8


def test_modules_are_short():
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in FILES.items()}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def imported_packages(tree):
    """The names of all packages that a module imports absolutely."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def test_pytest_is_imported_in_its_rooms_only():
    of_pytest = {
        rooms.room(name)
        for name, tree in trees().items()
        if {"pytest", "_pytest"} & set(imported_packages(tree))
    }
    assert of_pytest <= {"plugin", "snapshots", "worker"}


def names_of_checks():
    """`file name` of each string in the corridors that is the name of a section or a metric."""
    registry = default_registry()
    names = {*registry.sections, *registry.metrics}
    for module, tree in trees().items():
        if rooms.room(module) in ("report", "records", "base"):
            path = FILES[module].relative_to(rooms.PACKAGE).as_posix()
            statements = {
                id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
            }  # docstrings
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and node.value in names and id(node) not in statements:
                    yield f"{path} {node.value}"


def test_corridors_name_no_check():
    assert set(names_of_checks()) - TABS == set()


def test_the_stops_of_the_walk_are_there():
    """CONTRIBUTING.md names files of the package, and what is in them: `verdict/judge.py` `judge`."""
    stops = re.findall(r"`([\w/]+\.py)`\s+`(\w+)(?:\.(\w+))?`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    assert len(stops) > 40
    for file, name, member in stops:
        text = (rooms.PACKAGE / file).read_text("utf-8")
        assert re.search(rf"^(?:def |class |)({name})\b", text, re.M), f"{file}: {name}"
        assert not member or re.search(rf"^    def {member}\b", text, re.M), f"{file}: {name}.{member}"
