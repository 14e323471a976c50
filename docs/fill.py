"""Fills the places of the pages with what the package says of itself: markers, options, messages.

`python docs/fill.py` writes them, `--check` says which page is no longer what the source says, apart from numbers of
tests: to collect them takes longer than all else. A place is a pair of
comments, `<!-- marker: flops_budget -->` and `<!-- end -->`; the kinds are those of `KINDS`. What to do about a message
that does not say it itself is in `advice.txt`, by the message.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

PAGES = Path(__file__).parent
SOURCE = PAGES.parent / "pytest_modelcheck"
PLACE = re.compile(r"(<!-- (\w+)(?:: ([^>]*?))? -->\n).*?(<!-- end -->)", re.DOTALL)
GAP = "…"  # where a message has a value
ADVICE = dict(re.findall(r"^(\S.*)\n  (.*)$", (PAGES / "advice.txt").read_text("utf-8"), re.MULTILINE))
TEXTS = (ast.Constant, ast.JoinedStr, ast.BinOp)
WIDTH, NARROW = 116, 84  # of text, and of code, in columns


def marker(name: str) -> str:
    """A marker's signature and line, as `pytest --markers` has them."""
    from pytest_modelcheck.checks.registry import default_registry

    line = default_registry().checks[name].marker_line()
    head, _, doc = line.partition("): ")
    signature = textwrap.fill(
        f"@pytest.mark.{head})", WIDTH, subsequent_indent="    ", break_on_hyphens=False
    )
    said = doc.partition(" Takes the subject's keywords too")[0]
    return f"```signature\n{signature}\n```\n\n{_wrapped(said[:1].upper() + said[1:])}\n"


def options(_: str) -> str:
    """The options of the command line, and the ini keys."""
    from pytest_modelcheck.plugin.options import OPTIONS

    rows = []
    for option in OPTIONS:
        shown = f"{option.flag}{'' if option.is_flag else '=' + _values(option.metavar, option.choices)}"
        flag = f"`{shown}`" if option.help else ""
        key = f"`modelcheck_{option.name}`" if option.is_ini else ""
        rows.append(f"| {flag} | {key} | {_cell(option.help or option.ini)} |")
    return "\n".join(["| option | ini key | |", "|---|---|---|", *rows, ""])


def metrics(_: str) -> str:
    """The metrics by name, whose they are, and an amount of those that a marker's argument limits."""
    from pytest_modelcheck.checks.registry import default_registry

    registry = default_registry()
    checks = {metric.name: check for check in registry.checks.values() for metric in check.metrics}
    rows = []
    for name, metric in registry.metrics.items():
        check = checks.get(name)
        owner = check.name if check is not None else f"{name.removesuffix('_snapshot')}_snapshot"
        limited = check is not None and check.argument(metric, "max") is not None
        rows.append(f"| `{name}` | `{owner}` | {f'`{metric.unit.example}`' if limited else ''} |")
    return "\n".join(["| metric | marker or snapshot | an amount |", "|---|---|---|", *rows, ""])


def messages(rooms: str) -> str:
    """The messages that files of the given rooms can end with: what happened, then what to do."""
    found = {
        what: advice for room in rooms.split() for path in _files(room) for what, advice in _messages(path)
    }
    return "".join(f"- {_code(what)}{_advice(what, found[what])}\n" for what in sorted(found))


def cams(_: str) -> str:
    """The methods of the CAM family, which share their arguments: made at run time, unseen by mkdocstrings."""
    from pytest_modelcheck.checks.explain.methods import ExplainMethods

    family = [
        method for method in vars(ExplainMethods).values() if "Returns a Heatmap" in (method.__doc__ or "")
    ]
    keywords = ", ".join(list(inspect.signature(family[0]).parameters)[3:])
    rows = [f"- `{method.__name__}`: {_said(method)[0]}" for method in family]
    shown = f"```signature\nmodelcheck.gradcam(target=None, layer=None, *, {keywords})\n```"
    return "\n".join([*rows, "", shown, "", _said(family[0])[1], ""])


def cases(page: str) -> str:
    """How many tests there are in the files and folders that a page names: those of a normal run, and the others."""
    text = (PAGES / page).read_text("utf-8").partition("<!-- cases")[0]
    paths = sorted(
        path for path in set(re.findall(r"`(tests/[\w./]+)", text)) if (PAGES.parent / path).exists()
    )
    normal, every = _collected(paths), _collected(["-m", "", *paths])
    files = sorted(every)
    rows = [
        f"| `{file}` | {normal.get(file, 0):,} | {every[file] - normal.get(file, 0):,} |" for file in files
    ]
    total = f"| all | {sum(normal.values()):,} | {sum(every.values()) - sum(normal.values()):,} |"
    return "\n".join(["| file | in each run | slow |", "|---|---:|---:|", *rows, total, ""])


def _collected(arguments: Sequence[str]) -> dict[str, int]:
    """Tests by file, as pytest selects them."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq", *arguments]
    done = subprocess.run(command, cwd=PAGES.parent, capture_output=True, text=True)
    return {path: int(number) for path, number in re.findall(r"^(\S+): (\d+)$", done.stdout, re.MULTILINE)}


KINDS: Mapping[str, Callable[[str], str]] = {
    "marker": marker,
    "options": options,
    "metrics": metrics,
    "messages": messages,
    "cams": cams,
    "cases": cases,
}
DEAR = ("cases",)


def _said(method: Callable[..., object]) -> list[str]:
    """A docstring's paragraphs."""
    return [" ".join(part.split()) for part in (method.__doc__ or "").split("\n\n")]


def told() -> set[str]:
    """All messages, without what to do."""
    return {what for path in SOURCE.rglob("*.py") for what, _ in _messages(path)}


def _messages(path: Path) -> Iterator[tuple[str, str]]:
    """What happened, and what to do next, which may be part of the first."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        for text in _texts(node, path, tree):
            what, _, advice = re.sub(r"(\{[^{}]*\})+", GAP, text).partition("\n")
            if _is_told(what):
                yield what.strip(), " ".join(advice.split())


def _is_told(text: str) -> bool:
    """Whether it says something: else it is made of values alone, or an address."""
    return len(re.findall(r"[a-z]{2,}", text)) > 2 and "://" not in text


def _texts(node: ast.AST, path: Path, tree: ast.Module) -> Iterator[str]:
    """The text of an error that is made there, or a sentence on a marker."""
    if isinstance(node, ast.Call) and node.args and _name(node.func) in _errors():
        if _name(node.func) == "MissingExtraError":
            package, extra, purpose = (_text(argument) for argument in node.args)
            yield f'{purpose} needs {package}, which is not installed.\npip install "pytest-modelcheck[{extra}]"'
        else:
            yield _text(node.args[0])
            if not _is_told(_text(node.args[0]).partition("\n")[0]):
                yield from _said_elsewhere(node.args[0], tree)
    elif isinstance(node, ast.JoinedStr) and path.name in ("check.py", "arguments.py"):
        text = _text(node)
        if text.startswith(("{self.name}: ", "{name}: ")):
            yield text


@functools.cache
def _errors() -> set[str]:
    """What makes an error that a user reads."""
    classes = [
        node
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    found, known = {"ModelCheckError"}, set[str]()
    while found != known:
        known = set(found)
        found |= {one.name for one in classes if known & {_name(base) for base in one.bases}}
    return found | {"UsageError", "_usage_error"}


def _said_elsewhere(argument: ast.expr, tree: ast.Module) -> Iterator[str]:
    """What an error says that is given a constant, or what a function of its module returns."""
    for node in ast.walk(argument):
        if isinstance(node, ast.Name) and node.id in _constants():
            yield _constants()[node.id]
        elif isinstance(node, ast.Call):
            for function in ast.walk(tree):
                if isinstance(function, ast.FunctionDef) and function.name == _name(node.func):
                    returned = (one.value for one in ast.walk(function) if isinstance(one, ast.Return))
                    yield from (_text(value) for value in returned if isinstance(value, TEXTS))


@functools.cache
def _constants() -> Mapping[str, str]:
    """The texts that modules keep by a name in capitals."""
    statements = [node for path in SOURCE.rglob("*.py") for node in ast.parse(path.read_text("utf-8")).body]
    return {
        target.id: _text(node.value)
        for node in statements
        if isinstance(node, ast.Assign) and isinstance(node.value, TEXTS)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.isupper()
    }


def _text(node: ast.expr) -> str:
    """A string of the source, with `{...}` for what is put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(value) for value in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    if isinstance(node, ast.FormattedValue):
        name = ast.unparse(node.value)
        return name.join("{}") if name in ("self.name", "name") else "{}"
    return "{}"


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _files(room: str) -> list[Path]:
    path = SOURCE / room
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _advice(what: str, text: str) -> str:
    own = _escaped(text) if re.search(r"[a-z]{2}", text) else ""
    said = f"{own} {ADVICE.get(what, '')}".strip()
    return f"  \n{_wrapped(said, '  ')}" if said else ""


def _escaped(text: str) -> str:
    return re.sub(r"([*_<>\[\]`])", r"\\\1", text)


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _values(metavar: str | None, choices: tuple[str, ...] | None) -> str:
    return "\\|".join(choices) if choices else str(metavar)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def filled(page: str, but: Collection[str] = ()) -> str:
    """The page with its places filled, `but` those of these kinds."""
    kinds = {name: kind for name, kind in KINDS.items() if name not in but}
    return PLACE.sub(lambda m: f"{m[1]}\n{kinds[m[2]](m[3] or '')}\n{m[4]}" if m[2] in kinds else m[0], page)


def main(arguments: list[str]) -> int:
    """The exit status."""
    stale, but = [], DEAR if "--check" in arguments else ()
    for path in sorted(PAGES.rglob("*.md")):
        text = path.read_text("utf-8")
        new = filled(text, but)
        if new != text:
            stale.append(path.relative_to(PAGES).as_posix())
            if "--check" not in arguments:
                path.write_text(new, "utf-8")
    if stale and "--check" in arguments:
        print(f"not what the source says: {', '.join(stale)}; write them again: python docs/fill.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
