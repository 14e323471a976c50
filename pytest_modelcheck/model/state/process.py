"""What belongs to the whole process, and a forward can change for everything that comes after it."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import torch
import torch.utils._device
from torch._C import (
    _len_torch_function_stack,
    _pop_torch_dispatch_stack,
    _pop_torch_function_stack,
    _push_on_torch_function_stack,
)
from torch.nn.modules import module as nn_module
from torch.overrides import _get_current_function_mode_stack
from torch.utils import _python_dispatch
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from .containers import put_dict, same_list

UNREADABLE = object()
GLOBAL_HOOKS = [
    hooks for name, hooks in vars(nn_module).items() if name.startswith("_global_") and hooks is not None
]


class Setting(NamedTuple):
    """How a setting is read, and how it is put back to what was read."""

    get: Callable[[], Any]
    put: Callable[[Any], object]

    def read(self) -> Any:
        """UNREADABLE where torch refuses: once the new names of a precision are used, its old ones raise."""
        try:
            return self.get()
        except RuntimeError:
            return UNREADABLE


_DENORMAL = 1e-310


def _denormals_are_flushed() -> bool:
    return _DENORMAL * 1.0 == 0.0


def _autocast() -> tuple[Any, ...]:
    devices = [
        (kind, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)) for kind in ("cpu", "cuda")
    ]
    return (*devices, torch.is_autocast_cache_enabled())


def _set_autocast(value: tuple[Any, ...]) -> None:
    *devices, cached = value
    for kind, enabled, dtype in devices:
        torch.set_autocast_enabled(kind, enabled)
        torch.set_autocast_dtype(kind, dtype)
    torch.set_autocast_cache_enabled(cached)
    torch.clear_autocast_cache()


def _of(owner: object, *names: str) -> Setting:
    """Attributes that are settings."""

    def put(values: tuple[object, ...]) -> None:
        for name, value in zip(names, values, strict=True):
            setattr(owner, name, value)

    return Setting(lambda: tuple(getattr(owner, name) for name in names), put)


def _attention() -> tuple[bool, ...]:
    backends: Any = torch.backends.cuda
    return tuple(getattr(backends, f"{kind}_sdp_enabled")() for kind in _KERNELS)


def _set_attention(values: tuple[bool, ...]) -> None:
    for kind, value in zip(_KERNELS, values, strict=True):
        getattr(torch.backends.cuda, f"enable_{kind}_sdp")(value)


_KERNELS = ("flash", "mem_efficient", "math", "cudnn")


def _numpy_errors() -> dict[str, str] | None:
    numpy: Any = sys.modules.get("numpy")
    return numpy.geterr() if numpy else None


def _set_numpy_errors(value: dict[str, str] | None) -> None:
    if value is not None:
        sys.modules["numpy"].seterr(**value)


SETTINGS: Mapping[str, Setting] = {
    "grad mode": Setting(torch.is_grad_enabled, torch.set_grad_enabled),
    "the number of threads": Setting(torch.get_num_threads, torch.set_num_threads),
    "the default dtype": Setting(torch.get_default_dtype, torch.set_default_dtype),
    "autocast": Setting(_autocast, _set_autocast),
    "deterministic algorithms": Setting(
        torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode
    ),
    "anomaly detection": Setting(
        lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        lambda value: torch.autograd.set_detect_anomaly(*value),
    ),
    "the precision of matrix products": Setting(
        torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
    ),
    "flushing of denormal numbers": Setting(_denormals_are_flushed, torch.set_flush_denormal),
    "torch.backends.mha": Setting(
        torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled
    ),
    "torch.backends.mkldnn": Setting(torch._C._get_mkldnn_enabled, torch._C._set_mkldnn_enabled),
    "torch.backends.quantized": _of(torch.backends.quantized, "engine"),
    "torch.backends.cudnn": _of(torch.backends.cudnn, "enabled", "benchmark", "deterministic", "allow_tf32"),
    "torch.backends.cuda.matmul": _of(
        torch.backends.cuda.matmul, "allow_tf32", "allow_fp16_reduced_precision_reduction"
    ),
    **{
        f"the precision of {name}": _of(owner, "fp32_precision")
        for name, owner in (
            ("torch.backends", torch.backends),
            ("torch.backends.cuda.matmul", torch.backends.cuda.matmul),
            ("torch.backends.cudnn", torch.backends.cudnn),
        )
        if hasattr(owner, "fp32_precision")  # since torch 2.9
    },
    "kernels of attention": Setting(_attention, _set_attention),
    "numpy's errors": Setting(_numpy_errors, _set_numpy_errors),
}


class Process:
    """The settings, the random generators and the modes on torch's stacks, at a moment."""

    def __init__(self, anywhere: bool = False) -> None:
        """`anywhere`: also what only a block that was interrupted can have left."""
        self.python = random.getstate()
        numpy = sys.modules.get("numpy")
        self.numpy = (numpy.random, numpy.random.get_state()) if numpy else None
        self.torch = torch.random.get_rng_state()
        started = torch.cuda.is_initialized()
        self.cuda = torch.cuda.get_rng_state_all() if started else []
        self.settings = [(setting, setting.read()) for setting in SETTINGS.values()]
        self.stacks = _Stacks()
        self.left = _Left() if anywhere else None

    def restore(self) -> None:
        """Put all of it back."""
        self.stacks.restore()
        if self.left is not None:
            self.left.restore()
        for setting, value in self.settings:
            if value is not UNREADABLE and setting.read() != value:
                setting.put(value)
        if not torch.equal(torch.random.get_rng_state(), self.torch):
            _MOVED[0] += 1
            torch.random.set_rng_state(self.torch)
        if random.getstate() != self.python:
            _MOVED[0] += 1
            random.setstate(self.python)
        if self.numpy and not _same_state(self.numpy[0].get_state(), self.numpy[1]):
            _MOVED[0] += 1
            self.numpy[0].set_state(self.numpy[1])
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)


_MOVED = [0]


def moved_generators() -> int:
    """How often, in this process, a generator of random numbers had to be put back."""
    return _MOVED[0]


def _same_state(one: Any, other: Any) -> bool:
    """Of numpy's generator: words, and where it stands in them."""
    return bool(one[2:] == other[2:]) and bool((one[1] == other[1]).all())


def modes() -> list[object]:
    """Those that are on."""
    return [*_get_current_dispatch_mode_stack(), *_get_current_function_mode_stack()]


class _Stacks:
    """Modes that are on; the default device is one of them. A forward may enter some that it never leaves."""

    def __init__(self) -> None:
        self.dispatch, self.function = _get_current_dispatch_mode_stack(), _get_current_function_mode_stack()
        self.device, self.current = self._default_device()
        self.flags = {name: on for name, on in vars(_python_dispatch).items() if name.startswith("_is_in_")}

    def restore(self) -> None:
        while len(stack := _get_current_dispatch_mode_stack()) > len(self.dispatch):
            _pop_torch_dispatch_stack(getattr(stack[-1], "_mode_key", None))
        vars(_python_dispatch).update(self.flags)  # that there is one: dynamo then compiles nothing
        tell = getattr(_python_dispatch, "set_is_in_mode_without_ignore_compile_internals", None)
        if tell is not None:  # dynamo's own copy of one of them, in newer torch
            tell(self.flags["_is_in_any_mode_without_ignore_compile_internals"])
        if not same_list(_get_current_function_mode_stack(), self.function):
            while _len_torch_function_stack():
                _pop_torch_function_stack()
            for mode in self.function:
                _push_on_torch_function_stack(mode)
        if self._default_device()[0] is not self.device:
            torch._GLOBAL_DEVICE_CONTEXT.device_context = self.device
            torch.utils._device.CURRENT_DEVICE = self.current

    def _default_device(self) -> tuple[object, torch.device | None]:
        """The mode that sets it, None where nobody did; and where torch keeps it for the modes."""
        context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
        return context, torch.utils._device.CURRENT_DEVICE


class _Left:
    """What only blocks of ours, or torch's, change, and as a rule put back themselves."""

    def __init__(self) -> None:
        self.hooks = [(hooks, hooks.copy()) for hooks in GLOBAL_HOOKS]
        self.saved = _saved_hooks()
        self.profiles = torch._C._autograd._profiler_enabled()
        self.nested = _autocast_depth()
        self.optimizes = torch._C._get_graph_executor_optimize()
        self.lifts = torch._C._only_lift_cpu_tensors()

    def restore(self) -> None:
        for hooks, before in self.hooks:
            if hooks != before:
                put_dict(hooks, before)
        while (top := _saved_hooks()) is not None and top != self.saved:
            torch._C._autograd._pop_saved_tensors_default_hooks()
        if not self.profiles:
            end_profiler()
        while _autocast_depth() > self.nested:
            torch.autocast_decrement_nesting()
        torch._C._get_graph_executor_optimize(self.optimizes)
        torch._C._set_only_lift_cpu_tensors(self.lifts)


def end_profiler() -> None:
    """Whatever is left of a profiler that was interrupted as it began or ended."""
    if torch._C._autograd._profiler_enabled():
        with suppress(RuntimeError):
            torch._C._autograd._disable_profiler()
    torch.autograd.profiler._is_profiler_enabled = False


def _saved_hooks() -> Any:
    """The innermost `saved_tensors_hooks`; None where there are none, or where torch cannot tell (2.6)."""
    top = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None)
    return None if top is None else top(True)


def _autocast_depth() -> int:
    """How many blocks of autocast are open."""
    try:
        torch.autocast_increment_nesting()
    finally:  # an interrupt may come in between
        depth = torch.autocast_decrement_nesting()
    return depth
