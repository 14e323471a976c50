"""All that a user could miss after a check, as plain data: a model, its inputs, torch, python, the process.

By a walk of its own, that shares nothing with what the package saves and puts back.
"""

from __future__ import annotations

import array
import collections
import concurrent.futures
import contextvars
import enum
import functools
import gc
import itertools
import logging
import multiprocessing.pool
import os
import random
import re
import signal
import sys
import tempfile
import threading
import types
import warnings
import weakref
import zlib
from pathlib import Path

import numpy as np
import torch
import torch._dynamo
import torch.nn.attention.flex_attention
import torch.utils.checkpoint
from torch import Tensor, nn
from torch._dynamo import convert_frame, eval_frame, output_graph, symbolic_convert
from torch._subclasses.fake_tensor import FakeTensor
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from pytest_modelcheck.model.state.digest import of_bytes

from ..features import DYNAMO_SAYS_ALL

PLAIN = (
    *(type(None), bool, int, float, complex, str, bytes, type, range, slice, type(...), types.ModuleType),
    *(torch.Size, torch.dtype, torch.device, torch.layout, torch.memory_format, enum.Enum, types.CodeType),
    *(logging.Logger, logging.Manager, torch._ops.OperatorBase),  # nobody's own; looked at by themselves
)


# A model, or what it is given


class _Walk:
    """Everything that is reached from a value, each object once, in order."""

    def __init__(self):
        self.seen = {}

    def of(self, value):
        if isinstance(value, PLAIN):
            return value
        if id(value) in self.seen:
            return "again", self.seen[id(value)][0]
        self.seen[id(value)] = len(self.seen), value  # kept: its address must not be another's
        if isinstance(value, Tensor):
            return self.tensor(value)
        return type(value).__name__, id(value), *self.parts(value)

    def tensor(self, value):
        if not (
            value.layout is torch.strided
            and not value.is_quantized
            and type(value).__module__.startswith("torch")
        ):
            content = repr(value) if not (value.is_meta or isinstance(value, FakeTensor)) else None
        elif value.is_meta or isinstance(value, FakeTensor):  # a graph's notes
            content = None
        else:
            content = of_bytes(value.detach(), zlib.crc32), value.stride(), value.storage_offset()
        grad = value.grad if value.is_leaf or value.retains_grad else None
        facts = value.dtype, str(value.device), value.requires_grad, str(value.grad_fn).partition(" ")[0]
        hooks = [[*(held or ())] for held in (value._backward_hooks, value._post_accumulate_grad_hooks)]
        own = [(name, self.of(held)) for name, held in vars(value).items()]
        return id(value), tuple(value.shape), content, facts, self.of(grad), hooks, own

    def parts(self, value):
        if isinstance(value, np.ndarray):
            inner = [self.of(v) for v in value.flat] if value.dtype == object else value.tobytes()
            return value.shape, value.dtype.str, value.flags.writeable, inner
        if isinstance(value, torch.Generator):
            return (value.get_state().numpy().tobytes(),)
        if isinstance(value, random.Random):
            return (value.getstate(),)
        if isinstance(value, (np.random.Generator, np.random.RandomState)):
            bits = value.bit_generator if isinstance(value, np.random.Generator) else value._bit_generator
            return (str(bits.state),)
        if isinstance(value, (bytearray, array.array)):
            return (bytes(value),)
        if isinstance(value, (set, frozenset)):
            return (sorted(map(repr, map(self.of, value))),)
        if isinstance(value, functools.partial):
            return [self.of(v) for v in (value.func, value.args, value.keywords)]
        if isinstance(value, (types.MethodType, types.BuiltinFunctionType)):
            return (self.of(value.__self__),)
        if isinstance(value, types.FunctionType):
            return [self.of(cell.cell_contents) for cell in value.__closure__ or () if _is_filled(cell)]
        if isinstance(value, weakref.ref):
            return (id(value()),)
        if isinstance(value, torch.jit.ScriptModule):
            named = (*value.named_parameters(), *value.named_buffers(), *value.named_modules())
            return [
                (name, _flag(part) if isinstance(part, nn.Module) else self.of(part)) for name, part in named
            ]
        return self.contents(value)

    def contents(self, value):
        if isinstance(value, dict):
            pairs = [(self.of(k), self.of(v)) for k, v in dict.items(value)]
        elif isinstance(value, (list, tuple, collections.deque)):
            pairs = [self.of(v) for v in value]
        else:
            pairs = []
        try:
            own = object.__getattribute__(value, "__dict__")
        except AttributeError:
            own = {}
        slots = [
            (name, self.of(descriptor.__get__(value)))
            for cls in type(value).__mro__
            for name, descriptor in vars(cls).items()
            if isinstance(descriptor, types.MemberDescriptorType) and _has(descriptor, value)
        ]
        return pairs, [(name, self.of(v)) for name, v in own.items()], slots


def _is_filled(cell):
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _has(descriptor, value):
    try:
        descriptor.__get__(value)
    except AttributeError:
        return False
    return True


def _flag(part):
    return part.training if hasattr(part, "training") else None


def photograph(*roots):
    """Of models and what they are given: equal where nothing that can be reached from there differs."""
    classes = dict.fromkeys(type(m) for r in roots if isinstance(r, nn.Module) for m in r.modules())
    homes = dict.fromkeys(base for cls in classes for base in cls.__mro__ if base is not object)
    walk = _Walk()
    return {
        "the model and its inputs": [walk.of(root) for root in roots],
        "the classes of its modules": [(base, _values(vars(base))) for base in homes],
    }


def _values(space):
    return {name: id(value) for name, value in space.items() if not name.startswith(("__", "_abc"))}


# torch

_MODULE_HOOKS = [v for n, v in vars(nn.modules.module).items() if n.startswith("_global_") and v is not None]
_FLAGS = {
    "torch.backends.cudnn": ("enabled", "benchmark", "deterministic", "allow_tf32", "benchmark_limit"),
    "torch.backends.cuda.matmul": (
        *("allow_tf32", "allow_fp16_reduced_precision_reduction", "allow_bf16_reduced_precision_reduction"),
        *("fp32_precision", "allow_fp16_accumulation"),
    ),
    "torch.backends.mkldnn": ("enabled", "deterministic", "allow_tf32", "fp32_precision"),
    "torch.backends.quantized": ("engine",),
    "torch.backends.opt_einsum": ("enabled", "strategy"),
    "torch.backends.nnpack": ("enabled",),
    "torch.utils.deterministic": ("fill_uninitialized_memory",),
}


def _flag_of(home, name):
    try:
        owner = functools.reduce(getattr, home.split(".")[1:], torch)
        return getattr(owner, name, None)
    except (RuntimeError, AttributeError):
        return None


def _torch():
    yield "torch's random numbers", torch.get_rng_state().numpy().tobytes()
    yield "torch's seed", torch.initial_seed()
    if torch.cuda.is_initialized():
        yield "CUDA's random numbers", [state.numpy().tobytes() for state in torch.cuda.get_rng_state_all()]
    yield "grad mode", torch.is_grad_enabled()
    yield "inference mode", torch.is_inference_mode_enabled()
    for device in ("cpu", "cuda"):
        yield f"autocast on {device}", (torch.is_autocast_enabled(device), torch.get_autocast_dtype(device))
    yield "autocast's cache", (torch.is_autocast_cache_enabled(), torch.autocast_increment_nesting())
    torch.autocast_decrement_nesting()
    yield "threads of torch", (torch.get_num_threads(), torch.get_num_interop_threads())
    yield "default dtype", torch.get_default_dtype()
    yield "default device", torch.empty(0).device
    context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    yield "its mode", (id(context), torch.utils._device.CURRENT_DEVICE)
    yield (
        "determinism",
        (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.get_deterministic_debug_mode(),
        ),
    )
    yield "anomaly mode", (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())
    yield "matmul precision", torch.get_float32_matmul_precision()
    yield "denormals", 1e-310 * 1.0 != 0.0
    yield "fast path", torch.backends.mha.get_fastpath_enabled()
    sdp = ("flash", "mem_efficient", "math", "cudnn")
    yield "attention", [getattr(torch.backends.cuda, f"{kind}_sdp_enabled")() for kind in sdp]
    for home, names in _FLAGS.items():
        yield home, [_flag_of(home, name) for name in names]
    yield "function modes", [*map(id, _get_current_function_mode_stack())]
    yield "torch functions", torch._C._is_torch_function_enabled()
    yield "dispatch modes", [*map(id, _get_current_dispatch_mode_stack())]
    yield "transforms", torch._C._functorch.maybe_current_level()
    if hasattr(torch._C._autograd, "_top_saved_tensors_default_hooks"):  # torch 2.6 cannot tell
        yield "hooks of saved tensors", str(torch._C._autograd._top_saved_tensors_default_hooks(True))
    yield "mutation of saved tensors", torch._C._autograd._saved_tensors_hooks_is_enabled()
    yield "multithreaded backwards", torch._C._is_multithreading_enabled()
    yield "view replay", torch._C._is_view_replay_enabled()
    yield "profiler", (torch._C._autograd._profiler_enabled(), torch.autograd.profiler._is_profiler_enabled)
    yield "hooks of all modules", [[(k, id(v)) for k, v in hooks.items()] for hooks in _MODULE_HOOKS]
    yield "the executor of TorchScript", torch._C._get_graph_executor_optimize()
    runs = torch._C._jit_set_num_profiled_runs(1)
    torch._C._jit_set_num_profiled_runs(runs)
    yield "its profiled runs", runs
    yield "print options", repr(vars(torch._tensor_str.PRINT_OPTS))


def _dynamo():
    utils = torch._dynamo.utils
    yield "dynamo's configuration", repr(sorted(torch._dynamo.config.get_config_copy().items()))
    yield "dynamo's stance", repr(eval_frame._stance)
    yield "dynamo's counters", {name: dict(counted) for name, counted in utils.counters.items() if counted}
    yield "dynamo's notes", len(utils.graph_break_reasons)
    flags = vars(torch.utils._python_dispatch).items()
    yield "whether dynamo finds a mode", {name: on for name, on in flags if name.startswith("_is_in_")}
    yield "dynamo's callback", id(torch._C._dynamo.eval_frame.get_eval_frame_callback())


# What is put in the place of others

_OWNERS = (
    *(torch, Tensor, torch._C.TensorBase, nn.Module, nn.Parameter, nn.functional, torch.jit, torch.autograd),
    *(torch.utils.checkpoint, torch.utils.checkpoint.CheckpointFunction, torch._ops.HigherOrderOperator),
    *(torch._ops.OpOverload, torch._ops.OpOverloadPacket, torch.overrides, torch.library.Library),
    *(threading, threading.Thread, concurrent.futures.ThreadPoolExecutor, multiprocessing.pool.Pool),
    *(convert_frame.ConvertFrameAssert, symbolic_convert.InstructionTranslatorBase),
    *(
        torch.nn.attention.flex_attention,
        output_graph.GraphCompileReason,
        eval_frame,
        logging,
        logging.Logger,
        warnings,
        os,
        signal,
        random,
        gc,
    ),
)
_KNOWN = {owner: {*vars(owner)} for owner in _OWNERS}


def _patches():
    for owner in _OWNERS:
        yield f"what is called {owner.__name__}.*", _functions(owner)


def _functions(owner):
    return {
        name: id(value) for name, value in vars(owner).items() if callable(value) and name in _KNOWN[owner]
    }


# python and the process

# each compilation puts it in front, in torch 2.6
OF_DYNAMO_2_6 = "ignore", None, UserWarning, re.compile("torch.distributed"), 0


def _python():
    yield "python's random numbers", random.getstate()
    yield "numpy's random numbers", str(np.random.get_state(legacy=False))
    yield "numpy's errors", str(np.geterr())
    yield "numpy's print options", str(np.get_printoptions())
    yield "warnings", [one for one in warnings.filters if DYNAMO_SAYS_ALL or one != OF_DYNAMO_2_6]
    yield "where they go", id(warnings.showwarning)
    root = logging.root
    loggers = {"root": root, **root.manager.loggerDict}
    yield "logging", root.manager.disable
    yield from (
        (f"logger {n}", _logger(one)) for n, one in loggers.items() if isinstance(one, logging.Logger)
    )
    yield "signal handlers", {n: str(signal.getsignal(n)) for n in signal.valid_signals()}
    yield "blocked signals", signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield "timers", signal.getitimer(signal.ITIMER_REAL)[1]
    yield "traces", (sys.gettrace(), threading.gettrace(), threading.getprofile())
    yield (
        "garbage collection",
        (gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.get_freeze_count() > 0),
    )
    yield "callbacks of it", [*map(id, gc.callbacks)]
    names = ("stdin", "stdout", "stderr", "displayhook", "excepthook", "unraisablehook", "breakpointhook")
    yield "streams and hooks", [id(getattr(sys, name)) for name in names]
    yield "recursion limit", sys.getrecursionlimit()
    yield from ((f"context variable {v.name}", repr(x)[:200]) for v, x in contextvars.copy_context().items())


def _logger(logger):
    """torch takes handlers off its own when it first has something to log."""
    handlers = [] if logger.name.startswith("torch") else [*map(id, logger.handlers)]
    return logger.level, logger.disabled, logger.propagate, handlers, [*logger.filters]


def _process():
    yield "files", _descriptors()
    yield "threads", sorted(thread.name for thread in threading.enumerate())
    yield "processes", _children()
    yield "temporary files", sorted(str(p) for p in Path(tempfile.gettempdir()).rglob("*"))
    yield "environment", dict(os.environ)
    yield "folder", os.getcwd()
    yield "sys.path", [*sys.path]
    yield "importers", [*map(id, itertools.chain(sys.meta_path, sys.path_hooks))]
    yield "modules of the user's", sorted(name for name in sys.modules if name.partition(".")[0] == "tests")


def _descriptors():
    """The number of each open one, and what it leads to."""
    if not os.path.isdir("/proc/self/fd"):
        return None
    found = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            found[number] = os.readlink(f"/proc/self/fd/{number}")
        except OSError:  # the one that listed them
            continue
    return {n: to for n, to in found.items() if "/proc/" not in to}


def _children():
    if not os.path.isdir("/proc/self/task"):
        return None
    return sorted(
        Path(f"/proc/self/task/{task}/children").read_text() for task in os.listdir("/proc/self/task")
    )[-1]


def surroundings():
    """Of torch, python and the process."""
    return dict(itertools.chain(_torch(), _dynamo(), _patches(), _python(), _process()))


def scene(*roots):
    """All of it."""
    return {**photograph(*roots), **surroundings()}


def differing(before, after):
    """What differs, each with a little of how; what only came to be (the logger of a module) is nothing lost."""
    return [
        f"{what}: {_short(was, after.get(what))}" for what, was in before.items() if after.get(what) != was
    ]


def _short(one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in {**one, **other} if one.get(key) != other.get(key)]
        return "; ".join(f"{key}: {one.get(key)!r:.80} -> {other.get(key)!r:.80}" for key in keys[:4])
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        return "; ".join(f"{_short(a, b)}" for a, b in zip(one, other, strict=True) if a != b)[:400]
    return f"{one!r:.150} -> {other!r:.150}"
