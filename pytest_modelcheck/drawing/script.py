"""The page's script: ES modules, as they lie in packages, linked to one classic script.

A module is named by its path from the top of its package: `package/folder/file.js`. It may import by relative path,
or from another package by that name. Of the language of modules it may use what is needed and no more:

    import { make, clip as cut } from "../../drawing/dom.js";
    export function mount(root) { … }      // also `async function`, `class` and `const NAME = …`

at the beginning of a line. It must not touch the document while it is imported.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

from ..errors import ModelCheckError

IMPORT = re.compile(r"""^import\b(?:\s*\{(?P<names>[^{}]*)\}\s*from\s*(["'])(?P<path>[^"'\n]+)\2;)?""", re.M)
EXPORT = re.compile(
    r"^export\b(?:\s+(?P<what>(?:(?:async\s+)?function|class|const)\s+(?P<name>[\w$]+)))?", re.M
)
NAME = re.compile(r"([\w$]+)(?:\s+as\s+([\w$]+))?")
REFUSED = {  # what a classic script inside HTML cannot hold
    re.compile(r"\bimport\s*[.(]"): "import() and import.meta are not linked",
    re.compile(
        r"^[ \t]+(?:import|export)\s+[\w{*\"']", re.M
    ): "import and export stand at the beginning of a line",
    re.compile(r"</script|<!--", re.I): "</script and <!-- would end the script",
    re.compile(r"\x00"): "a null character",
}
HEAD = """"use strict";
(() => {
// A module that raises costs those that need it, no others.
function part(make) {
  try {
    return make();
  } catch (error) {
    console.error(error);
    return {};
  }
}
"""


class ScriptError(ModelCheckError):
    """A module that cannot be linked."""


class Entry(NamedTuple):
    """A module that somebody asks for: `file`, which may lie in a folder, in `package`."""

    package: str
    file: str

    @property
    def path(self) -> str:
        """The module's name."""
        return posixpath.normpath(f"{self.package.replace('.', '/')}/{self.file}")


@dataclass(frozen=True)
class _Module:
    """A module as it was read. `imports`: by the path of another one, its names and what they are called here."""

    path: str
    body: str
    imports: Mapping[str, Sequence[tuple[str, str]]]
    exports: Sequence[str]


def linked(page: Entry, panels: Iterable[Entry]) -> str:
    """One strict script: the module `page` and all panels' modules, each in a scope of its own, and at the end
    `start(mounts)` of the page with `mount` of each panel.

    Raises ScriptError where a module cannot be linked.
    """
    return _linked(page, tuple(dict.fromkeys(panels)))


def problem(panel: Entry) -> str:
    """Why a panel's module cannot be linked; "" if it can."""
    try:
        _ordered((panel,), "mount")
    except ScriptError as error:
        return str(error)
    return ""


@functools.cache
def _linked(page: Entry, panels: tuple[Entry, ...]) -> str:
    modules = {**_ordered((page,), "start"), **_ordered(panels, "mount")}
    names = {path: f"m{number}" for number, path in enumerate(modules)}
    scopes = "".join(_scope(module, names) for module in modules.values())
    mounts = ", ".join(f"{names[panel.path]}.mount" for panel in panels)
    return f"{HEAD}{scopes}{names[page.path]}.start([{mounts}].filter(Boolean));\n}})();\n"


def _scope(module: _Module, names: Mapping[str, str]) -> str:
    imports = "".join(
        f"const {{ {', '.join(f'{name}: {local}' for name, local in taken)} }} = {names[path]};\n"
        for path, taken in module.imports.items()
    )
    exports = ", ".join(module.exports)
    return (
        f"// {module.path}\nconst {names[module.path]} = part(() => {{\n"
        f"{imports}{module.body.strip()}\nreturn {{ {exports} }};\n}});\n"
    )


def _ordered(entries: Iterable[Entry], wanted: str) -> dict[str, _Module]:
    """The modules of entries and all that these import, by path; each after those that it imports."""
    done: dict[str, _Module] = {}
    for entry in entries:
        _visit(entry.path, (wanted,), "the page", (), done)
    return done


def _visit(
    path: str, wanted: Iterable[str], by: str, trail: tuple[str, ...], done: dict[str, _Module]
) -> None:
    """Put a module into `done`, which must export what `by` wants of it. `trail`: the imports that led here."""
    if path in trail:
        raise ScriptError(f"modules import each other: {' -> '.join((*trail[trail.index(path) :], path))}")
    module = _read(path, by)
    for name in wanted:
        if name not in module.exports:
            raise ScriptError(
                f"{path} does not export {name}, which {by} needs; it exports {', '.join(module.exports) or 'nothing'}"
            )
    for other, taken in module.imports.items():
        _visit(other, [name for name, _ in taken], path, (*trail, path), done)
    done.setdefault(path, module)


@functools.cache
def _read(path: str, by: str) -> _Module:
    text = _text(path, by)
    for pattern, reason in REFUSED.items():
        if found := pattern.search(text):
            raise _refusal(path, text, found, reason)
    imports: dict[str, list[tuple[str, str]]] = {}
    for found in IMPORT.finditer(text):
        other, names = _import(path, text, found)
        imports.setdefault(other, []).extend(names)
    exports = []
    for found in EXPORT.finditer(text):
        if not found["name"]:
            reason = "only `export function`, `export class` and `export const NAME =` are linked"
            raise _refusal(path, text, found, reason)
        exports.append(found["name"])
    body = EXPORT.sub(lambda found: found["what"], IMPORT.sub("", text))
    return _Module(path, body, imports, exports)


def _import(path: str, text: str, found: re.Match[str]) -> tuple[str, list[tuple[str, str]]]:
    """The other module's path, and the names taken from it, each with what it is called here."""
    if found["path"] is None:
        raise _refusal(path, text, found, 'only named imports are linked: import { a, b } from "./file.js";')
    names = []
    for part in filter(None, map(str.strip, found["names"].split(","))):
        name = NAME.fullmatch(part)
        if name is None:
            raise _refusal(path, text, found, f"{part!r} is no name")
        names.append((name[1], name[2] or name[1]))
    other: str = found["path"]
    return posixpath.normpath(
        posixpath.join(posixpath.dirname(path), other) if other[0] == "." else other
    ), names


def _refusal(path: str, text: str, found: re.Match[str], reason: str) -> ScriptError:
    line = text.count("\n", 0, found.start()) + 1
    return ScriptError(f"{path}:{line}: {reason}")


def _text(path: str, by: str) -> str:
    """The module's text; line ends are those that a browser sees."""
    package, _, file = path.partition("/")
    try:
        return resources.files(package).joinpath(file).read_text("utf-8-sig")
    except (OSError, ImportError, TypeError, ValueError) as error:
        raise ScriptError(
            f"{path}, which {by} needs, cannot be read: {type(error).__name__}: {error}"
        ) from None
