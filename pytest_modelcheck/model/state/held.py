"""What a model and its inputs keep, beside the tensors that torch knows of: saved before a block, put back after it.

Nothing large is copied: containers and objects are saved by the references that they hold, arrays up to a limit, and
tensors are only listed (`observe` guards them). What cannot be saved is told.
"""

from __future__ import annotations

import functools
import types
import warnings
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, TypeAlias

from torch import Tensor, nn

from ...errors import ModelCheckWarning
from .containers import Dicts, Kind, Put, Value, identical, put_dict
from .kinds import NOTHING, PLAIN, kind_of, put_slot, slot, slots_of
from .process import GLOBAL_HOOKS
from .reach import Owner, own_classes, put_value, reach, value_of
from .scripted import Scripted

INPUTS, HOOKS, AROUND = "the inputs", "hooks of all modules", "a variable around it"
FAILED = "what a check changed could not all be put back"
OBJECTS = 50_000  # that are looked into
BYTES = 256 * 2**20  # of arrays that are copied
Place: TypeAlias = (
    str | tuple[nn.Module, str]
)  # where a value was found: an attribute of a module, or in words
Saved: TypeAlias = tuple[Kind, Value, Value]
_DICTS = (dict, OrderedDict)
_EMPTY = frozenset(
    [dict, OrderedDict, list, set]
)  # that are put back, when they were empty, by being cleared
_REGISTRIES = ("_parameters", "_buffers", "_modules")  # what is in them is known


class Held:
    """What `parts`, the modules of a model, and `given`, what it is called with, keep.

    What belongs to the program around the model (globals, attributes of classes, variables of functions) is put back
    where a call left new tensors in it, perhaps such without values: a cache. How often a test was called is its own.

    `tensors` are those that are found, parameters and buffers too; `modules` those beside `parts` (in a plain list,
    say). `told`: what was not saved, each in a few words.
    """

    def __init__(self, parts: list[nn.Module], given: Iterable[object] = ()) -> None:
        self.tensors: list[Tensor] = []
        self.modules: list[nn.Module] = []
        self.puts_all_back = False  # also what belongs to the program around the model
        self._told: dict[str, None] = {}
        self._registered: list[dict[str, Any]] = []
        self._empty: list[Any] = []  # most of a module's containers: hooks that nobody set
        self._saved: list[Saved] = []
        self._around: list[Saved] = []
        self._names: list[tuple[Owner, str, object]] = []
        self._slots: list[tuple[nn.Module, Any, object]] = []
        self._descriptors: dict[type, list[Any]] = {}
        self._seen = {id(part) for part in parts}
        self._todo: deque[tuple[Any, Place]] = deque()
        self._left, self._bytes = OBJECTS, BYTES
        for part in parts:
            self._module(part)
        classes = dict.fromkeys(map(type, parts))
        for cls in classes:
            self._code(cls)
        self._classes = [(base, set(vars(base))) for base in own_classes(classes)]
        self._add(GLOBAL_HOOKS, HOOKS)
        self._add(given, INPUTS)
        self._look()
        self._parts = [*parts, *self.modules]
        self._types = [*map(type, self._parts)]
        self._scripted = Scripted(self._parts)
        self._attributes, self._registries = Dicts([*map(vars, self._parts)]), Dicts(self._registered)

    @property
    def told(self) -> tuple[str, ...]:
        """What was not saved."""
        return tuple(self._told)

    @property
    def is_changed(self) -> bool:
        """Whether something differs by now, but for the mode that modules are in."""
        if not identical(map(type, self._parts), self._types):
            return True
        if any(_differ(now, before) for now, before in self._attributes.changed()):
            return True
        return next(self._other_changes(), None) is not None

    def restore(self) -> None:
        """Put everything back."""
        failed = []
        for put in self.changes():
            try:
                put()
            except Exception as error:  # what else there is must not be lost for it
                failed.append(f"{type(error).__name__}: {error}")
        if failed:
            warnings.warn(ModelCheckWarning(f"{FAILED}: {'; '.join(dict.fromkeys(failed))}"), stacklevel=2)

    def changes(self) -> Iterator[Put]:
        """What puts back each thing that differs by now; to be asked for one after the other."""
        for module, cls in zip(self._parts, self._types, strict=True):
            if type(module) is not cls:
                yield partial(setattr, module, "__class__", cls)
        for attributes, before in self._attributes.changed():
            yield partial(put_dict, attributes, before)
        yield from self._scripted.modes()
        yield from self._other_changes()

    def _other_changes(self) -> Iterator[Put]:
        """Of all but the attributes of modules."""
        for container in filter(None, self._empty):
            yield container.clear
        for registry, before in self._registries.changed():
            yield partial(put_dict, registry, before)
        yield from self._scripted.tensors()
        for module, descriptor, value in self._slots:
            if slot(descriptor, module) is not value:
                yield partial(put_slot, descriptor, module, value)
        for owner, name, value in self._names:
            now = value_of(owner, name)
            if now is not value and (self.puts_all_back or self._is_filled(now)):
                yield partial(put_value, owner, name, value)
        for cls, names in self._classes:
            for name, now in [*vars(cls).items()]:
                if name not in names and (self.puts_all_back or self._is_filled(now)):
                    yield partial(delattr, cls, name)
        for saved in (self._saved, self._around):
            for kind, value, copy in saved:
                counts = saved is self._saved or kind.inner is None or self.puts_all_back
                if (
                    kind.put
                    and kind.same
                    and not kind.same(value, copy)
                    and (counts or self._is_filled(value))
                ):
                    yield partial(kind.put, value, copy)

    def _is_filled(self, value: Value, depth: int = 4) -> bool:
        """Whether it holds a tensor that was not there before; of a cache of a function nobody can tell."""
        cls: Any = type(value)
        if isinstance(value, Tensor):
            return not any(value is tensor for tensor in self.tensors)
        if cls in PLAIN or not depth:
            return False
        if isinstance(value, functools._lru_cache_wrapper):
            return True
        inner = kind_of(cls).inner
        return inner is not None and any(self._is_filled(part, depth - 1) for part in inner(value))

    # Looking

    def _module(self, module: nn.Module) -> None:
        if (descriptors := self._descriptors.get(type(module))) is None:
            descriptors = self._descriptors[type(module)] = slots_of(type(module))
        for descriptor in descriptors:
            value = slot(descriptor, module)
            self._slots.append((module, descriptor, value))
            self._add([value], (module, descriptor.__name__))
        for name, value in vars(module).items():
            cls = type(value)
            if cls in PLAIN:
                continue
            if cls in _EMPTY and not value:
                self._empty.append(value)
            elif cls is tuple:
                for part in value:  # of numbers, as a rule
                    if type(part) not in PLAIN:
                        self._todo.append((part, (module, name)))
            elif name in _REGISTRIES and cls in _DICTS:
                self._registered.append(value)
                if name == "_modules":
                    self._add(value.values(), (module, name))
            else:
                self._todo.append((value, (module, name)))

    def _code(self, code: type | types.FunctionType) -> None:
        found = reach(code)
        for owner, name in found.names:
            value = value_of(owner, name)
            self._names.append((owner, name, value))
            self._add([value], name)
        self._add(found.closures, AROUND)

    def _add(self, values: Iterable[Any], place: Place) -> None:
        seen = self._seen
        new = [value for value in values if type(value) not in PLAIN and id(value) not in seen]
        self._todo.extend([(value, place) for value in new])

    def _look(self) -> None:
        todo, seen = self._todo, self._seen
        while todo:
            value, place = todo.popleft()  # what is near first, should there be too much
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, Tensor):
                self.tensors.append(value)
            elif isinstance(value, nn.Module):
                self.modules.append(value)
                self._module(value)
            else:
                if isinstance(value, types.FunctionType):
                    self._code(value)
                    place = AROUND
                cls: Any = type(value)
                self._save(value, kind_of(cls), place)

    def _save(self, value: Value, kind: Kind, place: Place) -> None:
        if kind is NOTHING:
            return
        if not kind.save and not kind.told:
            self._add(kind.inner(value) if kind.inner else (), place)
            return
        if kind.told or not self._fits(value, kind):
            self._told[f"{_words(place)} ({kind.told or 'more than is copied'})"] = None
            return
        if kind.save:
            own = isinstance(place, tuple) or place in (INPUTS, HOOKS)
            saved = self._saved if own else self._around
            saved.append((kind, value, kind.save(value)))
        if kind.inner:
            self._add(kind.inner(value), place)

    def _fits(self, value: Value, kind: Kind) -> bool:
        size = kind.size(value) if kind.size else 0
        fits = self._left > 0 and self._bytes >= size
        self._left -= 1
        self._bytes -= size if fits else 0
        return fits


def _differ(now: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether attributes of a module do, other than its mode."""
    if len(now) != len(before):
        return True
    return any(now.get(name) is not value for name, value in before.items() if name != "training")


def _words(place: Place) -> str:
    return place if isinstance(place, str) else f"{type(place[0]).__name__}.{place[1]}"
