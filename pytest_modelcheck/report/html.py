"""The record as one self-contained page. It draws what the record holds, and computes nothing but pictures."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from importlib import resources
from typing import Any

from ..checks.latency.strip import strip_plot
from ..checks.memory.timeline import timeline_plot
from ..drawing.plots import line_plot
from ..records.build import HEAD
from ..text import printable
from ..verdict.units import BYTES, FLOPS, MACS, PARAMS, SECONDS
from .text import (
    SYMBOLS,
    amount,
    by_module,
    change,
    differing,
    graph_words,
    headroom_text,
    heatmap_words,
    onnx_words,
    shown_outcome,
    slowdown_words,
    weights_words,
)

CEILING = 5_000_000  # bytes; beyond it panels are thinned, and the page says so
ORDER = (
    "heatmaps",
    "deconvnet",
    "faithfulness",
    "invariance",
    "evolution",
    "latency",
    "profile",
    "complexity",
    "memory",
    "structure",
    "autograd",
    "onnx",
    "weights",
    "weight_changes",
)  # of panels; sections without one of theirs follow
SCRIPTS = ("tables.js", "viewer.js", "maps.js")
STYLES = ("page.css", "viewer.css", "plots.css")
_SEVERITY = ("error", "fail", "inconclusive", "warn", "not gated", "pass")


def render(record: Mapping[str, Any]) -> str:
    """The page for a record; every name in it is escaped, and its only script is the one its policy names."""
    page = _render(record, thin=False)
    return page if len(page.encode("utf-8", "replace")) <= CEILING else _render(record, thin=True)


def _render(record: Mapping[str, Any], *, thin: bool) -> str:
    script = '"use strict";\n' + "".join(f"{{\n{_asset(name)}}}\n" for name in SCRIPTS)  # a scope for each
    style = "".join(map(_asset, STYLES))
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            record=record,
            subjects=[_subject(entry, record) for entry in record["subjects"]],
            orphans=_orphans(record),
            failures=[c for c in record["checks"] if shown_outcome(c) in ("fail", "error")],
            outcomes=_outcomes(record["checks"]),
            script=script,
            style=style,
            script_hash=f"sha256-{digest}",
            thin=thin,
        )
    )


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


@functools.cache
def _environment() -> Any:
    import jinja2
    import markupsafe

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pytest_modelcheck.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "macs": MACS.format,
        "flops": FLOPS.format,
        "bytes": BYTES.format,
        "count": PARAMS.format,
        "headroom": headroom_text,
        "amount": lambda value, unit: amount(unit, value),
        "change": change,
        "figures": differing,
        "by_module": by_module,
        "graph_words": graph_words,
        "heatmap_words": heatmap_words,
        "slowdown_words": slowdown_words,
        "onnx_words": onnx_words,
        "weights_words": weights_words,
        "shape": lambda shape: "×".join(map(str, shape)) if shape is not None else "–",
        "number": lambda value: f"{value:.4g}" if isinstance(value, (int, float)) else str(value),
        "percent": lambda value: f"{value * 100:.1f} %",
        "nested": _nested,
        "line": lambda value: printable(str(value)),
        "histogram": _histogram_path,
        "outcome": shown_outcome,
        "symbol": lambda outcome: SYMBOLS.get(outcome, ""),
        "slug": _slug,
        "diagram": _diagram,
        "autograd_diagram": _autograd_diagram,
        "seconds": lambda value: "–" if isinstance(value, str) else SECONDS.format(value),
        "signed": lambda share: "?" if isinstance(share, str) else f"{share * 100:+.3g} %",
        "latency_strip": _latency_strip,
        "memory_timeline": _memory_timeline,
        "per_sample": _per_sample,
    }
    environment.globals["plot"] = lambda *args, **options: markupsafe.Markup(line_plot(*args, **options))
    return environment


def _outcomes(checks: list[dict[str, Any]]) -> list[tuple[str, int]]:
    counts = Counter(shown_outcome(check) for check in checks)
    return [(outcome, counts[outcome]) for outcome in _SEVERITY if counts[outcome]]


def _subject(entry: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """A subject with what belongs to it from the whole record."""
    checks = [c for c in record["checks"] if c["subject"] == entry["name"]]
    return {
        **entry,
        "id": _slug(entry["name"]),
        "checks": sorted(checks, key=lambda c: _SEVERITY.index(shown_outcome(c))),
        "panels": [p for p in record["panels"] if p["subject"] == entry["name"]],
        "sections": [(name, _template(name), entry[name]) for name in _section_names(entry)],
    }


def _section_names(entry: Mapping[str, Any]) -> list[str]:
    names = [name for name in entry if name not in HEAD]
    return sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


def _template(section: str) -> str | None:
    """The template of a section's panel; None: it has none, and is shown as it is."""
    return f"panels/{section}.html.j2" if section in ORDER else None


def _orphans(record: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Checks and panels whose subject was never found."""
    names = {entry["name"] for entry in record["subjects"]}
    return {
        key: [item for item in record[key] if item["subject"] not in names] for key in ("checks", "panels")
    }


def _nested(modules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The flat module list as a tree: each node a copy with its `children`."""
    nodes = {m["name"]: {**m, "children": []} for m in modules}
    roots: list[dict[str, Any]] = []
    for name, node in nodes.items():
        parent = nodes.get(name.rpartition(".")[0]) if name else None
        (parent["children"] if parent is not None else roots).append(node)
    return roots


def _histogram_path(histogram: Mapping[str, Any], width: int = 128, height: int = 24) -> str:
    """An SVG path of the counts, as steps."""
    counts = histogram["counts"]
    top = max(counts, default=0) or 1
    step = width / max(len(counts), 1)
    steps = [f"V{height - round(count / top * height)}h{step:g}" for count in counts]
    return f"M0 {height}{''.join(steps)}V{height}z"


def _diagram(subject: Mapping[str, Any]) -> Any:
    """What the structure viewer draws from, as JSON that cannot end its script element; None without a graph."""
    from ..checks.structure.diagram import payload

    modules = subject.get("complexity", {}).get("modules", [])
    return _embedded(payload(subject["structure"], {m["name"]: m["macs"] for m in modules}))


def _autograd_diagram(autograd: Mapping[str, Any], subject: Mapping[str, Any]) -> Any:
    """The same for autograd's graph, its boxes named by the modules."""
    from ..checks.structure.diagram import payload

    modules = subject.get("structure", {}).get("modules", [])
    return _embedded(payload({"graph": autograd["graph"], "modules": modules}, {}))


def _embedded(made: Any) -> Any:
    from markupsafe import Markup

    if made is None:
        return None
    text = json.dumps(made, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _latency_strip(latency: Mapping[str, Any], checks: list[dict[str, Any]]) -> Any:
    """The samples, the interval, and the limit where a check of the same statistic and phase has one."""
    from markupsafe import Markup

    def same(check: Mapping[str, Any]) -> bool:
        options = check["options"]
        return check["metric"] == "latency" and all(
            options.get(key, latency[key]) == latency[key] for key in ("statistic", "phase")
        )

    limit = next((c["max"] for c in checks if same(c) and c.get("max") is not None), None)
    low, high = latency[latency["statistic"]]["interval"]
    samples = latency["samples"]
    ends = (
        low,
        high if isinstance(high, (int, float)) else max(samples),
    )  # too few samples: it has no upper end
    return Markup(strip_plot(samples, ends, limit, SECONDS.format, "latency"))


def _memory_timeline(memory: Mapping[str, Any]) -> Any:
    """The bytes alive over the phase, and its worst moment."""
    from markupsafe import Markup

    peak = memory["peak_operator"], memory["total"]
    stays = memory["parameters"] + memory["inputs"] + memory["optimizer_state"]
    parts, end = memory["parts"], memory["operators"]
    plot = timeline_plot(
        memory["timeline"], peak, stays, parts, end, BYTES.format, printable(memory["where"])
    )
    return Markup(plot)


def _per_sample(rows: list[list[float]], targets: list[str], most: int = 8) -> dict[str, list[float]]:
    """Lines of a plot from rows of one value per sample; with many samples, the mean and the extremes."""
    columns = list(zip(*rows, strict=True))
    if len(columns) <= most:
        return {f"input {i}, class {targets[i]}": list(column) for i, column in enumerate(columns)}
    return {
        "mean": [sum(row) / len(row) for row in rows],
        "lowest": [min(row) for row in rows],
        "highest": [max(row) for row in rows],
    }


def _slug(name: str) -> str:
    """An id for links that no name can break."""
    return "s" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
