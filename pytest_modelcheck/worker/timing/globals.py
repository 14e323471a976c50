"""What belongs to the whole process, and an import of the user's can change for both revisions at once."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import torch
from torch._C import _len_torch_function_stack
from torch.nn.modules import module as nn_module
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from ...model.state.process import SETTINGS

NOT_WATCHED = {*sys.stdlib_module_names, "_pytest", "pytest", "pluggy", "py", "pytest_modelcheck", "__main__"}
# what plugins of pytest change of themselves is no model's
PLUGINS = {entry.module for entry in entry_points(group="pytest11")}
WATCHED_STDLIB = {"builtins", "math", "random"}


def _global_hooks() -> tuple[int, ...]:
    return tuple(
        len(hooks)
        for name, hooks in sorted(vars(nn_module).items())
        if name.startswith("_global_") and isinstance(hooks, Mapping)
    )


READ: Mapping[str, Callable[[], object]] = {
    **{name: setting.read for name, setting in SETTINGS.items()},
    "the default device": lambda: torch.empty(0).device,  # torch 2.6 cannot tell that there is none any more
    "hooks of all modules": _global_hooks,
    "function modes": _len_torch_function_stack,
    "dispatch modes": lambda: len(_get_current_dispatch_mode_stack()),
    "environment variables": lambda: {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
    "the working directory": os.getcwd,
}


class Globals:
    """The settings at a moment, and the functions and methods of all shared modules."""

    def __init__(self, is_own: Callable[[object], bool]) -> None:
        self.settings = {name: read() for name, read in READ.items()}
        self.functions = dict(_functions(is_own))

    def changes(self, after: Globals) -> list[str]:
        """What differs `after`, in words. New functions of a module came with an import; new methods did not."""
        changed = [name for name, value in self.settings.items() if after.settings[name] != value]
        for place, now in after.functions.items():
            before = self.functions.get(place)
            if before is not None:
                now = now if place not in sys.modules else {k: v for k, v in now.items() if k in before}
                changed += [f"{place}.{name}" for name, value in now.items() if before.get(name) is not value]
        return changed


Namespace = dict[str, Any]


def _functions(is_own: Callable[[object], bool]) -> Iterator[tuple[str, Namespace]]:
    """Namespaces by name: modules with their functions and classes, classes with all that their bodies define."""
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        watched = (top not in NOT_WATCHED and name not in PLUGINS) or name in WATCHED_STDLIB
        if not isinstance(module, ModuleType) or not watched or is_own(module):
            continue
        content = {key: value for key, value in list(vars(module).items()) if _is_code(value)}
        yield name, content
        for value in content.values():
            if inspect.isclass(value) and value.__module__ == name:
                yield f"{name}.{value.__qualname__}", _methods(value)


def _is_code(value: object) -> bool:
    return issubclass(type(value), (FunctionType, BuiltinFunctionType, type))  # asks nothing of the value


def _methods(cls: type) -> Namespace:
    kinds = (FunctionType, BuiltinFunctionType, classmethod, staticmethod, property)
    return {key: value for key, value in list(vars(cls).items()) if isinstance(value, kinds)}
