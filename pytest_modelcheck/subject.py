"""Subject: a model, its example inputs, how to call it, its name. Factories and specs are resolved here."""

from __future__ import annotations

import copy
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from .errors import MissingExtraError, ModelCheckError, ModelRunError, SubjectError

INPUT_SEED = 0


@dataclass(frozen=True)
class Inputs:
    """The arguments of one forward call."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any) -> Inputs:
        """Read `value` as the contract says: a tuple is positional, a mapping is keywords, all else one argument."""
        if isinstance(value, Inputs):
            return value
        if isinstance(value, tuple) and not hasattr(value, "_fields"):
            return cls(value)
        if isinstance(value, Mapping):
            return cls((), dict(value))
        return cls((value,))

    @classmethod
    def random(cls, sizes: Sequence[Any], dtype: Any = None, device: Any = None) -> Inputs:
        """Random normal tensors of the given shape(s), from a fixed seed; integer dtypes get zeros and ones."""
        generator = torch.Generator().manual_seed(INPUT_SEED)
        shapes = [tuple(sizes)] if _is_shape(sizes) else [tuple(shape) for shape in sizes]
        resolved = _dtype(dtype)
        return cls(tuple(_random_tensor(shape, resolved, generator).to(device) for shape in shapes))

    def to(self, device: torch.device) -> Inputs:
        """The same inputs with their tensors on `device`."""
        return self.map(lambda leaf: leaf.to(device) if isinstance(leaf, Tensor) else leaf)

    def map(self, function: Callable[[Any], Any]) -> Inputs:
        """Apply `function` to every leaf of the (nested) arguments."""
        return Inputs(tree_map(function, self.args), tree_map(function, dict(self.kwargs)))

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors, in order, however deeply nested."""
        return [leaf for leaf in tree_leaves((self.args, dict(self.kwargs))) if isinstance(leaf, Tensor)]

    def __str__(self) -> str:
        return ", ".join(f"{'x'.join(map(str, t.shape)) or 'scalar'} {dtype_name(t)}" for t in self.tensors)


def _is_shape(sizes: Sequence[Any]) -> bool:
    return all(isinstance(size, int) for size in sizes)


def _random_tensor(shape: tuple[int, ...], dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(shape, generator=generator).to(dtype)
    return torch.randint(0, 2, shape, generator=generator).to(dtype)


def _dtype(dtype: Any) -> torch.dtype:
    if dtype is None:
        return torch.float32
    resolved = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if not isinstance(resolved, torch.dtype):
        raise SubjectError(f"dtype={dtype!r} is not a torch dtype; write for example dtype=torch.float16")
    return resolved


def dtype_name(tensor: Tensor) -> str:
    """`float32` for torch.float32."""
    return str(tensor.dtype).removeprefix("torch.")


@dataclass
class Subject:
    """What is checked: `name`, the user's `model` as given, and its `inputs` (None while nobody gave any)."""

    name: str
    model: nn.Module
    inputs: Inputs | None = None

    @property
    def module(self) -> nn.Module:
        """The model without wrappers of torch's own (torch.compile, DataParallel): names match the user's source."""
        return unwrap(self.model)

    @property
    def device(self) -> torch.device:
        """Where the model's first tensor lives (cpu for a model without tensors)."""
        for tensor in [*self.module.parameters(), *self.module.buffers()]:
            return tensor.device
        return torch.device("cpu")

    def require_inputs(self) -> Inputs:
        """The inputs, or an error that lists the ways to give them."""
        if self.inputs is None:
            raise SubjectError(
                f"{self.name}: this check runs the model, but no example inputs were given.\n"
                "Give them in one of three ways:\n"
                "  - input_size=(1, 3, 224, 224) or inputs=... on the marker;\n"
                "  - @pytest.mark.modelcheck(input_size=...) on the test, its class or its module;\n"
                "  - a fixture named 'example_inputs' (ini key modelcheck_inputs_fixture)."
            )
        return self.inputs

    def run(self, inputs: Inputs | None = None) -> Any:
        """One forward call of the unwrapped module.

        Raises ModelRunError, caused by the model's own exception and naming the innermost module and the shapes.
        """
        given = inputs or self.require_inputs()
        with locate_failure(self, given):
            return self.module(*given.args, **given.kwargs)


class locate_failure:
    """Turn an exception of the model into a ModelRunError that says in which module it happened."""

    def __init__(self, subject: Subject, inputs: Inputs) -> None:
        self.subject, self.inputs = subject, inputs

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if not isinstance(error, Exception) or isinstance(error, ModelCheckError):
            return
        names = {id(module): name for name, module in self.subject.module.named_modules()}
        where = _innermost_module(traceback, names)
        raise ModelRunError(
            f"{self.subject.name} raised {type(error).__name__} in its forward"
            f"{f', in module {where!r}' if where else ''}: {error}\n"
            f"inputs passed: {self.inputs or 'none'}"
        ) from error


def _innermost_module(traceback: Any, names: Mapping[int, str]) -> str:
    found = ""
    while traceback is not None:
        owner = traceback.tb_frame.f_locals.get("self")
        found = names.get(id(owner), found)
        traceback = traceback.tb_next
    return found


def unwrap(model: nn.Module) -> nn.Module:
    """Take off torch.compile and (Distributed)DataParallel wrappers."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and type(model).__name__ in ("DataParallel", "DistributedDataParallel"):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def build_subject(
    model: Any,
    inputs: Any = None,
    *,
    input_size: Any = None,
    dtype: Any = None,
    device: Any = None,
    name: str | None = None,
) -> Subject:
    """Make a Subject from what a user may write.

    `model`: an nn.Module, a callable that returns one, or a spec ("package.module:factory", "torchvision:NAME",
    "timm:NAME"). `inputs`: a tensor, a tuple of positional or a mapping of keyword arguments, or a callable that
    returns one of these. `input_size`: one shape or a list of shapes. Raises SubjectError.
    """
    module = _on_device(build_model(model), model, device)
    subject = Subject(name or model_name(model, module), module)
    if inputs is not None and input_size is not None:
        raise SubjectError(f"{subject.name}: give inputs= or input_size=, not both")
    if input_size is not None:
        subject.inputs = Inputs.random(_checked_size(input_size), dtype, subject.device)
    elif inputs is not None:
        made = inputs() if callable(inputs) and not isinstance(inputs, Tensor) else inputs
        subject.inputs = Inputs.of(made).to(subject.device)
    return subject


def _checked_size(size: Any) -> Sequence[Any]:
    def is_shape(shape: Any) -> bool:
        return isinstance(shape, Sequence) and all(type(n) is int and n >= 0 for n in shape)

    good = is_shape(size) or (isinstance(size, Sequence) and size and all(is_shape(shape) for shape in size))
    if not good:
        raise SubjectError(f"input_size={size!r}: write one shape, (1, 3, 224, 224), or a list of shapes")
    return size


def build_model(model: Any) -> nn.Module:
    """The nn.Module that `model` is, returns, or names."""
    if isinstance(model, nn.Module):
        built: Any = model
    elif isinstance(model, str):
        built = _from_spec(model)
    elif callable(model):
        built = model()
    else:
        built = model
    if not isinstance(built, nn.Module):
        raise SubjectError(
            f"model={_short(model)} gave a {type(built).__name__}, not an nn.Module.\n"
            "Give an nn.Module, a callable that returns one, or an import string 'package.module:factory'."
        )
    return built


def _on_device(module: nn.Module, given: Any, device: Any) -> nn.Module:
    """Move a model to `device`; one that the user owns is copied first, since a check changes nothing."""
    if device is None:
        return module
    wanted = torch.device(device)
    if wanted.type == "cuda" and not torch.cuda.is_available():
        raise SubjectError(f"device={device!r} was asked for, but this torch sees no CUDA device")
    tensors = [*module.parameters(), *module.buffers()]
    if all(t.device.type == wanted.type and wanted.index in (None, t.device.index) for t in tensors):
        return module
    return (copy.deepcopy(module) if given is module else module).to(wanted)


def model_name(given: Any, module: nn.Module) -> str:
    """What the user would call it: the factory's or spec's name, else the class."""
    if isinstance(given, str):
        return given.rpartition(":")[2]
    if given is not module and hasattr(given, "__name__") and given.__name__ != "<lambda>":
        return str(given.__name__)
    return type(unwrap(module)).__name__


def _from_spec(spec: str) -> nn.Module:
    package, colon, attribute = spec.partition(":")
    if not colon or not package or not attribute:
        raise SubjectError(
            f"model={spec!r} is neither a fixture nor an import string.\n"
            "Write 'package.module:factory', 'torchvision:resnet18', 'timm:NAME', or the name of a fixture."
        )
    if package == "torchvision":
        return _torchvision_model(attribute)
    if package == "timm":
        return _timm_model(attribute)
    return _imported_model(spec, package, attribute)


def _torchvision_model(name: str) -> nn.Module:
    try:
        from torchvision.models import get_model_builder
    except ImportError as error:
        raise MissingExtraError("torchvision", "vision", f"the model 'torchvision:{name}'") from error
    try:
        builder = get_model_builder(name)
    except ValueError as error:
        raise SubjectError(f"torchvision has no model {name!r}: {error}") from error
    known = inspect.signature(builder).parameters
    return builder(**{key: None for key in ("weights", "weights_backbone") if key in known})


def _timm_model(name: str) -> nn.Module:
    try:
        import timm
    except ImportError as error:
        raise SubjectError(
            f"the model 'timm:{name}' needs timm. Install it with: pip install timm"
        ) from error
    return timm.create_model(name, pretrained=False)


def _imported_model(spec: str, package: str, attribute: str) -> nn.Module:
    if os.getcwd() not in sys.path:  # `pytest` alone does not add it, `python -m pytest` does
        sys.path.insert(0, os.getcwd())
    try:
        target: Any = importlib.import_module(package)
        for part in attribute.split("."):
            target = getattr(target, part)
    except (ImportError, AttributeError) as error:
        raise SubjectError(f"model={spec!r} cannot be imported: {error}") from error
    return build_model(target)


def _short(value: Any, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
