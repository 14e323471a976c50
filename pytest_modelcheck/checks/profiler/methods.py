"""What a ModelCheck profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from ...errors import MeasurementError
from ..handle import Handle

if TYPE_CHECKING:
    from pathlib import Path

    from .result import Profile
    from .run import Loop


class ProfilerMethods(Handle):
    """Operators and where the time goes."""

    @overload
    def profile(
        self,
        *,
        steps: None = None,
        stacks: bool = False,
        threads: int | None = None,
        tensorboard: str | Path | None = None,
    ) -> Profile: ...

    @overload
    def profile(
        self,
        *,
        steps: int,
        wait: int = 0,
        warmup: int = 1,
        stacks: bool = False,
        tensorboard: str | Path | None = None,
    ) -> Loop: ...

    def profile(
        self,
        *,
        steps: int | None = None,
        wait: int = 0,
        warmup: int = 1,
        stacks: bool = False,
        threads: int | None = None,
        tensorboard: str | Path | None = None,
    ) -> Profile | Loop:
        """Profile one forward call with torch.profiler: `.counts`, `.flops`, `.table()`, `.by_module()`, `.trace`.

        With `steps`, a loop of your own instead: `with modelcheck.profile(steps=3, wait=1, warmup=1) as step:`, and
        call `step()` at the end of each turn; then `step.result`. `stacks` notes the place in the source of each
        operator. In a test with a report the Chrome trace goes to the report's folder; `tensorboard`: a folder that
        gets it too, as `tensorboard_trace_handler` writes it.
        Raises MeasurementError for wrong numbers, and if a profiler is active already; ModelRunError if the model
        raises.
        """
        from .run import Loop, profile

        def keep(result: Profile) -> None:
            self._trace(result)
            if tensorboard is not None:
                result.export_tensorboard(tensorboard)
            self._keep(result)

        if steps is not None:
            if threads is not None:
                raise MeasurementError(
                    "threads= is for one call; a loop of your own runs on as many as it sets"
                )
            return Loop(self.subject, steps, wait=wait, warmup=warmup, stacks=stacks, keep=keep)
        result = profile(self.subject, threads=self._threads(threads), stacks=stacks)
        keep(result)
        return self._own(result)

    def _trace(self, result: Profile) -> None:
        """In a test with a report, leave the Chrome trace in its folder, where it can be written to."""
        place = None if self._recorder is None else self._recorder.file("traces", result.name, ".json.gz")
        if place is not None:
            try:
                result.export_chrome_trace(place[0])
            except OSError:
                return
            result.trace = place[1]
