"""Run torch.profiler over one call of a subject, or over a loop of the user's."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import torch
from torch import nn
from torch._C._profiler import _RecordFunctionFast
from torch.profiler import ProfilerActivity, schedule

from ...errors import MeasurementError, NothingSeenError
from ...model.calls import module_calls
from ...model.eager import eager
from ...model.kineto import (
    OWN_PROFILER,
    own_profiler_told,
    profiling,
    quiet,
    refuse_another,
    refuse_begun,
    refuse_ended,
)
from ...model.plainly import plainly
from ...model.subject import Subject, locate_failure
from ...model.undoing import Noted, unharmed
from .host import HostReads, HostSyncs
from .result import Profile
from .step import MODULE


def profile(subject: Subject, *, threads: int | None = None, stacks: bool = False) -> Profile:
    """Profile one forward call in eval mode without gradients, after one that warms up.

    Raises MeasurementError if a profiler is active already, NothingSeenError if the model ends it, ModelRunError if the
    model raises.
    """
    refuse_another(subject.name)
    inputs = subject.require_inputs().copied()
    with (
        subject.restored(guard=False) as guard,
        torch.no_grad(),
        locate_failure(subject, inputs),
    ):
        torch.set_num_threads(threads or torch.get_num_threads())
        reads = HostReads(subject.module, subject.device)

        def call() -> None:
            subject.module(*inputs.args, **inputs.kwargs)

        with guard, nullcontext() if compiled(subject.module) else reads:
            call()
        refuse_begun(subject.name)
        with (
            plainly(),
            module_ranges(subject.module) as ranges,
            profiling(subject.name, **settings(subject, stacks)) as profiler,
        ):
            with own_profiler_told(subject.name):
                call()
            refuse_ended(subject.name)
        if sum(event.name.startswith(MODULE) for event in profiler.events()) < ranges.begun:
            raise NothingSeenError(f"{subject.name}: {OWN_PROFILER}")
        result = Profile(
            subject.name,
            profiler,
            threads=torch.get_num_threads(),
            on_other_threads=tuple(ranges.others),
            reads=reads.seen,
        )
        if result.waits or reads.seen.found or compiled(subject.module):
            find(reads, call)
    return result


def compiled(module: nn.Module) -> bool:
    """Whether a part is compiled in place: what a mode would have compiled anew."""
    return any(part._compiled_call_impl is not None for part in module.modules())


def find(reads: HostReads, call: Callable[[], None]) -> None:
    """Fill `reads` by one more call, with all places where the host waits; a first call may read what later ones know.

    Modes see operators that a model may not have: then it stays as it is.
    """
    before = reads.seen.found.copy()
    reads.seen.found.clear()
    try:
        with eager(), reads, HostSyncs(reads):
            call()
    except Exception:
        reads.seen.found = before


def settings(subject: Subject, stacks: bool) -> dict[str, Any]:
    """The arguments of torch.profiler.profile."""
    found: dict[str, Any] = dict.fromkeys(("record_shapes", "profile_memory", "with_flops"), True)
    found["activities"] = [ProfilerActivity.CPU]
    if subject.device.type == "cuda":
        found["activities"].append(ProfilerActivity.CUDA)
    if stacks:
        verbose = torch._C._profiler._ExperimentalConfig(verbose=True)  # else stacks stay empty
        found |= {"with_stack": True, "experimental_config": verbose}
    return found


@dataclass
class Ranges:
    """How many ranges were begun, and the modules that ran on other threads, where there are none."""

    begun: int = 0
    others: dict[str, None] = field(default_factory=dict)


@contextmanager
def module_ranges(root: nn.Module) -> Iterator[Ranges]:
    """A range of the profile around each module call: torch.profiler's own `with_modules` does nothing in eager mode.

    The ranges are no operators: counts and FLOPs stay as they are.
    """
    names = {module: name for name, module in root.named_modules()}
    running: list[_RecordFunctionFast | None] = []
    ranges = Ranges()

    def enter(module: nn.Module, args: object) -> None:
        begun = _RecordFunctionFast(f"{MODULE}{names[module]}") if module in names else None
        running.append(begun)
        if begun is not None:
            ranges.begun += 1
            begun.__enter__()

    def leave(module: nn.Module, args: object, output: object) -> None:
        begun = running.pop()
        if begun is not None:
            begun.__exit__(None, None, None)

    def elsewhere(module: nn.Module) -> None:
        ranges.others[names.get(module, type(module).__name__)] = None

    with module_calls(enter, leave, elsewhere):
        yield ranges


class Loop:
    """A profiler over a loop of the user's: `wait` steps unwatched, `warmup` to warm up, `steps` that count.

    with modelcheck.profile(steps=3) as step:
        for batch in loader:
            model(batch)
            step()
    print(step.result.table())

    Steps beyond are not watched. `done` tells when no further step counts.
    """

    def __init__(
        self,
        subject: Subject,
        steps: int,
        *,
        wait: int = 0,
        warmup: int = 1,
        stacks: bool = False,
        keep: Callable[[Profile], None] | None = None,
    ) -> None:
        for name, value, least in (("steps", steps, 1), ("wait", wait, 0), ("warmup", warmup, 0)):
            if type(value) is not int or value < least:
                raise MeasurementError(f"{name}={value!r} is not a whole number from {least} on")
        self.subject, self.steps, self.first = subject, steps, wait + warmup
        self._settings = settings(subject, stacks)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no warm-up is what was asked for
            self._settings["schedule"] = schedule(wait=wait, warmup=warmup, active=steps, repeat=1)
        self._keep, self._stack = keep, ExitStack()
        self._made = 0
        self._result: Profile | None = None

    @unharmed
    def __enter__(self) -> Loop:
        self._noted = Noted()
        with ExitStack() as stack:
            self._profiler = stack.enter_context(profiling(self.subject.name, **self._settings))
            stack.enter_context(module_ranges(self.subject.module))
            self._stack = stack.pop_all()
        return self

    def __call__(self) -> None:
        """A step is done: call it at the end of each turn of the loop."""
        self._made += 1
        with quiet():
            self._profiler.step()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._stack.__exit__(kind, error, traceback)
        except BaseException as interrupt:
            self._noted.undo(interrupt)
            raise
        if error is not None:  # a step was interrupted, perhaps
            self._noted.undo(error)
        counted = min(self._made - self.first, self.steps)
        if error is None and counted > 0:
            self._result = Profile(
                self.subject.name, self._profiler, steps=counted, threads=torch.get_num_threads()
            )
            if self._keep is not None:
                self._keep(self._result)

    @property
    def done(self) -> bool:
        """Whether all steps that count are done."""
        return self._made >= self.first + self.steps

    @property
    def result(self) -> Profile:
        """The profile of the steps that counted. Raises MeasurementError if none did."""
        if self._result is None:
            raise MeasurementError(
                f"{self.subject.name}: no step was profiled; the loop called step() {self._made} times, and the "
                f"first {self.first} are for waiting and warming up. The result is there when the block has ended."
            )
        return self._result
