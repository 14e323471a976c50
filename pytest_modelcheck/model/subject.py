"""Subject: a model, its example inputs, how to call it, its name."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from ..errors import MeasurementError, ModelCheckError, ModelRunError, SubjectError, at_length
from ..text import as_written, brief
from .device import checked_device, on_device
from .draws import same_draws
from .factory import build_model, made_inputs, makes_a_new_one, name_of, resolve_model
from .guess import guess_size
from .inputs import Inputs as Inputs
from .inputs import dtype_name as dtype_name
from .loading import is_loaded, loading_watched
from .mistaken import makes_inputs, missing_arguments, wants_whole_numbers
from .nesting import endless, refuse_endless
from .observe import Observed, observe
from .places import is_in_backward, place_of_error


class Subject:
    """What is checked: `name`, the user's `model`, and its `inputs` (None while nobody gave any).

    Where `model` is a function it builds the model, when a check first runs it; `architecture` may do before.
    """

    def __init__(
        self, name: str, model: nn.Module | Callable[[], nn.Module], inputs: Inputs | None = None
    ) -> None:
        self.name, self.inputs = name, inputs
        self.asked: torch.device | None = None  # for a device, by the user
        self.owns_inputs = False  # whether the user gave them, and not their shape alone
        self.values: Inputs | None = None  # the inputs as they were before they joined a model on meta
        self.unsaved: tuple[str, ...] = ()  # what it keeps and no check can put back, as the last one saw it
        self._given = model
        self._built = model if isinstance(model, nn.Module) else None
        self._likeness: nn.Module | None = None
        self._signature: str | None = None

    @property
    def model(self) -> nn.Module:
        """The model as the user gave it. Raises what building it raises."""
        if self._built is None:
            with same_draws("model"), loading_watched():
                built = self._given()
            if self._likeness is not None and set(built.modules()) & set(self._likeness.modules()):
                raise SubjectError(
                    f"{self.name}: the class keeps modules that it gives to each model it builds, so they were also "
                    "part of the one that was built without weights, to be counted.\n"
                    "Give the model itself (model=MyModel()), or a function or fixture that returns it."
                )
            self._built, self._likeness = built, None
            if self.inputs is not None:
                self.inputs = self.inputs.to(self.home)
        return self._built

    @property
    def module(self) -> nn.Module:
        """The model without wrappers of torch's own (torch.compile, DataParallel): names match the user's source."""
        return unwrap(self.model)

    @property
    def architecture(self) -> nn.Module:
        """The module where only shapes matter; one that is not built yet is built without weights, in no memory."""
        if self._built is None and self._likeness is None:
            self._likeness = _without_weights(self._given)
        return self.module if self._built is not None or self._likeness is None else self._likeness

    @property
    def device(self) -> torch.device:
        """Where the model runs: at home, of a model without a home where its first input is, else on the CPU."""
        given = self.inputs.tensors if self.inputs is not None else []
        return self.home or (given[0].device if given else torch.device("cpu"))

    @property
    def home(self) -> torch.device | None:
        """Where the model's first tensor lives; of a model without tensors the device that was asked for, or None."""
        own = next(itertools.chain(self.module.parameters(), self.module.buffers()), None)
        return self.asked if own is None else own.device

    @property
    def is_built(self) -> bool:
        """Whether there is the model already, and not only what builds it."""
        return self._built is not None

    @property
    def is_loaded(self) -> bool:
        """Whether its weights are known to have been loaded, or trained."""
        return is_loaded(self.module)

    @property
    def signature(self) -> str:
        """Equal for the same name, architecture and input shapes: two tests of one model are one subject."""
        if self._signature is None:
            self._signature = self._sign()
        return self._signature

    def _sign(self) -> str:
        module = self.architecture
        tensors = [*module.named_parameters(), *module.named_buffers()]
        facts = [self.name, type(module).__qualname__, str(self.inputs)]
        facts += [f"{name}{tuple(tensor.shape)}" for name, tensor in tensors]
        return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @contextmanager
    def restored(self, *more: object, module: nn.Module | None = None, **options: bool) -> Iterator[Observed]:
        """A block in which the model is in eval mode; what happens there to it and its inputs is undone afterwards.

        `more` is undone too; `module`: another in its place; for `options` see `observe`. What cannot be undone is told
        in `unsaved`.
        """
        given = () if self.inputs is None else (self.inputs.args, self.inputs.kwargs)
        with observe(module or self.module, given, *more, **options) as observed:
            self.unsaved = observed.told
            yield observed

    def on(self, inputs: Inputs) -> Subject:
        """The same model with other inputs."""
        same = Subject(self.name, self.model, inputs)
        same.asked = self.asked
        return same

    def require_inputs(self) -> Inputs:
        """The inputs, or an error that lists the ways to give them."""
        if self.inputs is None:
            raise SubjectError(
                f"{self.name}: this check runs the model, but no example inputs were given.\n{self._ways}"
            )
        return self.inputs

    @property
    def _ways(self) -> str:
        """How to give inputs, with a guess of their size."""
        guess = guess_size(self.architecture)
        shape: tuple[int, ...]
        shape, option, whole = (1, 3, 224, 224), "1,3,224,224", ""
        if guess is not None:
            shape, option, whole = (
                guess.shape,
                guess.option,
                f", dtype={guess.dtype!r}" if guess.dtype else "",
            )
        told = f"Its first layer, {guess.layer}, would take {option}.\n" if guess is not None else ""
        return (
            f"{told}Give them in one of these ways:\n"
            f"  - input_size={shape}{whole} or inputs=... on the marker;\n"
            "  - @pytest.mark.modelcheck(input_size=...) on the test, its class or its module;\n"
            "  - a fixture named 'example_inputs' (ini key modelcheck_inputs_fixture);\n"
            f"  - beside --modelcheck-model: --modelcheck-input-size={option} (pytest-modelcheck init: --input-size)"
        )

    def run(self, inputs: Inputs | None = None) -> Any:
        """One forward call of the unwrapped module, on copies of its inputs or on those given.

        Raises ModelRunError, caused by the model's own exception and naming the innermost module and the shapes.
        """
        given = inputs or self.require_inputs().copied()
        with locate_failure(self, given):
            output = self.module(*given.args, **given.kwargs)
        refuse_endless(output, f"what {self.name} gives")
        return output


class locate_failure:
    """Turn an exception of the model into a ModelRunError that says in which module and line it happened.

    The block is the user's call, or a backward from its output, and nothing else.
    """

    def __init__(self, subject: Subject, inputs: Inputs) -> None:
        self.subject, self.inputs = subject, inputs

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not isinstance(error, Exception) or isinstance(error, ModelCheckError):
            return
        names = {id(module): name for name, module in self.subject.module.named_modules()}
        place = place_of_error(traceback, names)
        module = f", in module {place.module!r}" if place.module else ""
        during = "backward" if is_in_backward(traceback) else "forward"
        said = brief(str(error))
        lines = [f"{type(error).__name__} in its {during}{module}: {said}"]
        if place.file:
            lines.append(f"at {place}")
        lines.append(f"inputs passed: {self.inputs}")
        if wants_whole_numbers(error, self.inputs.tensors):
            lines.append(
                "The model takes whole numbers, as tokens are: with input_size= say dtype=torch.long too."
            )
        located = self.located("\n".join(lines), error)
        located.details = at_length(error, said)
        raise located from error

    def located(self, told: str, error: Exception) -> ModelCheckError:
        """What is raised in the error's stead: `told` is what it says, where it was raised, and the inputs."""
        return ModelRunError(f"{self.subject.name} raised {told}")


def differentiable_sums(output: object, name: str) -> list[Tensor]:
    """Where a backward begins: the sum of each output that needs a gradient. Raises MeasurementError if none does."""
    leaves = [t for t in tree_leaves(output) if isinstance(t, Tensor) and t.requires_grad]
    if not leaves:
        raise MeasurementError(
            f"{name}: nothing to differentiate; no output depends on a parameter that requires a gradient"
        )
    return [(torch.view_as_real(leaf.resolve_conj()) if leaf.is_complex() else leaf).sum() for leaf in leaves]


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
    model: object,
    inputs: object = None,
    *,
    input_size: object = None,
    dtype: object = None,
    device: torch.device | str | int | None = None,
    name: str | None = None,
) -> Subject:
    """Make a Subject from what a user may write.

    `model`: an nn.Module, a callable that returns one, or a spec ("package.module:Class(width=64)", "torchvision:NAME",
    "timm:NAME", "transformers:CONFIG(...)"). `inputs`: a tensor, a tuple of positional or a mapping of keyword
    arguments, or a callable that returns one of these. `input_size`: one shape or a list of shapes. Without either the
    inputs are those that a model zoo names. Raises SubjectError.
    """
    resolved, wanted = resolve_model(model), checked_device(device)

    def build() -> nn.Module:
        return on_device(build_model(resolved, model), resolved, wanted)

    with same_draws("model"), loading_watched():
        made = build if makes_a_new_one(resolved) else build()
    subject = Subject(name or name_of(model) or _class_name(resolved, made), made)
    subject.asked = wanted
    place = wanted if made is build else subject.home
    if inputs is not None and input_size is not None:
        raise SubjectError(f"{subject.name}: give inputs= or input_size=, not both")
    if input_size is not None:
        subject.inputs = Inputs.random(_checked_size(input_size), dtype, place)
    elif inputs is None:
        own, _ = made_inputs(model)
        subject.inputs = Inputs.of(own()).to(place) if own is not None else None
    else:
        with same_draws("inputs"):
            given = _made(inputs, subject.name) if makes_inputs(inputs) else inputs
        if why := endless(given):
            raise SubjectError(f"{subject.name}: inputs= {why}: no model is called with that")
        inputs_given = Inputs.of(given)
        subject.inputs, subject.owns_inputs = inputs_given.to(place), True
        if place is not None and torch.device(place).type == "meta":
            subject.values = inputs_given
    return subject


def _made(make: Callable[[], object], name: str) -> object:
    if missing := ", ".join(missing_arguments(make)):
        raise SubjectError(
            f"{name}: inputs={name_of(make) or as_written(make)} is called for them, and cannot be without {missing}.\n"
            "Give what the model is called with, or a callable that returns it and needs no argument."
        )
    return make()


def _checked_size(size: object) -> Sequence[Any]:
    def is_shape(shape: object) -> bool:
        return isinstance(shape, Sequence) and all(type(n) is int and n >= 0 for n in shape)

    if not isinstance(size, Sequence) or not (is_shape(size) or (size and all(map(is_shape, size)))):
        raise SubjectError(
            f"input_size={as_written(size)}: write one shape, (1, 3, 224, 224), or a list of shapes"
        )
    return size


def _class_name(resolved: Any, made: object) -> str:
    if isinstance(made, nn.Module):
        return type(unwrap(made)).__name__
    return str(getattr(resolved, "func", resolved).__name__)  # of a partial


def _without_weights(build: Callable[[], nn.Module]) -> nn.Module | None:
    """The model with its parameters on meta; None where only building it for real says what is wrong."""
    from .skeleton import parameters_on_meta

    try:
        with parameters_on_meta():
            return unwrap(build())
    except Exception:
        return None
