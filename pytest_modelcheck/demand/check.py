"""What a marker stands for: the checks, how their limits are written, and their signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from ..checks.registry import Registry

if TYPE_CHECKING:
    from ..verdict.judge import Limit, Measurement, Verdict
    from ..verdict.units import Unit


@dataclass(frozen=True)
class Whole:
    """A keyword that takes a whole number from `least` on; None leaves it to the settings."""

    default: int | None = None
    least: int = 1

    def __contains__(self, value: object) -> bool:
        return value is None or (type(value) is int and value >= self.least)

    def __str__(self) -> str:
        return f"a whole number from {self.least} on"


@dataclass(frozen=True)
class Text:
    """A keyword that takes any text but the empty one, and has no default."""

    default: None = None

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and bool(value)

    def __str__(self) -> str:
        return "a text"


Choice: TypeAlias = "tuple[Any, ...] | Whole | Text"  # what a marker's keyword may be


def default_of(choice: Choice) -> Any:
    """What the keyword is when it is not given."""
    return choice[0] if isinstance(choice, tuple) else choice.default


Against = Callable[
    [str, "Limit", Mapping[str, Any]], tuple["Verdict", Any]
]  # also gives what the record keeps
SUBJECT_KEYWORDS = ("model", "inputs", "input_size", "dtype", "device", "name")
LEVELS = ("fail", "warn")


class Check(Protocol):
    """What a marker stands for: how its limit is written, how its value is observed and read."""

    @property
    def name(self) -> str:
        """The marker's name."""

    @property
    def metric(self) -> str:
        """The value's name in the record."""

    @property
    def unit(self) -> Unit:
        """The unit of limits and values."""

    @property
    def doc(self) -> str:
        """One line for `pytest --markers`."""

    @property
    def choices(self) -> Mapping[str, Choice]:
        """The marker's own keywords: allowed values, the default first, or a kind of value."""

    @property
    def leading(self) -> tuple[str, ...]:
        """Those of its own keywords that stand, without a name, before the limit."""

    @property
    def fixed(self) -> float | None:
        """The upper limit of a marker that takes none."""

    @property
    def sequential(self) -> bool:
        """Whether `observe` also takes `decided(observed so far)`, which tells it when to stop."""

    @property
    def settings(self) -> tuple[str, ...]:
        """Fields of Settings that `observe` wants as further keywords."""

    @property
    def against(self) -> Against | None:
        """How a relative limit is judged by a comparison that was measured in pairs; None: by the base's value."""

    @property
    def section(self) -> str | None:
        """The section of the record that what `observe` returns (it has `to_dict()`) is added to."""

    @property
    def observe(self) -> Callable[..., Any]:
        """`observe(subject, **options)`: the costly part; checks with the same one share its result."""

    @property
    def read(self) -> Callable[..., Measurement | Mapping[str, Measurement]]:
        """`read(observed, **options)`: the value in it; with several metrics, the values by metric."""


class Bound(NamedTuple):
    """A limit that a marker's keyword sets: on which metric, in which unit, from which side ("max" or "min")."""

    metric: str
    unit: str
    side: str


class Budget:
    """A check of one number against max=, min= and max_regression=; the arguments are the attributes of `Check`.

    `unit` may be a unit's noun ("FLOPs", "bytes", "calls"): units load when the first marker is read.
    """

    def __init__(
        self,
        name: str,
        metric: str,
        unit: Unit | str,
        doc: str,
        observe: Callable[..., Any],
        read: Callable[..., Measurement],
        choices: Mapping[str, Choice] | None = None,
        settings: tuple[str, ...] = (),
        section: str | None = None,
        leading: tuple[str, ...] = (),
        fixed: float | None = None,
        sequential: bool = False,
        against: Against | None = None,
    ) -> None:
        self.name, self.metric, self.doc = name, metric, doc
        self.leading, self.fixed, self.sequential = leading, fixed, sequential
        self.section, self.against = section, against
        self.observe, self.read = observe, read
        self.choices, self.settings = choices or {}, settings
        self._unit = unit

    @property
    def unit(self) -> Unit:
        """The unit of limits and values."""
        if not isinstance(self._unit, str):
            return self._unit
        from ..verdict.units import named

        return named(self._unit)


class Free(Budget):
    """A check whose marker takes keywords only (`defaults`); `bound(options)` makes the limit of them."""

    def __init__(
        self,
        name: str,
        unit: str,
        doc: str,
        observe: Callable[..., Any],
        read: Callable[..., Measurement],
        defaults: Mapping[str, Any],
        bound: Callable[[Mapping[str, Any]], float],
        settings: tuple[str, ...] = (),
        section: str | None = None,
    ) -> None:
        super().__init__(name, name, unit, doc, observe, read, None, settings, section)
        self.defaults, self.bound = defaults, bound


class BoundedBudget(Budget):
    """A check whose marker takes one of `choices` first, and limits of its own (`bounds`: keyword -> Bound)."""

    def __init__(
        self,
        name: str,
        doc: str,
        bounds: Mapping[str, Bound],
        observe: Callable[..., Any],
        read: Callable[..., Mapping[str, Measurement]],
        choices: Mapping[str, tuple[Any, ...]],
        section: str | None = None,
        free: tuple[str, ...] = (),
    ) -> None:
        first = next(iter(bounds.values()))
        super().__init__(name, first.metric, first.unit, doc, observe, read, choices, (), section)  # type: ignore[arg-type]
        self.bounds, self.free = bounds, free


def signature(check: Check) -> Signature:
    """The marker's signature: the limit's bounds, the check's own keywords, level, then the subject's keywords."""
    first: list[Parameter]
    defaults: dict[str, Any]
    if isinstance(check, Free):
        first, defaults = [], dict(check.defaults)
    elif isinstance(check, BoundedBudget):
        chosen, *others = check.choices
        first = [Parameter(chosen, Parameter.POSITIONAL_OR_KEYWORD)]
        defaults = dict.fromkeys([*check.bounds, *check.free])
        defaults |= {key: default_of(check.choices[key]) for key in others}
    else:
        first, defaults = _budget_parameters(check)
    defaults |= {"level": LEVELS[0], **dict.fromkeys(SUBJECT_KEYWORDS)}
    rest = [Parameter(key, Parameter.KEYWORD_ONLY, default=value) for key, value in defaults.items()]
    return Signature([*first, *rest])


def _budget_parameters(check: Check) -> tuple[list[Parameter], dict[str, Any]]:
    """Those without a name, and the keywords with their defaults."""
    first = [Parameter(key, Parameter.POSITIONAL_OR_KEYWORD) for key in check.leading]
    own = {key: default_of(choice) for key, choice in check.choices.items() if key not in check.leading}
    if check.fixed is not None:
        return first, own
    limit = Parameter("max", Parameter.POSITIONAL_OR_KEYWORD, default=Parameter.empty if first else None)
    return [*first, limit], {"min": None, "max_regression": None, **own}


def marker_lines(registry: Registry) -> list[str]:
    """The lines that `pytest --markers` prints."""
    subject = ", ".join(f"{key}=None" for key in SUBJECT_KEYWORDS)
    lines = [
        f"modelcheck({subject}): says what the budgets of this test, class or module check. model: an nn.Module, a "
        "callable that returns one, 'package.module:factory' or a fixture's name; inputs: tensors, a callable or "
        "a fixture's name; input_size: one shape or a list of shapes."
    ]
    for check in registry.checks.values():
        shown = [p for p in signature(check).parameters.values() if p.name not in SUBJECT_KEYWORDS]
        lines.append(
            f"{check.name}{Signature(shown)}: {check.doc} Takes the subject's keywords too ({subject})."
        )
    return lines


def limit_options(check: Check, limit: Limit, settings: object) -> dict[str, Any]:
    """The keywords for `check.observe` and `check.read`."""
    from_settings = {
        name: getattr(settings, name) for name in check.settings if limit.options.get(name) is None
    }
    return {**limit.options, **from_settings}
