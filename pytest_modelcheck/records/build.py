"""The record: the result of a run as plain, versioned JSON. What workers send, and what report.json holds."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..verdict.judge import Verdict
from ..verdict.message import explain, metric_title, value_text

if TYPE_CHECKING:
    from ..model.subject import Subject

SCHEMA_VERSION = 1
SHOWN = 10  # modules of a check
PACKAGES = (
    "pytest-modelcheck",
    "torch",
    "torchvision",
    "numpy",
    "pillow",
    "pytest",
    "pytest-xdist",
    "syrupy",
)


def plain(value: Any) -> Any:
    """`value` as JSON holds it: numbers of numpy unwrapped, NaN and infinities as strings, keys as strings."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def check_entry(nodeid: str, verdict: Verdict) -> dict[str, Any]:
    """A verdict as an entry of `checks`."""
    limit, measurement = verdict.limit, verdict.measurement
    return {
        "nodeid": nodeid,
        "subject": verdict.subject,
        "metric": limit.metric,
        "title": metric_title(limit.metric, limit.options),
        "value": measurement.value if measurement else None,
        "unit": limit.unit.noun,
        "limit": _decisive(verdict),
        "max": limit.max,
        "min": limit.min,
        "max_regression": limit.max_regression,
        "base": verdict.base,
        "level": limit.level,
        "interval": list(measurement.interval) if measurement and measurement.interval else None,
        "outcome": verdict.outcome.value,
        "message": explain(verdict),
        "reason": verdict.reason,
        "caveat": measurement.caveat if measurement else "",
        "protocol": measurement.protocol if measurement else "",
        "contributors": _contributors(verdict),
        "modules": _modules(verdict),
        "changes": [{"module": c.module, "base": c.base, "value": c.value} for c in verdict.changes[:10]],
        "options": dict(limit.options),
        "where": limit.where,
        "value_text": value_text(measurement, verdict),
        "limit_text": str(limit),
        "headroom": verdict.headroom,
    }


def _decisive(verdict: Verdict) -> float | None:
    if verdict.bound is not None:
        return verdict.bound
    return verdict.limit.max if verdict.limit.max is not None else verdict.limit.min


def _contributors(verdict: Verdict) -> list[dict[str, Any]]:
    measurement = verdict.measurement
    if measurement is None:
        return []
    total = measurement.value or 1
    return [
        {"module": c.module, "value": c.value, "share": c.value / total}
        for c in measurement.contributors[:SHOWN]
        if c.value
    ]


def _modules(verdict: Verdict) -> list[dict[str, Any]] | None:
    """All parts, for a later run to compare with; None where `contributors` has them all."""
    parts = verdict.measurement.contributors if verdict.measurement else ()
    if len(parts) <= SHOWN:
        return None
    return [{"module": c.module, "value": c.value} for c in parts]


HEAD = (
    "name",
    "type",
    "inputs",
    "training",
    "signature",
    "nodeids",
)  # of a subject's entry; the rest are sections


def subject_entry(subject: Subject) -> dict[str, Any]:
    """The head of a subject's entry; the sections of the check folders are added to it."""
    module = subject.architecture
    return {
        "name": subject.name,
        "type": type(module).__name__,
        "inputs": str(subject.inputs).split(", ") if subject.inputs else [],
        "training": module.training,
        "signature": _signature(subject),
    }


def _signature(subject: Subject) -> str:
    """Equal for the same architecture and inputs: two tests of one model are one subject."""
    module = subject.architecture
    tensors = [*module.named_parameters(), *module.named_buffers()]
    facts = [subject.name, type(module).__qualname__, str(subject.inputs)]
    facts += [f"{name}{tuple(tensor.shape)}" for name, tensor in tensors]
    return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class RunRecord:
    """Collects what the tests report, on the process that writes the report, and builds the record of the run."""

    def __init__(self) -> None:
        self.started = time.time()
        self.tests: dict[str, dict[str, list[Any]]] = {}
        self.outcomes: dict[str, str] = {}
        self.lost: list[str] = []
        self.environment: dict[str, str] = {}

    def log(self, nodeid: str, when: str, status: str, part: str | None) -> None:
        """Take one phase of a test: its status as pytest names it, and the JSON that came with its report."""
        if when == "setup":  # with reruns only the last attempt counts
            self.tests.pop(nodeid, None)
            self.outcomes.pop(nodeid, None)
        if when == "???":  # xdist's word for a test whose worker died
            self.lost.append(nodeid)
        if status and self.outcomes.get(nodeid) not in ("failed", "error"):
            self.outcomes[nodeid] = status
        if part:
            self.add(nodeid, json.loads(part))

    def add(self, nodeid: str, part: Mapping[str, Any]) -> None:
        """Add what one phase of a test reported."""
        test = self.tests.setdefault(nodeid, {})
        self.environment.update(part.get("environment", {}))
        for key in ("subjects", "checks", "panels", "waited"):
            test.setdefault(key, []).extend(part.get(key, []))

    @property
    def checks(self) -> list[dict[str, Any]]:
        """All checks, in the order in which the tests were reported."""
        return [check for test in self.tests.values() for check in test["checks"]]

    @property
    def waited(self) -> float:
        """Seconds that timed checks of all tests waited for each other."""
        return float(sum(sum(test["waited"]) for test in self.tests.values()))

    def build(self, exit_status: int, root: Path, *, interrupted: bool = False) -> dict[str, Any]:
        """The whole record."""
        subjects = SubjectTable()
        tests = {nodeid: self.tests[nodeid] for nodeid in sorted(self.tests)}
        for nodeid, test in tests.items():
            names = {entry["name"]: subjects.add([nodeid], entry) for entry in test["subjects"]}
            for entry in (*test["checks"], *test["panels"]):
                entry["subject"] = names.get(entry["subject"], entry["subject"])
        counts: dict[str, int] = {}
        for outcome in self.outcomes.values():
            counts[outcome] = counts.get(outcome, 0) + 1
        run = {
            "exit_status": exit_status,
            "interrupted": interrupted,
            "seconds": round(time.time() - self.started, 3),
            "tests": counts,
            "no_result": self.lost,
            "waited": round(self.waited, 3),
        }
        return {
            "schema_version": SCHEMA_VERSION,
            "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "environment": {**environment(root), **self.environment},
            "run": run,
            "subjects": subjects.entries,
            "checks": [check for test in tests.values() for check in test["checks"]],
            "panels": [panel for test in tests.values() for panel in test["panels"]],
        }


class SubjectTable:
    """Subjects of all tests: the same model is one, another model of the same name is called "name (2)"."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.by_signature: dict[str, dict[str, Any]] = {}

    def add(self, nodeids: Iterable[str], entry: Mapping[str, Any]) -> str:
        """Add the entry as `nodeids` report it; return the name under which the record has it."""
        known = self.by_signature.get(entry["signature"])
        if known is None:
            known = self.by_signature[entry["signature"]] = {
                **entry,
                "name": self._free(entry["name"]),
                "nodeids": [],
            }
            self.entries.append(known)
        elif known is not entry:
            _merge_sections(known, entry)
        known["nodeids"] += [nodeid for nodeid in nodeids if nodeid not in known["nodeids"]]
        return str(known["name"])

    def _free(self, name: str) -> str:
        taken = {entry["name"] for entry in self.entries}
        names: Iterable[str] = (name, *(f"{name} ({n})" for n in range(2, len(taken) + 3)))
        return next(candidate for candidate in names if candidate not in taken)


def _merge_sections(known: dict[str, Any], entry: Mapping[str, Any]) -> None:
    """Keep the first description of a subject, add what it lacks; sections that are lists grow by what is new."""
    for key, section in entry.items():
        if key not in known:
            known[key] = section
        elif isinstance(section, list) and key not in HEAD:
            have = known[key] if isinstance(known[key], list) else []
            known[key] = have + [item for item in section if item not in have]


def to_json(record: Mapping[str, Any]) -> str:
    """The record as ASCII JSON that every parser reads (no NaN)."""
    return json.dumps(plain(record), ensure_ascii=True, allow_nan=False)


def environment(root: Path) -> dict[str, str]:
    """Versions, machine and commit. Imports nothing heavy."""
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "CPUs": str(os.cpu_count()),
    }
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    commit = os.environ.get("GITHUB_SHA") or _git_commit(root)
    return {**found, **({"commit": commit} if commit else {})}


def torch_environment() -> dict[str, str]:
    """What only a process that has torch loaded can tell."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    facts = {"torch threads": str(torch.get_num_threads())}
    if torch.cuda.is_initialized():
        facts["CUDA device"] = torch.cuda.get_device_name()
    return facts


def _git_commit(root: Path) -> str:
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
