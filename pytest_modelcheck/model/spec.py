"""A model as one text: `package.module:Class(width=64)`, `torchvision:resnet18`; read, never evaluated."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import SubjectError
from ..text import shorten
from .mistaken import hint, is_checkpoint

WAYS = (
    "Write 'package.module:factory', 'package.module:Class(width=64)', 'torchvision:resnet18' or 'timm:NAME'"
)


@dataclass(frozen=True)
class Spec:
    """What a text names: `name` in the module or model zoo `package`, and what to call it with."""

    text: str
    package: str
    name: str
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What the user calls it: all but the module."""
        return title(self.text)


def title(text: str) -> str:
    """`Net(width=64)` of `nets.model:Net(width=64)`."""
    head, bracket, arguments = text.partition("(")
    return head.rpartition(":")[2] + bracket + arguments


def read_spec(text: str) -> Spec:
    """Read a spec. Raises SubjectError for what is none, and for arguments that are no literals."""
    head, bracket, arguments = text.partition("(")
    package, colon, name = (part.strip() for part in head.partition(":"))
    if is_checkpoint(text):
        shown = shorten(text, 200)
        raise SubjectError(f"model={shown!r} is a str, not an nn.Module.\n{hint(shown)}")
    if "/" in package or "\\" in package or package.endswith(".py"):
        raise _a_path(text, package, name)
    if not colon or not package or not name:
        raise SubjectError(
            f"model={shorten(text, 200)!r} is neither a fixture nor an import string.\n"
            f"{WAYS}, or the name of a fixture."
        )
    args, kwargs = _arguments(text, bracket + arguments) if bracket else ((), {})
    return Spec(text, package, name, args, kwargs)


def _a_path(text: str, package: str, name: str) -> SubjectError:
    module = package.replace("\\", "/").removesuffix(".py").strip("./").replace("/", ".")
    return SubjectError(
        f"model={shorten(text, 200)!r} names a file, and an import string names a module.\n"
        f"Write '{shorten(module, 200)}:{shorten(name or 'factory', 200)}', in the folder from which Python finds it."
    )


def _arguments(text: str, call: str) -> tuple[tuple[object, ...], dict[str, object]]:
    """The values between the brackets."""
    try:
        tree = ast.parse(f"f{call.strip()}", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _no_call(text, getattr(error, "msg", str(error))) from error
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        raise _no_call(text, "something stands behind the brackets")
    args = tuple(_literal(text, "", node) for node in tree.args)
    return args, {node.arg or "**": _literal(text, node.arg or "**", node.value) for node in tree.keywords}


def _no_call(text: str, why: str) -> SubjectError:
    return SubjectError(
        f"model={text!r} cannot be read as a call: {why}.\n"
        "Write for example 'package.module:Class(width=64, depth=2)', in quotes where a shell reads it."
    )


def _literal(text: str, key: str, node: ast.expr) -> object:
    try:
        value = ast.literal_eval(node) if key != "**" else ...
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        value = ...
    if value is not ...:  # which stands for one that is still to be written
        return value
    written = f"{key}{_source(node)}" if key in ("", "**") else f"{key}={_source(node)}"
    raise SubjectError(
        f"model={text!r}: {written} is not a literal, and nothing here is evaluated.\n"
        "Write numbers, texts, True, False, None, and lists, tuples, sets or mappings of these; or a function without "
        "arguments that returns the model: 'package.module:factory'."
    )


def _source(node: ast.expr) -> str:
    try:
        return ast.unparse(node)
    except RecursionError:
        return "..."
