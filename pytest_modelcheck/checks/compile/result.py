"""What torch.compile made of a model, as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...text import count, first_line_repr
from ..reported import Reported
from .source import short_path
from .words import SMALL


@dataclass(frozen=True)
class Break:
    """A place where dynamo ends a graph, and Python goes on.

    `reason`: torch's, in a sentence; `kind`: its name for such breaks; `hint`: what to change. `file`, `line`, `code`:
    the innermost line of the user's own code, "" and 0 where there is none (what torch itself calls);
    `function`: whose line it is; `package`: the line of a third-party package that it leads to ("einops/einops.py:12").
    `module`: the innermost one that ran, `modules` all of those, `count`: how often in a call.
    `size`: the inputs at which it was seen first, where that is not the example.
    """

    reason: str
    file: str
    line: int
    module: str
    count: int = 1
    kind: str = ""
    hint: str = ""
    code: str = ""
    function: str = ""
    package: str = ""
    modules: tuple[str, ...] = ()
    size: str = ""

    @property
    def place(self) -> str:
        """`net.py:12`; "" where no line is the user's."""
        return f"{short_path(self.file)}:{self.line}" if self.file else ""

    def __str__(self) -> str:
        where = (
            f"{self.place}: {self.code.removesuffix(':')}"
            if self.file
            else self.package or "no line of your code"
        )
        times = f" ({self.count} times)" if self.count > 1 else ""
        inside = f", in {self.package}" if self.package and self.file else ""
        at = f", at inputs {self.size}" if self.size else ""
        return f"{where}{times}{inside}{_in(self.modules or (self.module,))}{at}: {self.reason}"


@dataclass(frozen=True)
class Recompile:
    """A function that dynamo compiled again, since a guard on what it was compiled for failed.

    `reason`: the guard that failed, in torch's words; `hint`: what to change. `size`: the shape of the input of that
    call, of several tensors that of each, `first` and `again` whether it is the example's, in the first or a second
    call. `file`, `line`, `function`: what was compiled; `code`, `place`: the line that reads what is guarded, "" where
    torch tells none. `automatic`: torch's automatic dynamic, which compiles once more for any size when it sees a new
    one. `small`: one of the sizes is 0 or 1.
    """

    reason: str
    size: tuple[Any, ...]
    module: str
    hint: str = ""
    function: str = ""
    file: str = ""
    line: int = 0
    code: str = ""
    place: str = ""
    first: bool = False
    again: bool = False
    automatic: bool = False
    small: bool = False

    @property
    def call(self) -> str:
        """Which call it was, in words."""
        if self.first:
            return "the first call"
        return "a second call with the example" if self.again else f"inputs {size_words(self.size)}"

    def __str__(self) -> str:
        where = f"{self.function} ({short_path(self.file)}:{self.line})" if self.file else self.function
        automatic = " (automatic dynamic)" if self.automatic else ""
        read = f", read in {self.place}: {self.code}" if self.code else ""
        return f"{self.call}: {where}{_in((self.module,))}: {self.reason}{automatic}{read}"


@dataclass(frozen=True)
class Fallback:
    """A function that dynamo skipped whole, so that all of it runs as plain Python. `root`: the model's own forward."""

    function: str
    file: str
    line: int
    reason: str
    root: bool = False

    def __str__(self) -> str:
        where = f" ({short_path(self.file)}:{self.line})" if self.file else ""
        return f"{self.function}{where} runs eagerly as a whole: {self.reason}"


@dataclass(frozen=True)
class Compiled(Reported):
    """A model under torch.compile with the backend `eager`: what is traced, without code being generated.

    `graphs`: of the first call, with the example; 1 is what to hope for. `breaks`: where graphs end, over all calls;
    `guards`: what was compiled again, in the first call or a later one (a second with the example, one of each size);
    `fallback`: functions that were skipped whole, which is no success whatever the numbers say.
    `reason`: why torch cannot compile it at all (then little else is known), `hint`: what to change, `nothing`: why
    nothing was compiled.
    `sizes`, `dynamic`: as they were asked for. `isolated`: measured in a process of its own, whose dynamo knew nothing;
    else `shared` says why it was not, and what dynamo knew before may show.
    """

    section = "compile"

    name: str
    graphs: int = 0
    breaks: tuple[Break, ...] = ()
    guards: tuple[Recompile, ...] = ()
    fallback: tuple[Fallback, ...] = ()
    reason: str = ""
    details: str = ""
    hint: str = ""
    nothing: str = ""
    sizes: tuple[tuple[object, ...], ...] = ()
    dynamic: bool | None = None
    isolated: bool = True
    shared: str = ""
    unsaved: tuple[str, ...] = ()

    @property
    def graph_breaks(self) -> int:
        """How often a graph ends before the model does."""
        return sum(found.count for found in self.breaks)

    @property
    def recompiles(self) -> int:
        """How often something was compiled again, as torch counts."""
        return len(self.guards)

    @property
    def one_graph(self) -> bool:
        """Whether all of the model is one graph, and nothing ran outside it."""
        return self.graphs == 1 and not (self.breaks or self.fallback or self.reason or self.nothing)

    @property
    def automatic(self) -> int:
        """How many of the recompiles are torch's automatic dynamic."""
        return sum(found.automatic for found in self.guards)

    @property
    def headline(self) -> str:
        """`one graph, no recompile`; `3 graphs, 2 graph breaks`."""
        if self.reason or self.nothing:
            return f"not compilable: {self.reason}" if self.reason else f"nothing compiled: {self.nothing}"
        parts = [count(self.graphs, "graph"), count(self.graph_breaks, "graph break")]
        parts = ["one graph"] if self.one_graph else parts
        parts += [f"{count(len(self.fallback), 'function')} skipped whole"] if self.fallback else []
        return ", ".join([*parts, count(self.recompiles, "recompile") if self.guards else "no recompile"])

    def lines(self) -> Iterator[str]:
        """Each finding, with what to change."""
        yield from map(str, self.fallback)
        yield from advised(self.breaks)
        yield from advised(self.guards)
        if self.automatic and self.dynamic is None:
            yield automatic_words(self.guards)
        if self.shared:
            yield self.shared

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `compile`."""
        rows = {
            key: [{**asdict(one), "file": short_path(one.file)} for one in getattr(self, key)]
            for key in ("breaks", "guards", "fallback")
        }
        for row in rows["guards"]:
            row["size"] = shapes_in(row["size"])
        figures = {
            "graph_breaks": self.graph_breaks,
            "recompiles": self.recompiles,
            "one_graph": self.one_graph,
            "automatic": self.automatic,
        }
        return {**vars(self), **figures, **rows, "sizes": list(map(size_words, self.sizes))}

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        return "\n".join([f"{self.name}: {self.headline}", *self.lines()])


def advised(found: Iterable[Break | Recompile]) -> Iterator[str]:
    """Each with what to change in a line of its own, which is told once for those that follow each other."""
    hint = ""
    for one in found:
        yield f"{one}\n  {one.hint}" if one.hint and one.hint != hint else str(one)
        hint = one.hint


def automatic_words(guards: Iterable[Recompile]) -> str:
    """What to say of torch's automatic dynamic among these."""
    found = [guard for guard in guards if guard.automatic]
    told = f"{len(found)} {'is' if len(found) == 1 else 'are'} automatic dynamic: pass dynamic=True"
    return f"{told} ({SMALL})" if any(guard.small for guard in found) else told


def shapes_words(shapes: Sequence[Sequence[int]]) -> str:
    """`2x3x224x224`, `2x8 and 2x8x16`."""
    return " and ".join("x".join(map(str, shape)) or "a number" for shape in shapes)


def is_shape(size: object) -> bool:
    """Whether it is the shape of one tensor."""
    return isinstance(size, (list, tuple)) and all(type(n) is int and n >= 0 for n in size)


def shapes_in(size: Sequence[Any]) -> list[Sequence[int]]:
    """Of a size, which is a shape, or a shape for each tensor."""
    return [size] if is_shape(size) else [*size]


def size_words(size: Sequence[Any]) -> str:
    """Of a shape, or of a shape for each tensor."""
    return shapes_words(shapes_in(size))


def _in(modules: Iterable[str]) -> str:
    """`, in blocks.0 and 11 more`."""
    named = [name for name in modules if name]
    if not named:
        return ""
    return f", in module {named[0]}" + (f" and {len(named) - 1} more" if len(named) > 1 else "")
