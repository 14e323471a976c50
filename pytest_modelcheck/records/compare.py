"""What changed between two records, as plain data: pure functions that page, terminal and Markdown draw from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..checks.complexity.changes import module_changes
from ..checks.explain.changes import heatmap_changes
from ..checks.export.changes import count_changes, onnx_changes
from ..checks.structure.changes import StructurePair
from ..verdict.message import metric_title
from .load import number

Record = Mapping[str, Any]
Entry = dict[str, Any]

TOTALS = (  # figures of sections that are metrics of their own: section, key, metric, unit
    ("complexity", "macs", "macs", "MACs"),
    ("complexity", "flops", "flops", "FLOPs"),
    ("complexity", "params", "params", "parameters"),
    ("complexity", "activations", "activations", "elements"),
    ("complexity", "memory_access", "memory_access", "bytes"),
    ("memory", "total", "peak_memory", "bytes"),
)
NO_FIGURES = (  # errors and distances of one run: how far they differ says nothing
    "onnx_export",
    "heatmap",
    "complexity_snapshot",
    "structure_snapshot",
)
SLOWDOWN = "latency_regression"  # it stands for both sides by itself
TIMES = ("latency",)  # differ in each run: no change by themselves


def compare(base: Record, head: Record) -> Entry:
    """The section `changes` of a record: what differs in `head` from `base`, subject by subject.

    Subjects are the same if their names are, or if one test checks them (then `from` is the old
    name). Each has a `status`, "new", "removed", "changed" or "unchanged";
    `metrics` holds all figures both sides may have, changed or not, the lists after it only what changed.
    """
    renamed = _renamed(base, head)
    names = [s["name"] for s in head["subjects"]]
    names += [s["name"] for s in base["subjects"] if s["name"] not in [*names, *renamed.values()]]
    return {
        "base": _about(base),
        "head": _about(head),
        "environment": _environment(base, head),
        "subjects": [_subject(name, renamed.get(name, name), base, head) for name in names],
    }


def regressions(changes: Mapping[str, Any], limits: Mapping[str, float]) -> list[Entry]:
    """The metrics in `changes` that rose by more than their limit, a share: `{"macs": 0.02}`.

    A metric with options is found under its metric's name and under its title ("FLOPs (backward)").
    """
    return [
        row
        for row in _limited(changes, limits)
        if rises_above(row["base"], row["head"], row["max_regression"])
    ]


def ungated(changes: Mapping[str, Any], limits: Mapping[str, float]) -> list[Entry]:
    """The metrics that have a limit, but only one side to compare: of new or removed subjects, and unmeasured ones."""
    return [row for row in _limited(changes, limits) if row["base"] is None or row["head"] is None]


def _limited(changes: Mapping[str, Any], limits: Mapping[str, float]) -> Iterator[Entry]:
    for subject in changes["subjects"]:
        for row in subject["metrics"]:
            limit = min((limits[key] for key in (row["metric"], row["title"]) if key in limits), default=None)
            if limit is not None:
                yield {"subject": subject["name"], **row, "max_regression": limit}


def rises_above(base: float | None, head: float | None, limit: float) -> bool:
    """Whether `head` lies more than the share `limit` above `base`; False where one of them is missing."""
    return base is not None and head is not None and head > base * (1 + limit)


def metrics_of(record: Record, subject: str) -> dict[tuple[str, str], Entry]:
    """All figures of a subject by metric and title: its sections' totals, and the values of its checks."""
    found: dict[tuple[str, str], Entry] = {}
    entry = _entry(record, subject) or {}
    for name, key, metric, unit in TOTALS:
        section = _forward(entry.get(name, {}))
        value = number(section.get(key))
        if value is not None:
            title = metric_title(metric, {"phase": section.get("phase")})
            found[metric, title] = {"metric": metric, "title": title, "unit": unit, "value": value}
    for check in record["checks"]:
        value = number(check["value"])
        if check["subject"] == subject and check["metric"] not in NO_FIGURES and value is not None:
            facts = {"metric": check["metric"], "title": check["title"], "unit": check["unit"]}
            found.setdefault((check["metric"], check["title"]), {**facts, "value": value})
    return found


def _forward(section: Any) -> Record:
    """Of a section that is a list, what it says about a forward call."""
    if isinstance(section, list):
        return next((item for item in section if item.get("phase") in (None, "forward")), {})
    return dict(section)


def _about(record: Record) -> Entry:
    return {"commit": record["environment"].get("commit", ""), "created": record["created"]}


def _environment(base: Record, head: Record) -> list[Entry]:
    """What differs between the two runs apart from the sources: a torch version, the machine."""
    left, right = base["environment"], head["environment"]
    names = [name for name in dict.fromkeys([*left, *right]) if name != "commit"]
    rows = [{"name": name, "base": left.get(name, ""), "head": right.get(name, "")} for name in names]
    return [row for row in rows if row["base"] != row["head"]]


def _renamed(base: Record, head: Record) -> dict[str, str]:
    """New name -> old name of subjects that have no namesake on the other side, but a test in common."""
    left, right = ({s["name"]: s for s in side["subjects"]} for side in (base, head))
    found: dict[str, str] = {}
    for name in right.keys() - left.keys():
        tests = set(right[name]["nodeids"])
        twins = [
            n for n in left if n not in right and tests & set(left[n]["nodeids"]) and n not in found.values()
        ]
        if len(twins) == 1:
            found[name] = twins[0]
    return found


def _subject(name: str, before: str, base: Record, head: Record) -> Entry:
    old, new = _entry(base, before), _entry(head, name)
    metrics = _metrics(before, name, base, head)
    if old is None or new is None:
        return {"name": name, "status": "new" if old is None else "removed", "metrics": metrics}
    parts = {key: part for key, part in _parts(old, new).items() if part}
    parts |= {"from": before} if before != name else {}
    slowdowns = [row for check in head["checks"] if check["subject"] == name for row in _slowdown(check)]
    parts |= {"slowdowns": slowdowns} if slowdowns else {}
    moved = any(row["moved"] for key in ("heatmaps", "slowdowns") for row in parts.get(key, ()))
    other = any(row["base"] != row["head"] for row in metrics if row["metric"] not in TIMES)
    changed = moved or parts.keys() - {"heatmaps", "slowdowns"} or other
    return {"name": name, "status": "changed" if changed else "unchanged", "metrics": metrics, **parts}


def _slowdown(check: Record) -> Iterator[Entry]:
    """What a comparison of both revisions in turns found; `moved` where its interval excludes that they are equal.

    `latency_against`, which compares with another model, has no protocol.
    """
    value = number(check["value"])
    if check["metric"] == SLOWDOWN and value is not None and check.get("protocol"):
        low, high = (number(end) for end in check.get("interval") or (None, None))
        moved = (low is not None and low > 0) or (high is not None and high < 0)
        yield {"title": check["title"], "value": value, "interval": [low, high], "moved": moved}


def _parts(old: Record, new: Record) -> Entry:
    """What differs, part by part; of the heatmaps also what did not move."""
    structure = StructurePair(old, new)
    return {
        "structure": structure.rows,
        "graph": structure.graph,
        "modules": module_changes(old, new, structure.paths),
        "operators": operator_changes(old, new),
        "onnx": onnx_changes(old, new),
        "heatmaps": heatmap_changes(old, new, structure.paths),
        "weights": weights_changes(old, new, structure.paths),
    }


def pictures(base: Record, head: Record, changes: Record) -> dict[str, Entry]:
    """Base and head in one graph, by subject: what the section `structure` of the head holds as `diff`."""
    found = {}
    for subject in changes["subjects"]:
        if subject.get("structure") or subject.get("graph"):
            old, new = _entry(base, subject.get("from", subject["name"])), _entry(head, subject["name"])
            assert old is not None
            assert new is not None
            found[subject["name"]] = StructurePair(old, new).picture
    return found


def _entry(record: Record, name: str) -> Record | None:
    return next((entry for entry in record["subjects"] if entry["name"] == name), None)


def _metrics(before: str, name: str, base: Record, head: Record) -> list[Entry]:
    old, new = metrics_of(base, before), metrics_of(head, name)
    rows = []
    for key in dict.fromkeys([*new, *old]):
        if key[0] == SLOWDOWN:
            continue
        facts = {k: (new.get(key) or old[key])[k] for k in ("metric", "title", "unit")}
        values = {"base": old.get(key, {}).get("value"), "head": new.get(key, {}).get("value")}
        rows.append({**facts, **values, "share": share(values["base"], values["head"])})
    return rows


def share(base: float | None, head: float | None) -> float | None:
    """How far `head` lies above `base`, as a share of it; None where that has no meaning."""
    return head / base - 1 if base and head is not None else None


def weights_changes(old: Record, new: Record, paths: Mapping[str, str]) -> Entry:
    """How many tensors hold other values, and which of them moved most (by the L2 norm); shapes are structure.

    `paths`: old name -> new name of modules.
    """
    left, right = ({t["name"]: t for t in side.get("weights", {}).get("tensors", [])} for side in (old, new))
    names = {_renamed_tensor(name, paths): name for name in left}
    both = [(name, left[names[name]], tensor) for name, tensor in right.items() if name in names]
    figures = ("mean", "std", "min", "max", "l2")
    moved = [
        {"tensor": name, "base": number(a.get("l2")), "head": number(b.get("l2"))}
        for name, a, b in both
        if a.get("shape") == b.get("shape") and any(a.get(key) != b.get(key) for key in figures)
    ]
    ranked = sorted(moved, key=lambda row: -abs(share(row["base"], row["head"]) or 0))
    return {"changed": len(moved), "of": len(both), "tensors": ranked[:20]} if moved else {}


def _renamed_tensor(name: str, paths: Mapping[str, str]) -> str:
    module, _, own = name.rpartition(".")
    module = paths.get(module, module)
    return f"{module}.{own}" if module else own


def operator_changes(old: Record, new: Record) -> list[Entry]:
    """Operators that run more or less often than at the base."""
    left, right = (
        {o["name"]: o.get("calls", 0) for o in side.get("complexity", {}).get("operators", [])}
        for side in (old, new)
    )
    return count_changes(left, right)
