"""The budgets of complexity, and the value in a count that each of them limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...demand.arguments import Choice
from ...demand.check import AmountCheck
from ...errors import NothingSeenError, out_of_sight
from ...verdict import units
from ...verdict.limit import Limit
from ...verdict.measurement import ROOT, Contributor, Measurement
from ...verdict.metric import Metric
from ...verdict.phases import PHASES
from . import metrics
from . import notes as told

if TYPE_CHECKING:
    from ...model.subject import Subject
    from .result import Complexity, Parameters


class CostBudget(AmountCheck):
    """A limit on one figure of a count.

    Zero is a figure where something was counted: a model that only adds has no MACs, and `flops_all` says that it was
    seen. It is none where no operator with a formula ran, or one without.
    """

    choices: Mapping[str, Choice] = {"phase": PHASES}
    settings = ("strict_operators",)

    def __init__(self, metric: Metric, doc: str) -> None:
        self.name, self.metrics, self.doc = f"{metric.name}_budget", (metric,), doc

    def observe(self, subject: Subject, *, phase: str, strict_operators: bool) -> Complexity:
        """The count of one phase."""
        from .measure import count

        return count(subject, phase=phase, strict=strict_operators)

    def read(self, observed: Complexity, limit: Limit) -> Measurement:
        """The figure, with the modules that contribute most. Raises NothingSeenError where nothing was counted."""
        name = self.metric.name
        if unseen := self._unseen(observed):
            raise NothingSeenError(f"{observed.name}: {unseen}")
        own = {module: getattr(cost.own, name) for module, cost in observed.by_module().items()}
        return Measurement(
            getattr(observed, name),
            aka=self._aka(observed),
            contributors=_ranked(own),
            notes=_notes(observed),
            caveat=_caveat(observed),
            details=tuple(filter(None, [observed.details])),
        )

    def _unseen(self, observed: Complexity) -> str:
        """Why the figure says nothing; empty if it does."""
        if observed.on_other_threads:
            return out_of_sight(observed.on_other_threads, "the counter")
        legitimate = (
            observed.flops_all and not observed.unknown_operators and self.metric is not metrics.MEMORY_ACCESS
        )
        if getattr(observed, self.metric.name) or legitimate:
            return ""
        left = told.left_torch(observed.left_torch)
        return (
            f"saw no operator that counts: {_what_ran(observed)}{f'; it {left}' if left else ''}.\n"
            "What works outside of torch's operators (numpy, another library or process, a kernel of your own) is not "
            "seen; an operator gets a formula with @pytest_modelcheck.register_formula."
        )

    def _aka(self, observed: Complexity) -> str:
        """FLOPs as MACs and the other way round."""
        if self.metric is metrics.FLOPS:
            return units.MACS.exact(observed.macs)
        return units.FLOPS.exact(observed.flops) if self.metric is metrics.MACS else ""


class ParamsBudget(AmountCheck):
    """A limit on parameters, tied ones counted once.

    A model without parameters has 0 of them, which is a figure: nothing has to run to know it. One that keeps them
    where torch does not look (in a list, say) is not seen.
    """

    name = "params_budget"
    doc = "at most this many parameters; trainable=True or False counts only those."
    metrics = (metrics.PARAMS,)
    choices: Mapping[str, Choice] = {"trainable": (None, True, False)}

    def observe(self, subject: Subject, *, trainable: bool | None) -> Parameters:
        """The parameters of each module. Raises NothingSeenError where all are out of torch's sight."""
        from .params import count_params, refuse_hidden

        refuse_hidden(subject)
        return count_params(subject, trainable=trainable)

    def read(self, observed: Parameters, limit: Limit) -> Measurement:
        """All of them."""
        return Measurement(observed.total, contributors=_ranked(dict(observed.by_module)))


def _ranked(values: dict[str, int]) -> tuple[Contributor, ...]:
    ranked = sorted(values.items(), key=lambda pair: -pair[1])
    return tuple(Contributor(name or ROOT, value) for name, value in ranked if value)


def _notes(observed: Complexity) -> tuple[str, ...]:
    real = f"counted by running the model once: {observed.reason}" if observed.reason else ""
    return tuple(filter(None, (real, told.merged(observed.merged))))


def _caveat(observed: Complexity) -> str:
    """What the figure leaves out."""
    parts = (_uncounted(observed), told.loops(observed.loops), told.left_torch(observed.left_torch))
    return "; ".join(filter(None, parts))


def _what_ran(observed: Complexity) -> str:
    ran = [
        f"{name}{'' if name not in observed.unknown_operators else ', no formula known'} ({cost.calls})"
        for name, cost in observed.by_operator().items()
    ]
    return f"there ran {'; '.join(ran)}" if ran else "none at all ran"


def _uncounted(complexity: Complexity) -> str:
    unknown = [
        f"{name} ({calls} call{'s' * (calls != 1)})" for name, calls in complexity.unknown_operators.items()
    ]
    return f"not counted, no formula known: {', '.join(unknown)}" if unknown else ""


BUDGETS = (
    CostBudget(metrics.FLOPS, "at most this many floating-point operations (2 x MACs) in one call."),
    CostBudget(metrics.MACS, "at most this many multiply-accumulate operations in one call."),
    CostBudget(
        metrics.MEMORY_ACCESS, "at most this many bytes read and written by the operators of one call."
    ),
    CostBudget(
        metrics.ACTIVATIONS, "at most this many elements in outputs of convolutions and matrix products."
    ),
    ParamsBudget(),
)
