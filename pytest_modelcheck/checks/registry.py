"""The registry: marker name -> check, section name -> section, metric name -> metric. A check folder is one line here;
third parties add theirs through the hook `pytest_modelcheck_register(registry)`.

Folders load when the first check is looked up: the start of a suite without checks must not pay for them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..demand import SUBJECT
from ..errors import RegistrationError

if TYPE_CHECKING:
    from ..demand.check import Check
    from ..demand.trial import Trial
    from ..drawing.panel import Given
    from ..model.subject import Subject
    from ..records.section import Comparison, Line, Section
    from ..verdict.metric import Metric
    from ..verdict.units import Unit


class Folder(NamedTuple):
    """The names that a check folder registers, known before it is loaded."""

    markers: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


COSTS = ("flops", "macs", "memory_access", "activations", "params")
FOLDERS: Mapping[str, Folder] = {  # in the order in which things are told
    "structure": Folder((), ("structure", "autograd"), ("structure_snapshot",)),
    "complexity": Folder(
        tuple(f"{name}_budget" for name in COSTS), ("complexity",), (*COSTS, "complexity_snapshot")
    ),
    "latency": Folder(("latency_budget",), ("latency",), ("latency", "latency_regression")),
    "profiler": Folder(
        ("operator_budget", "forbid_host_sync"), ("profile",), ("operator_calls", "host_syncs")
    ),
    "memory": Folder(("peak_memory_budget",), ("memory",), ("peak_memory",)),
    "export": Folder(("onnx_export",), ("onnx",), ("onnx_export", "onnx_size", "onnx_file")),
    "compile": Folder(("compile_budget",), ("compile",), ("graph_breaks", "recompiles", "compiled_graphs")),
    "explain": Folder(
        ("invariance_budget",),
        ("heatmaps", "projections", "faithfulness", "invariance", "evolution"),
        ("invariance_probability", "invariance_feature_shift", "heatmap"),
    ),
    "outputs": Folder(
        ("drift_budget",), ("outputs", "drift", "answers"), ("drift", "drift_disagreement", "output_snapshot")
    ),
    "weights": Folder((), ("weights", "weight_changes")),
}
Changes = Callable[
    [Any, Any], object
]  # (the base's content, the head's) -> lines of text, none for no change


class Registry:
    """All checks, sections and metrics by name; `folders` are still to be loaded."""

    def __init__(self, folders: Mapping[str, Folder] | None = None) -> None:
        self._folders = dict(folders or {})
        self._checks: dict[str, Check] = {}
        self._sections: dict[str, Section] = {}
        self._metrics: dict[str, Metric] = {}
        self._trials: dict[str, Trial] = {}

    @property
    def checks(self) -> Mapping[str, Check]:
        """The checks by marker name."""
        self._load()
        return self._checks

    @property
    def sections(self) -> Mapping[str, Section]:
        """The sections by name; those of the package first."""
        self._load()
        return self._sections

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The metrics by name."""
        self._load()
        return self._metrics

    @property
    def trials(self) -> Mapping[str, Trial]:
        """What is asked of any model without a limit, by name."""
        self._load()
        return self._trials

    @property
    def names(self) -> list[str]:
        """The markers that stand for a check."""
        return [*(name for folder in self._folders.values() for name in folder.markers), *self._checks]

    @property
    def words(self) -> list[str]:
        """What checks may be called where some are chosen: by metric, by marker, by folder."""
        called = [
            name for check in self.checks.values() for metric in check.metrics for name in check.names(metric)
        ]
        return list(dict.fromkeys([*called, *self.metrics, *FOLDERS, *self._trials]))

    def unit(self, noun: str) -> Unit | None:
        """The unit of that noun: a registered metric's, or one of ours."""
        from ..verdict.units import ALL

        own = (metric.unit for metric in self.metrics.values())
        return next((unit for unit in (*own, *ALL) if unit.noun == noun), None)

    def add(self, check: Check) -> None:
        """Register a check, and its metrics. Raises RegistrationError if its name is taken."""
        if check.name in self.names or check.name == SUBJECT:
            raise RegistrationError(
                f"a check named {check.name!r} is registered already; choose another name"
            )
        self._checks[check.name] = check
        for metric in check.metrics:
            self.add_metric(metric)

    def add_metric(self, metric: Metric) -> None:
        """Register a metric. Raises RegistrationError if its name is another one's."""
        to_come = {name for folder in self._folders.values() for name in folder.metrics}
        if metric.name in to_come or self._metrics.setdefault(metric.name, metric) != metric:
            raise RegistrationError(
                f"a metric named {metric.name!r} is registered already; choose another name"
            )

    def add_trial(self, trial: Trial) -> None:
        """Register what is asked of any model. Raises RegistrationError if its name is taken."""
        if trial.name in self.trials:
            raise RegistrationError(
                f"a trial named {trial.name!r} is registered already; choose another name"
            )
        self._trials[trial.name] = trial

    def add_section(
        self,
        section: Section | str,
        describe: Callable[[Subject], Any] | None = None,
        *,
        tab: str = "more",
        title: str = "",
        panel: Given | None = None,
        changes: Changes | None = None,
        **more: Any,
    ) -> None:
        """Register a section: what the report tells about each subject under its name.

        A `Section`, or a name and `describe(subject)`, which returns what JSON holds. `panel`: a Jinja template (its
        text, or a Path to it), or a function of the content and the context that returns text (which is escaped) or
        HTML-safe markup; without one the content is shown as it is. `changes(base, head)`: what differs between two
        contents, as lines of text. Raises RegistrationError if the name is taken, also by a key of the subject's own.
        """
        if isinstance(section, str):
            from ..drawing.panel import as_panel
            from ..records.section import Section

            drawn = as_panel(panel) if panel is not None else None
            section = Section(section, describe, tab=tab, title=title or section, panel=drawn, **more)
            if changes is not None:
                section = replace(section, changes=_told(section.name, changes))
        self._refuse_taken(section.name)
        self._sections[section.name] = section
        for total in section.totals:
            self.add_metric(total.metric)

    def _refuse_taken(self, name: str) -> None:
        from ..records.types import HEAD

        to_come = [name for folder in self._folders.values() for name in folder.sections]
        if name in HEAD or name in to_come or name in self._sections:
            what = "a key of the subject's own" if name in HEAD else "registered already"
            raise RegistrationError(
                f"a section cannot be called {name!r}: that is {what}; choose another name"
            )

    def _load(self) -> None:
        if not self._folders:
            return
        folders, self._folders = self._folders, {}
        checks, sections, metrics = self._checks, self._sections, self._metrics
        self._checks, self._sections, self._metrics = {}, {}, {}
        for folder in folders:
            importlib.import_module(f".{folder}", __package__).register(self)
        self._checks |= checks
        self._sections |= sections
        self._metrics |= metrics


def _told(name: str, changes: Changes) -> Comparison:
    """A comparison from a function of both contents."""
    from ..records.section import Comparison, Line, content_of

    def compare(old: Mapping[str, Any], new: Mapping[str, Any], *_: object) -> Mapping[str, Any]:
        both = [content_of(side, name) for side in (old, new)]
        told = changes(*both) if name in old and name in new else None
        lines = [told] if isinstance(told, str) else list(told or ())  # type: ignore[call-overload]
        return {name: [str(line) for line in lines]}

    def lines(told: Mapping[str, Any], most: int) -> list[Line]:
        return [Line(text, short=text) for text in told.get(name, [])[:most]]

    return Comparison((name,), compare, lines=lines, types={name: list[str]})


def default_registry() -> Registry:
    """The checks that come with the package."""
    return Registry(FOLDERS)
