"""One forward, one backward or one training step, on tensors of its own: fake ones, or others over the user's."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.utils.stateless import _reparametrize_module
from torch.utils._pytree import tree_leaves

from ...errors import MeasurementError
from ...model.observe import is_scripted
from ...model.subject import Inputs, Subject, differentiable_sums
from .live import BACKWARD, FORWARD, GRADIENT, INPUT, PARAMETER, STATE, STEP, LiveTensors

MakeOptimizer = Callable[[Iterable[Tensor]], torch.optim.Optimizer]


class OptimizerError(MeasurementError):
    """The optimizer does not take these parameters."""


def make_optimizer(given: str | MakeOptimizer, device: torch.device) -> MakeOptimizer:
    """What makes the optimizer: the class of torch.optim of that name, or the callable itself.

    On CUDA it steps all parameters at once, as torch's optimizers do there with real ones, but not with fake ones.
    """
    if callable(given):
        return given
    found = getattr(torch.optim, given, None) if isinstance(given, str) else None
    if not isinstance(found, type) or found is torch.optim.Optimizer:
        raise MeasurementError(
            f"optimizer={given!r} is no optimizer; write the name of a class of torch.optim ('SGD', 'AdamW'), "
            "or give a callable: lambda parameters: torch.optim.SGD(parameters, momentum=0.9)"
        )
    at_once = device.type == "cuda" and "foreach" in inspect.signature(found).parameters
    return functools.partial(found, foreach=True) if at_once else found


class Phase:
    """A phase that can be run, on `fake` tensors or for real: then parameters share the user's memory, which
    `observe` guards.

    With `live`, it is told of what kind each tensor is, and where the phase's parts begin.
    """

    def __init__(
        self,
        subject: Subject,
        phase: str,
        make: MakeOptimizer | None,
        fake: FakeTensorMode | None = None,
        live: LiveTensors | None = None,
    ) -> None:
        self.name, self.module, self.phase, self.live = subject.name, subject.module, phase, live
        self.inputs = _own_inputs(subject.require_inputs(), fake.from_tensor if fake else Tensor.clone)
        self.tensors: dict[str, Tensor] = {}
        if not is_scripted(self.module.modules()):
            self.tensors = _own_tensors(self.module, fake.from_tensor if fake else Tensor.detach)
        self.parameters = [t for t in self.tensors.values() if t.requires_grad]
        if phase != "forward" and not self.parameters:
            raise MeasurementError(f"{self.name}: nothing to train; no parameter requires a gradient")
        self.optimizer = self._make(make) if make is not None else None
        self._tell(self.tensors.items() or _named_tensors(self.module), PARAMETER)
        self._tell((("", tensor) for tensor in self.inputs.tensors), INPUT)

    @property
    def optimizer_name(self) -> str | None:
        """The class of the optimizer."""
        return None if self.optimizer is None else type(self.optimizer).__name__

    def once(self, before_backward: Callable[[], None] | None = None) -> None:
        """Run it, from no gradients on; `before_backward` is called where its name says.

        Its own tensors stand in the module all the time: a checkpoint runs layers again within the backward.
        """
        self.clear()
        with self._replaced(), self._gradients_told(), self.live or nullcontext():
            self._begin(FORWARD)
            output = self._forward()
            if self.phase == "forward":
                return
            self._begin(BACKWARD)
            if before_backward is not None:
                before_backward()
            torch.autograd.backward(differentiable_sums(output, self.name))
            if self.optimizer is not None:
                self._begin(STEP)
                self._step(self.optimizer)
                self._tell(self._state(self.optimizer), STATE)

    def _make(self, make: MakeOptimizer) -> torch.optim.Optimizer:
        try:
            return make(self.parameters)
        except Exception as error:
            raise OptimizerError(f"{self.name}: the optimizer cannot be made: {error}") from error

    def _step(self, optimizer: torch.optim.Optimizer) -> None:
        try:
            optimizer.step()
        except Exception as error:
            kind = type(optimizer).__name__
            raise OptimizerError(f"{self.name}: a step of {kind} cannot be made: {error}") from error

    def clear(self) -> None:
        """Drop the gradients, the inputs' too: each step has a batch of its own."""
        for tensor in (*self.parameters, *self.inputs.tensors):
            if tensor.is_leaf:
                tensor.grad = None

    def _forward(self) -> object:
        return self.module(*self.inputs.args, **dict(self.inputs.kwargs))

    def _replaced(self) -> AbstractContextManager[object]:
        if not self.tensors:
            return nullcontext()
        return _reparametrize_module(self.module, self.tensors, tie_weights=True)

    @contextmanager
    def _gradients_told(self) -> Iterator[None]:
        """A hook that stayed would keep the model alive."""
        named = self.tensors.items() if self.live is not None else ()
        hooks = [
            tensor.register_post_accumulate_grad_hook(functools.partial(self._tell_gradient, name))
            for name, tensor in named
            if tensor.requires_grad
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _begin(self, part: str) -> None:
        if self.live is not None:
            self.live.begin(part)

    def _tell_gradient(self, name: str, parameter: Tensor) -> None:
        self._tell([(name, parameter.grad)], GRADIENT)

    def _state(self, optimizer: torch.optim.Optimizer) -> list[tuple[str, object]]:
        """What it keeps, under the name of the parameter that it keeps it for."""
        names = {id(tensor): name for name, tensor in self.tensors.items()}
        kept = optimizer.state.items()
        return [(names.get(id(p), ""), t) for p, state in kept for t in tree_leaves(dict(state))]

    def _tell(self, named: Iterable[tuple[str, object]], kind: str) -> None:
        """Tensors under the names of parameters and buffers, which say whose they are."""
        if self.live is not None:
            owned = [(name.rpartition(".")[0], t) for name, t in named if isinstance(t, Tensor)]
            self.live.tell(owned, kind)


def _own_tensors(module: nn.Module, own: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """In the place of parameters and buffers: no gradient and no step must land on the user's. Tied ones once."""
    return {name: own(t.detach()).requires_grad_(t.requires_grad) for name, t in _named_tensors(module)}


def _named_tensors(module: nn.Module) -> list[tuple[str, Tensor]]:
    return [*module.named_parameters(), *module.named_buffers()]


def _own_inputs(inputs: Inputs, own: Callable[[Tensor], Tensor]) -> Inputs:
    def copy(leaf: object) -> object:
        return own(leaf.detach()).requires_grad_(leaf.requires_grad) if isinstance(leaf, Tensor) else leaf

    return inputs.map(copy)
