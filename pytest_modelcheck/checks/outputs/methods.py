"""What a ModelCheck tells about outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..handle import Handle

if TYPE_CHECKING:
    from .result import Outputs


class OutputsMethods(Handle):
    """Measurements of outputs."""

    def outputs(self) -> Outputs:
        """What the model answers to its example inputs: `.rows`, one for each tensor, with `.path`, `.shape`,
        `.dtype`, `.mean`, `.std`, `.min`, `.max`, `.largest` and `.values`.

        One forward call in eval mode; dropout that stays active and other draws are the same in every run. In a test
        `assert modelcheck.outputs() == output_snapshot` compares with a stored file. Raises ModelRunError if the model
        itself raises.
        """
        from .measure import answers

        result = answers(self.subject)
        self._keep("outputs", result)
        return self._own(result)
