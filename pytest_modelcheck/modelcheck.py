"""ModelCheck: the public handle. The fixture `modelcheck` is one; in a notebook or script it works alone."""

from __future__ import annotations

from .checks.compile.methods import CompileMethods
from .checks.complexity.methods import ComplexityMethods
from .checks.explain.methods import ExplainMethods
from .checks.export.methods import ExportMethods
from .checks.latency.methods import LatencyMethods
from .checks.memory.methods import MemoryMethods
from .checks.outputs.methods import OutputsMethods
from .checks.profiler.methods import ProfilerMethods
from .checks.structure.methods import StructureMethods
from .checks.weights.methods import WeightsMethods


class ModelCheck(
    ComplexityMethods,
    LatencyMethods,
    ProfilerMethods,
    MemoryMethods,
    StructureMethods,
    ExportMethods,
    CompileMethods,
    WeightsMethods,
    ExplainMethods,
    OutputsMethods,
):
    """All measurements of one model on one set of example inputs. Nothing they do changes the model.

    `model`: an nn.Module, a callable that returns one, or a spec ("package.module:factory", "torchvision:resnet18").
    `inputs`: a tensor, a tuple of positional arguments, a mapping of keyword arguments, or a callable that returns
    one of these. `input_size`: instead, one shape or a list of shapes (random normal from a fixed seed, of `dtype`).
    Raises SubjectError if these give no model or contradict each other.
    """
