"""Survey: one forward that finds where a picture's places are kept, layer by layer."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from ...model.calls import hooked
from ...model.guard import only_reads
from ...model.subject import Inputs
from .images import Images
from .layouts import Layout, Size, by_shape, dim_of_channels, made_by, mismatch, places
from .outputs import only_map, put, tensors, where_only_map
from .runs import EnoughSeen, as_written, own_errors, within_a_run
from .stops import ThroughNoGrad
from .tokens import front_of

TRIES = 4  # layers of so many tokens that are asked whether these are places


@dataclass
class Call:
    """What a module's last call gave, that the picture reaches; its `number` is from 0.

    `trusted`: its places are known to be the picture's, and not by their proportions alone. `edge`: where a gradient by
    it is found; None: it does not depend on the picture. `is_norm`, `has_weights`: of the module itself. `among`: it is
    one of several tensors that the module returned.
    """

    name: str
    number: int
    layout: Layout
    trusted: bool
    edge: GradientEdge | None
    is_norm: bool
    has_weights: bool
    among: bool = False


@dataclass
class Survey:
    """What one forward showed: `calls` in the order in which they finished, and the model's `output`.

    `reached`: of each module the last call, from 0, that the picture reaches, whatever it gives.
    `sums`: where there is no graph, of what each module gave, call by call.
    """

    images: Images
    samples: int
    pictures: list[Tensor] = field(default_factory=list)
    leaves: list[Tensor] = field(default_factory=list)
    output: object = None
    finished: dict[str, Call] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    reached: dict[str, int] = field(default_factory=dict)
    sums: dict[str, list[float]] = field(default_factory=dict)
    grids: dict[Size, None] = field(default_factory=dict)
    widths: dict[int, int] = field(default_factory=dict)
    tries: dict[tuple[int, Size], int] = field(default_factory=dict)
    until: int | None = None

    def call(self, found: Call) -> int:
        """Which of a module's calls it was, as the methods count them: -1 is the last one."""
        return self._counted(found.name, found.number)

    def call_of(self, name: str) -> int:
        """The last call of a module that the picture reaches; -1 also where it reaches none."""
        return self._counted(name, self.reached.get(name, -1))

    def _counted(self, name: str, number: int) -> int:
        return -1 if number == self.counts.get(name) else number

    @property
    def calls(self) -> list[Call]:
        """Those that the picture reaches; all of them where no graph tells (a backbone in a no_grad block)."""
        found = list(self.finished.values())
        return (
            [call for call in found if call.edge]
            or [call for call in found if call.name in self.reached]
            or found
        )

    def note(
        self,
        name: str,
        module: nn.Module,
        given: Tensor | None,
        output: Tensor,
        version: int | None,
        handed: Tensor,
    ) -> None:
        """Take down what `module` made of `given`; `handed`: the output as others get it."""
        number = self.counts[name] = self.counts.get(name, -1) + 1
        if output.requires_grad:
            self.reached[name] = number
        if not self.leaves and _is_strided(output):
            self.sums.setdefault(name, []).append(float(output.sum(dtype=torch.float64)))
        if given is not None and self._is_untouched(module, given):
            self.pictures.append(output)
            return
        given = given if given is not None and _is_strided(given) else None
        self._merge(given)
        if not _is_strided(output) or not output.is_floating_point() or output.dim() < 3:
            return
        if len(output) != self.samples or _passes_on(given, output, version):
            return
        layout, trusted = self._read(module, output)
        if layout is None:
            return
        if trusted and layout.front is None and self._may_be_of_picture(output):
            self.grids.setdefault(layout.grid)
        former = self.finished.get(name)
        if former is not None and former.edge and not output.requires_grad:
            return  # the calls before were the picture's, and this is another's
        self.finished.pop(name, None)
        self.images.layouts[name] = layout
        weights = [p for p in module._parameters.values() if p is not None]
        edge = get_gradient_edge(handed) if handed.requires_grad else None
        is_norm = "norm" in type(module).__name__.lower()
        among = handed is not output
        self.finished[name] = Call(name, number, layout, trusted, edge, is_norm, bool(weights), among)

    def _may_be_of_picture(self, output: Tensor) -> bool:
        """By the graph, where there is one."""
        return output.requires_grad or not self.leaves

    def _is_untouched(self, module: nn.Module, given: Tensor) -> bool:
        """Whether it hands the picture on without weights: padding, dropout, a smaller one."""
        return any(given is picture for picture in self.pictures) and not any(
            True for _ in module.parameters()
        )

    def _read(self, module: nn.Module, output: Tensor) -> tuple[Layout | None, bool]:
        shape, size = tuple(output.shape), self.images.size
        if output.dim() == 3 and (len(size) > 1 or self._is_sequence(module, shape)):
            return self._tokens(module, output)
        if output.dim() != len(size) + 2:
            return None, False
        is_leaf = made_by(module) is not None
        dim = dim_of_channels(shape, module) if is_leaf else by_shape(shape, size, self.grids)
        if dim is None and is_leaf:
            dim = by_shape(shape, size, self.grids)
        elif dim is None or places(shape, dim) not in self.grids:
            told = dim_of_channels(shape, module)
            dim = told if told is not None else dim
        has_weights = any(True for _ in module.parameters())
        if dim is None or min(places(shape, dim)) < 2 or (not has_weights and is_attention(output)):
            return None, False
        layout = Layout(dim, places(shape, dim))
        of_picture = not has_weights and shape[dim] == self.images.batch.shape[1]
        return layout, (has_weights or layout.grid in self.grids) and not of_picture

    def _is_sequence(self, module: nn.Module, shape: Size) -> bool:
        """Whether a signal's (N, L, C) is one of tokens: channels last."""
        dim = dim_of_channels(shape, module)
        return dim == 2 or (dim is None and shape[1] in self.images.tokens and (shape[2],) not in self.grids)

    def _tokens(self, module: nn.Module, output: Tensor) -> tuple[Layout | None, bool]:
        dim = dim_of_channels(tuple(output.shape), module)
        dim = 2 if dim is None else dim
        count = output.shape[3 - dim]
        found = self._token_grid(output.movedim(dim, 2))
        has_weights = any(True for _ in module.parameters())
        if found is None or (not has_weights and is_attention(output)):
            return None, False
        self.widths.setdefault(count, output.shape[dim])
        if self.until == count:
            raise EnoughSeen
        return Layout(dim, *found), True

    def _token_grid(self, tokens: Tensor) -> tuple[Size, int] | None:
        """The grid that tokens (N, L, C) make, and how many stand in front of it."""
        count, known = tokens.shape[1], self.images.tokens
        if count not in known and self._may_be_of_picture(tokens):
            fitting = [grid for grid in self.grids if math.prod(grid) <= count]
            fitting = fitting or ([] if self.grids else proportional(count, self.images.size))
            if not fitting or count == 1:
                return None
            grid = max(fitting, key=math.prod)
            tried = self.tries[count, grid] = self.tries.get((count, grid), 0) + 1
            front = front_of(tokens, grid, self.images, self.leaves) if tried <= TRIES else None
            if front is not None:
                known[count] = grid, front
        return known.get(count)

    def _merge(self, given: Tensor | None) -> None:
        """Patch merging (Swin): as many tokens as the halved grid has, of so many more channels, are its places."""
        if given is None or given.dim() != 3:
            return
        merged = 2 ** len(self.images.size)
        for grid in list(self.grids):
            count = math.prod(grid)
            if given.shape[1] * merged == count and given.shape[2] == merged * self.widths.get(count, 0):
                self.grids.setdefault(tuple(n // 2 for n in grid))


def _is_strided(tensor: Tensor) -> bool:
    """Whether it has its numbers in one place and its dimensions in plain numbers: not sparse, not nested."""
    return tensor.layout is torch.strided and not tensor.is_nested


def _passes_on(given: Tensor | None, output: Tensor, version: int | None) -> bool:
    """Whether the output is what was given, unchanged: an identity, dropout, other dimensions."""
    if given is None or given.numel() != output.numel():
        return False
    if given is not output and given.untyped_storage().data_ptr() != output.untyped_storage().data_ptr():
        return False
    return version is None or _version(output) == version


def _version(tensor: Tensor) -> int | None:
    """How often it was written to; None for one of inference mode, which does not count."""
    return None if tensor.is_inference() else tensor._version


def is_attention(output: Tensor) -> bool:
    """Whether it is a matrix of shares (N, heads, T, T) or (N, T, T): rows that sum to one."""
    if output.dim() not in (3, 4) or output.shape[-1] != output.shape[-2]:
        return False
    values = output.detach().flatten(0, -2)
    return all(  # of one row first: that is mostly enough
        bool((part >= 0).all()) and bool(((part.float().sum(-1) - 1).abs() < 1e-3).all())
        for part in (values[:1], values)
    )


def proportional(count: int, size: Size) -> list[Size]:
    """The grids of the image's proportions that `count` tokens make, up to five extra ones aside; fewest first."""
    for number in range(count, max(count - 6, 1), -1):
        found = [grid for grid in _factored(number, len(size)) if min(grid) > 1 and not mismatch(grid, size)]
        if found:
            return found
    return []


def _factored(number: int, dims: int) -> Iterator[Size]:
    if dims == 1:
        yield (number,)
        return
    for first in range(1, number + 1):
        if number % first == 0:
            yield from ((first, *rest) for rest in _factored(number // first, dims - 1))


@contextmanager
def surveyed(
    images: Images,
    one: bool = False,
    until: int | None = None,
    *,
    graph: bool = True,
    through: bool = False,
) -> Iterator[Survey]:
    """Run the model as it is set up, with a graph from the picture on: of the first sample alone, or of all.

    `until`: enough is seen when the grid of so many tokens is known. Without `graph` nothing tells what the picture
    reaches. `through`: no_grad in the model is left out.
    """
    names = {module: name for name, module in images.subject.module.named_modules() if name}
    thread, versions = threading.get_ident(), dict[nn.Module, "int | None"]()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(images.subject.restored(frozen=True, guard=not only_reads(images.subject.module)))
        stack.enter_context(torch.set_grad_enabled(graph))
        torch.backends.mha.set_fastpath_enabled(False)  # it hides layers; restored() restores the setting
        inputs, leaves = images.differentiable(one) if graph else (_plainly(images, one), [])
        pictures = [t for i, t in enumerate(inputs.tensors) if i in images.places]
        survey = Survey(images, 1 if one else len(images.batch), pictures, leaves, until=until)

        def before(module: nn.Module, args: tuple[object, ...]) -> None:
            given = only_map(args)
            if given is not None and threading.get_ident() == thread:
                versions[module] = _version(given)

        def after(module: nn.Module, args: object, output: object) -> object:
            if threading.get_ident() != thread or module not in names:
                return None
            with within_a_run():
                found = where_only_map(output)
                if found is None:
                    return None
                path, tensor = found
                handed = _handed_on(output, tensor)
                survey.note(names[module], module, only_map(args), tensor, versions.get(module), handed)
                return put(output, path, handed) if handed is not tensor else None

        if through:
            stack.enter_context(ThroughNoGrad(images.subject.module))
        with own_errors(), suppress(EnoughSeen), as_written(), hooked(before, after):
            survey.output = images.subject.run(inputs)
        yield survey


def _plainly(images: Images, one: bool) -> Inputs:
    return images.inputs(images.batch[:1], 0) if one else images.inputs(images.batch)


def _handed_on(output: object, tensor: Tensor) -> Tensor:
    """The map `tensor` of a module's output with an edge of its own, if it is one of several tensors there.

    What goes around it, from its maker to the others (a pooled one beside the last hidden state), is then not the
    module's map.
    """
    if not tensor.requires_grad or isinstance(output, Tensor) or len(list(tensors(output))) < 2:
        return tensor
    return tensor.view_as(tensor) if _is_strided(tensor) else tensor
