"""Types as shapes of JSON: what is wrong with a value that should have one, and the JSON schema of it.

Understood are the types that a record is made of: TypedDict (keys that it does not name may hold anything), list,
tuple of a fixed length, dict with text as keys, Literal, unions, `Annotated[str, (pattern, name)]` and plain types.
"""

from __future__ import annotations

import functools
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias, TypeGuard, Union, get_args, get_origin

from typing_extensions import NotRequired, get_type_hints, is_typeddict

_Found: TypeAlias = dict[str, tuple[object, dict[str, object]]]  # by name: a TypedDict, and its schema
_NAMES: Mapping[object, str] = {
    str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null", dict: "object", list: "array"
}  # fmt: skip


def problem(value: object, shape: object, where: str = "") -> str:
    """What is wrong with `value`, the first thing found, and where; empty if nothing is."""
    return next(_problems(value, shape, where), "")


def _problems(value: object, shape: object, where: str) -> Iterator[str]:
    origin, arguments = get_origin(shape), get_args(shape)
    if shape is object or shape is Any:
        return
    if is_typeddict(shape):
        yield from _fields_problems(value, shape, where)
    elif origin is Annotated:
        yield from _matching_problems(value, arguments[0], arguments[1], where)
    elif origin is Literal:
        if not isinstance(value, str) or value not in arguments:
            yield f"{where} is not one of {', '.join(map(str, arguments))}"
    elif origin in (Union, types.UnionType):
        if all(problem(value, one, where) for one in arguments):
            yield from _union_problems(value, arguments, where)
    elif origin is list:
        yield from _wrong_type(value, (list,), where) or _items_problems(value, arguments[0], where)
    elif origin is dict:
        yield from _wrong_type(value, (dict,), where) or _values_problems(value, arguments[1], where)
    elif origin is tuple:
        yield from _tuple_problems(value, arguments, where)
    else:
        yield from _wrong_type(value, (_plain_type(shape),), where)


def _union_problems(value: object, shapes: tuple[object, ...], where: str) -> list[str]:
    """Where all are plain types, their names; else what is wrong with the one that `value` comes closest to."""
    plain = tuple(shape for shape in shapes if _is_plain(shape))
    if len(plain) == len(shapes):
        return _wrong_type(value, plain, where)
    found = [problem(value, shape, where) for shape in shapes if shape is not type(None)]
    return [max(found, key=lambda text: len(text.partition(" ")[0]))]


def _fields_problems(value: object, shape: object, where: str) -> Iterator[str]:
    wrong = _wrong_type(value, (dict,), where)
    if wrong or not isinstance(value, dict):
        yield from wrong
        return
    for name, (inner, required) in fields(shape).items():
        if name in value:
            yield from _problems(value[name], inner, f"{where}.{name}".lstrip("."))
        elif required:
            yield f"{where or 'the whole'} has no {name!r}"


@functools.cache
def fields(shape: object) -> dict[str, tuple[Any, bool]]:
    """The keys of a TypedDict: the type of each, and whether it must be there."""
    hints = get_type_hints(shape, include_extras=True)
    optional = {name for name, hint in hints.items() if _is(get_origin(hint), NotRequired)}
    return {
        name: (get_args(hint)[0] if name in optional else hint, name not in optional)
        for name, hint in hints.items()
    }


def _is(origin: object, form: object) -> bool:
    """Special forms have types of their own, which no checker knows."""
    return origin is form


def _matching_problems(value: object, kind: type, pattern: tuple[str, str], where: str) -> Iterator[str]:
    if not isinstance(value, kind) or not re.fullmatch(pattern[0], str(value)):
        yield f"{where} is not {pattern[1]}"


def _items_problems(value: Any, shape: object, where: str) -> Iterable[str]:
    return (found for i, item in enumerate(value) for found in _problems(item, shape, f"{where}[{i}]"))


def _values_problems(value: Any, shape: object, where: str) -> Iterable[str]:
    return (found for key, item in value.items() for found in _problems(item, shape, f"{where}.{key}"))


def _tuple_problems(value: object, shapes: tuple[object, ...], where: str) -> Iterator[str]:
    if not isinstance(value, list) or len(value) != len(shapes):
        yield f"{where} is not a list of {len(shapes)}"
        return
    for i, (item, shape) in enumerate(zip(value, shapes, strict=True)):
        yield from _problems(item, shape, f"{where}[{i}]")


def _plain_type(shape: object) -> type:
    if not _is_plain(shape):
        raise TypeError(f"{shape!r} is no shape of JSON")
    return shape


def _is_plain(shape: object) -> TypeGuard[type]:
    """`list[int]` is not, though Python 3.10 takes it for a type."""
    return isinstance(shape, type) and get_origin(shape) is None and not is_typeddict(shape)


def _wrong_type(value: object, wanted: tuple[type, ...], where: str) -> list[str]:
    kinds = (*wanted, int) if float in wanted else wanted
    if isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds):
        return []
    names = " or ".join("number" if kind is float else kind.__name__ for kind in wanted)
    return [f"{where or 'the whole'} is a {type(value).__name__}, not {names}"]


def json_schema(shape: object) -> dict[str, object]:
    """The JSON schema (2020-12) of a type; each TypedDict stands once, under `$defs`, by its name.

    Raises TypeError where two have one name.
    """
    found: _Found = {}
    whole = _schema(shape, found)
    known = {name: inner for name, (_, inner) in found.items()}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole, "$defs": known}


def _schema(shape: object, found: _Found) -> dict[str, object]:
    origin, arguments = get_origin(shape), get_args(shape)
    if shape is object or shape is Any:
        return {}
    if is_typeddict(shape):
        return _reference(shape, found)
    if origin is Annotated:
        return {"type": "string", "pattern": f"^(?:{arguments[1][0]})$"}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return _any_of([_schema(one, found) for one in arguments])
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], found)}
    if origin is tuple:
        inner = [_schema(one, found) for one in arguments]
        return {"type": "array", "prefixItems": inner, "minItems": len(inner), "maxItems": len(inner)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], found)}
    return {"type": _NAMES[shape]}


def _any_of(parts: list[dict[str, object]]) -> dict[str, object]:
    if all(part.keys() == {"type"} for part in parts):
        return {"type": [part["type"] for part in parts]}
    return {"anyOf": parts}


def _reference(shape: object, found: _Found) -> dict[str, object]:
    name = str(getattr(shape, "__name__", "")).lstrip("_")
    if name not in found:
        made: dict[str, object] = {}
        found[name] = shape, made  # its own fields may lead back to it
        known = fields(shape)
        made |= {
            "type": "object",
            "description": " ".join((shape.__doc__ or "").split()),
            "properties": {key: _schema(inner, found) for key, (inner, _) in known.items()},
            "required": [key for key, (_, required) in known.items() if required],
        }
    if found[name][0] is not shape:
        homes = " and ".join(str(getattr(one, "__module__", "")) for one in (found[name][0], shape))
        raise TypeError(f"two types are called {name}, in {homes}: a schema knows them by name; rename one")
    return {"$ref": f"#/$defs/{name}"}
