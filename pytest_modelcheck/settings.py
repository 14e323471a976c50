"""Settings: everything that options and ini keys say, parsed once."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

LARGEST = 2**40  # values of an input


class InputSize(NamedTuple):
    """The shapes of a model's inputs, and their dtypes (None: floating-point numbers as usual)."""

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str | None, ...]

    def __str__(self) -> str:
        return ", ".join("x".join(map(str, shape)) for shape in self.shapes)

    @property
    def keywords(self) -> dict[str, object]:
        """As markers say it; nothing where the model has inputs of its own."""
        if not self.shapes:
            return {}
        alone = len(self.shapes) == 1
        size = {"input_size": self.shapes[0] if alone else self.shapes}
        return {**size, "dtype": self.dtypes[0] if alone else self.dtypes} if any(self.dtypes) else {**size}


class Settings(NamedTuple):
    """The run's configuration; each field is the option `--modelcheck-<field>` or the ini key `modelcheck_<field>`, but
    `root`, which is pytest's rootdir.
    """

    report: bool = False
    output: Path = Path("modelcheck-report")
    strict: bool = False
    model: tuple[str, ...] = ()
    input_size: tuple[InputSize, ...] = ()  # one for each model, or one for all
    device: str | None = None
    threads: int | None = None
    base: str | None = None
    base_report: Path | None = None
    base_timeout: float = 1800.0
    github: str = "auto"
    model_fixture: str = "model"
    inputs_fixture: str = "example_inputs"
    strict_operators: bool = False
    heatmaps: str = "auto"
    classes: tuple[str, ...] = ()  # names, by index
    onnx_keep: float = 10e6  # bytes
    only: tuple[str, ...] | None = None
    off: bool = False
    update_budgets: bool = False
    tighten_budgets: bool = False
    margin: float = 0.1  # share by which a written limit lies beyond what each run measures anew
    root: Path = Path()

    def left_out(self, *names: str) -> str:
        """Why a check that goes by these names does not run; "" where it does."""
        if self.off:
            return "left out by --modelcheck-off"
        if self.only is None or set(names) & set(self.only):
            return ""
        return f"left out by --modelcheck-only={','.join(self.only)}"

    @property
    def updates(self) -> bool:
        """Whether limits are written into the source."""
        return self.update_budgets or self.tighten_budgets

    @property
    def deciding(self) -> list[str]:
        """The options without which a relative limit, or an undecided check, would not fail."""
        options = [f"--modelcheck-base={self.base}"] if self.base else []
        options += [f"--modelcheck-base-report={self.base_report}"] if self.base_report else []
        return options + (["--modelcheck-strict"] if self.strict else [])


def parse_names(text: str) -> tuple[str, ...]:
    """`"flops,structure"`. Raises ValueError."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ValueError("a name is empty")
    return names


def parse_input_size(text: str) -> InputSize:
    """`"1,3,224,224"`; for several inputs `"1,3,224,224;1,10"`, of another dtype `"1,16:long"`; "" for the model's own.

    Raises ValueError.
    """
    parts = [part.partition(":") for part in text.split(";")] if text.strip() else []
    shapes = tuple(tuple(int(size) for size in shape.split(",")) for shape, _, _ in parts)
    if any(size < 0 for shape in shapes for size in shape):
        raise ValueError("a size cannot be negative")
    if any(math.prod(shape) > LARGEST for shape in shapes):
        raise ValueError(f"no tensor has more than {LARGEST:,} values")
    return InputSize(shapes, tuple(dtype.strip() or None for _, _, dtype in parts))
