"""What a ModelCheck profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..handle import Handle

if TYPE_CHECKING:
    from .run import Profile


class ProfilerMethods(Handle):
    """Operators and where the time goes."""

    def profile(self) -> Profile:
        """Profile one forward call with torch.profiler: `.counts`, `.flops`, `.table()`, `.export_chrome_trace()`.

        Raises MeasurementError if a profiler is active already.
        """
        from .run import profile

        return profile(self.subject)
