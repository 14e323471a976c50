"""The panel of latency: samples, interval and limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...drawing.panel import Panel
from ...verdict.units import SECONDS
from .metrics import LATENCY

if TYPE_CHECKING:
    from markupsafe import Markup


def _strip(latency: Mapping[str, Any], checks: Sequence[Mapping[str, Any]]) -> Markup:
    """The samples, the interval, and the limit where a check of the same statistic and phase has one."""
    from markupsafe import Markup

    from .strip import strip_plot

    def same(check: Mapping[str, Any]) -> bool:
        options = check["options"]
        return check["metric"] == LATENCY.name and all(
            options.get(key, latency[key]) == latency[key] for key in ("statistic", "phase")
        )

    limit = next((c["max"] for c in checks if same(c) and c.get("max") is not None), None)
    low, high = latency[latency["statistic"]]["interval"]
    samples = latency["samples"]
    # with too few samples the interval has no upper end
    ends = (low, high if isinstance(high, (int, float)) else max(samples))
    return Markup(strip_plot(samples, ends, limit, SECONDS.format, "latency"))


PANEL = Panel(__package__, "panel.html.j2", functions=lambda: {"strip": _strip}, style="panel.css")
