"""Plan: what a test's markers demand, of which subject. Made at collection, from markers alone: nothing runs here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SubjectError
from ..settings import Settings
from ..verdict.judge import Limit
from .check import Check, Registry
from .markers import Marker, read_marker
from .place import marker_line

if TYPE_CHECKING:
    import pytest

THREE_WAYS = (
    "Say which model to check in one of three ways:\n"
    "  1. on the marker itself: @pytest.mark.{marker}(..., model=my_factory, input_size=(1, 3, 224, 224))\n"
    "  2. on the test, its class or its module: @pytest.mark.modelcheck(model=my_factory, input_size=...)\n"
    "  3. with fixtures named {model!r} and {inputs!r}, for example in conftest.py (other names: ini keys\n"
    "     modelcheck_model_fixture and modelcheck_inputs_fixture)"
)


@dataclass(frozen=True)
class Fixture:
    """A subject's part that a fixture gives."""

    name: str


@dataclass(frozen=True)
class Source:
    """Where a subject comes from: the merged keywords of its markers, strings that name fixtures as `Fixture`."""

    keywords: Mapping[str, Any]

    @property
    def fixtures(self) -> list[str]:
        """The fixtures it needs."""
        return [value.name for value in self.keywords.values() if isinstance(value, Fixture)]

    @property
    def label(self) -> str:
        """What to call it where no subject could be made."""
        model = self.keywords.get("name") or self.keywords["model"]
        return str(getattr(model, "name", None) or getattr(model, "__name__", None) or model)

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for sources that are one subject."""
        return tuple(
            sorted((key, repr(v) if isinstance(v, Fixture) else id(v)) for key, v in self.keywords.items())
        )


@dataclass(frozen=True)
class Demand:
    """One limit on one subject."""

    check: Check
    limit: Limit
    source: Source


@dataclass(frozen=True)
class Plan:
    """All demands of one test, and the source that its `modelcheck` fixture is bound to."""

    demands: tuple[Demand, ...] = ()
    source: Source = field(default_factory=lambda: Source({}))
    problems: tuple[str, ...] = ()


def plan_item(item: pytest.Item, registry: Registry, settings: Settings) -> Plan:
    """Read all our markers of a test, the closest first."""
    found = list(_markers(item, registry))
    problems = [f"{where}: {problem}" for marker, where in found for problem in marker.problems]
    shared = [marker.subject for marker, _ in found if marker.check is None]
    demands = [
        Demand(marker.check, limit, merge([marker.subject, *shared], settings))
        for marker, _ in found
        if marker.check is not None
        for limit in marker.limits
    ]
    return Plan(tuple(demands), merge(shared, settings), tuple(problems))


def problems_text(plans: Mapping[str, Plan]) -> str:
    """All problems of the tests (by node id), each once with the tests it concerns; empty if there is none."""
    tests: dict[str, list[str]] = {}
    for nodeid, plan in plans.items():
        for problem in plan.problems:
            tests.setdefault(problem, []).append(nodeid)
    if not tests:
        return ""
    lines = [f"  {problem}   [{_and_more(nodeids)}]" for problem, nodeids in tests.items()]
    return "\n".join(["modelcheck: markers that cannot be understood", *lines])


def _and_more(nodeids: list[str], shown: int = 3) -> str:
    rest = len(nodeids) - shown
    return ", ".join(nodeids[:shown]) + (f" and {rest} more" if rest > 0 else "")


def _markers(item: pytest.Item, registry: Registry) -> Iterable[tuple[Marker, str]]:
    seen: dict[tuple[int, str], int] = {}
    for node, mark in item.iter_markers_with_node():
        if mark.name != "modelcheck" and mark.name not in registry.names:
            continue
        count = seen[id(node), mark.name] = seen.get((id(node), mark.name), -1) + 1
        where = _where(item, node, mark.name, count)
        marker = read_marker(registry, mark.name, mark.args, mark.kwargs, where)
        if marker is not None:
            yield marker, where


def _where(item: pytest.Item, node: Any, marker: str, occurrence: int) -> str:
    path, line, _ = item.reportinfo()
    names = node.nodeid.split("::")[1:]
    if node is item and names:
        names[-1] = getattr(item, "originalname", None) or names[-1]
    number = marker_line(Path(path), ".".join(names), marker, occurrence, (line or 0) + 1)
    return f"{_relative(Path(path), item.config.rootpath)}:{number}"


def _relative(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)


def merge(layers: Iterable[Mapping[str, Any]], settings: Settings) -> Source:
    """The closest layer that says a thing wins; `inputs` and `input_size` say the same thing. Fixtures come last."""
    merged: dict[str, Any] = {}
    for layer in layers:
        taken = "inputs" in merged or "input_size" in merged
        for key, value in layer.items():
            if key in merged or (taken and key in ("inputs", "input_size")):
                continue
            merged[key] = _fixture_or_value(key, value)
    merged.setdefault("model", Fixture(settings.model_fixture))
    if "inputs" not in merged and "input_size" not in merged:
        merged["inputs"] = Fixture(settings.inputs_fixture)
    if settings.device:
        merged.setdefault("device", settings.device)
    return Source(merged)


def _fixture_or_value(key: str, value: Any) -> Any:
    is_name = key in ("model", "inputs") and isinstance(value, str) and ":" not in value
    return Fixture(value) if is_name else value


def missing_model(marker: str, name: str, settings: Settings, *, unittest: bool = False) -> SubjectError:
    """The error of a test whose model cannot be found: the three ways to say it."""
    ways = THREE_WAYS.format(marker=marker, model=settings.model_fixture, inputs=settings.inputs_fixture)
    extra = "\nMethods of unittest.TestCase cannot take fixtures: for them use the first or the second way."
    return SubjectError(
        f"{marker}: no model to check: there is no fixture {name!r} here and no marker names a model.\n"
        f"{ways}{extra if unittest else ''}"
    )
