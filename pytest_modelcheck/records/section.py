"""A section: a named part of a subject's entry, and all that is said about it. A check registers its own.

The report, the comparison of records and the base know no section by name; they ask these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ..verdict.measurement import Contributor
from ..verdict.metric import FIRST, Definition, Metric
from ..verdict.units import Unit
from .prices import ModulePrice, Prices
from .types import HEAD

if TYPE_CHECKING:
    from markupsafe import Markup

    from ..drawing.script import Entry


Sections = Mapping[str, Any]  # of one subject's entry, by name
Ask = Callable[
    [str, Any], Any
]  # (section, plain data and tensors) -> what its `answer` says of the base's subject
Paths = Mapping[str, str]  # old name -> new name of the modules that are the same one


@dataclass(frozen=True)
class Total:
    """A figure of a section that is a metric of its own: two records are compared by it.

    `value(section)` is the figure, None where it has none; `parts(section)` are the modules' own parts of it.
    `options(section)`: the measuring options that the title names, such as the phase. `key`: one of the few figures
    that say most of a model, which an overview of many shows.
    """

    metric: Metric
    value: Callable[[Any], object]
    parts: Callable[[Any], Iterable[Contributor]] = lambda section: ()
    options: Callable[[Any], Mapping[str, object]] = lambda section: {}
    key: bool = False


@dataclass(frozen=True)
class Spread:
    """How much of a figure each module has, with those inside it: `values` by path, the model's own under ""."""

    metric: Metric
    values: Mapping[str, float]


@dataclass(frozen=True)
class Line:
    """One sentence about a change: `name` is whose (a module; shown as code), `text` what became of it, `detail` the
    figures or the reason, `cost` what it costs more, `names` more of the user's names (for Markdown). `strong`: a
    reviewer must see it, `worse`: because it is worse than it was.
    `short`: how the page says it on a subject's first line; None says nothing there. `link`: the section it leads to.
    `always`: it is said of a subject that did not change, too.
    """

    text: str
    detail: str = ""
    name: str = ""
    names: tuple[str, ...] = ()
    strong: bool = False
    worse: bool = False
    short: str | None = None
    link: str = ""
    is_headline: bool = False
    cost: str = ""
    always: bool = False

    def __str__(self) -> str:
        told = ": ".join(part for part in (self.name, self.text, self.detail) if part)
        return f"{told} ({self.cost})" if self.cost else told


@dataclass(frozen=True)
class Origin:
    """What became of a module since the base, in as few words as name it: `body.0` "stride 2 -> 1", `extra` "new".

    `link`: the tab of the page that shows it, and there `place`, a module's path; of several modules the first one.
    """

    name: str
    text: str
    link: str = ""
    place: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a table: words, or (`code`) a name of the user's."""

    text: str
    code: bool = False


@dataclass(frozen=True)
class Table:
    """Changes as a table: `title` for one and for many; `align` by column, l or r. `size`: how many things the rows
    tell of, where one row tells of several.
    """

    title: tuple[str, str]
    columns: tuple[str, ...]
    align: str
    rows: Sequence[Sequence[Cell]]
    size: int | None = None


class Drawn(Protocol):
    """A panel: what a section looks like on the page."""

    @property
    def styles(self) -> Sequence[str]:
        """Its style sheets."""

    @property
    def scripts(self) -> Sequence[Entry]:
        """Its scripts' modules."""

    def render(self, data: Any, context: Mapping[str, Any]) -> Markup:
        """Autoescaped HTML."""


@dataclass(frozen=True)
class Comparison:
    """How two records of a subject are compared in what a section knows.

    `compare(base, head, paths, checks)` takes both entries' sections and the head's checks, and returns what differs
    under keys of its own (`keys`), which stand in the record's `changes`; empty for nothing. `is_change(key, value)`:
    whether that makes the subject a changed one. `headline` is the subject's first line; `lines` and `tables` say it
    in words, `panel` on the page, `beside(base, head, changes)` adds to the head's own section what shows both.
    `joined(key, values)`: one of what several shards of a run found.
    `origins(changes)`: the modules that a change comes from, the dearest first; the first section to know any is asked.
    `prices(changes)`: what modules cost more than at the base, as far as the section knows; `priced(changes, prices)`:
    its own part of the changes again, with what the modules it names cost, the dearest first.
    """

    keys: tuple[str, ...]
    compare: Callable[[Sections, Sections, Paths, Sequence[Mapping[str, Any]]], Mapping[str, Any]]
    lines: Callable[[Mapping[str, Any], int], Iterable[Line]] = lambda changes, most: ()
    headline: Callable[[Mapping[str, Any]], Line | None] = lambda changes: None
    origins: Callable[[Mapping[str, Any]], Iterable[Origin]] = lambda changes: ()
    tables: Callable[[Mapping[str, Any]], Iterable[Table]] = lambda changes: ()
    panel: Drawn | None = None
    is_change: Callable[[str, Any], bool] = lambda key, value: True
    beside: Callable[[Any, Any, Any], Mapping[str, Any]] | None = None
    prices: Callable[[Mapping[str, Any]], Iterable[ModulePrice]] = lambda changes: ()
    priced: Callable[[Mapping[str, Any], Prices], Mapping[str, Any]] = lambda changes, prices: {}
    types: Mapping[str, Any] = field(default_factory=dict)
    joined: Callable[[str, Sequence[Any]], Any] = lambda key, values: values[0]


@dataclass(frozen=True)
class Section:
    """A named part of a subject's entry.

    `describe(subject)`: its content, JSON, made once for each subject of a report; None: only what tests keep in it.
    `settings`: fields of the settings that it wants as keywords besides.
    `tab`: where on the page; `title`: above its panel. `type`: the shape of its content, for who reads a record.
    `panel`: how it looks on the page. `evidence`: what it shows beside the context's `check`, which failed.
    `totals`: the figures that two records are compared by. `changes`: what differs between two records.
    `align(base, head)`: which modules are the same one, for all comparisons. `problem(content)`: what is wrong with it
    beyond its shape. `costs(content)`: the MACs of each module, `spreads(content)`: figures by which other
    panels' pictures may be coloured. `former`: names that older records know it by; `upgraded(content, sections)`: what
    such a record says, in today's form. `steady`: its content is the same in each run of the same code, so that a
    base's may be kept for the next run.
    `between(subject, base, head, ask)`: what it finds between the two revisions of a subject, for a run against a base:
    given both contents, it may `ask` the base's own model, where that is. It returns lists by section, which these grow
    by. `answer(subject, asked)`: what it says there, of the base's subject. `is_shown`: not where it only tells two
    records apart.
    """

    name: str
    describe: Callable[..., Any] | None = None
    tab: str = "more"
    title: str = ""
    type: Any = object
    panel: Drawn | None = None
    evidence: Drawn | None = None
    totals: Sequence[Total] = ()
    changes: Comparison | None = None
    align: Callable[[Sections, Sections], Paths] | None = None
    problem: Callable[[Any], str] | None = None
    costs: Callable[[Any], Mapping[str, int]] | None = None
    spreads: Callable[[Any], Iterable[Spread]] | None = None
    definition: Definition = FIRST
    former: tuple[str, ...] = ()
    upgraded: Callable[[Any, Sections], Any] | None = None
    settings: tuple[str, ...] = ()
    steady: bool = False
    is_shown: bool = True
    between: Callable[[Any, Any, Any, Ask], Mapping[str, list[Any]]] | None = None
    answer: Callable[[Any, Any], Any] | None = None

    @property
    def definitions(self) -> dict[str, int]:
        """Which definitions its content follows: its own by its name, those of its figures by `section.metric`."""
        totals = {f"{self.name}.{t.metric.name}": t.metric.definition.version for t in self.totals}
        return {self.name: self.definition.version, **totals}


class Catalogue(Protocol):
    """The sections and metrics that there are."""

    @property
    def sections(self) -> Mapping[str, Section]:
        """By name, in the order in which they are told."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """By name."""

    def unit(self, noun: str) -> Unit | None:
        """The unit of that noun, a third party's too."""


def sections_of(entry: Mapping[str, Any]) -> Sections:
    """What stands beside the keys of a subject's entry."""
    return {name: content for name, content in entry.items() if name not in HEAD}


def content_of(sections: Sections, name: str) -> Any:
    """A section's content; empty where it is missing or was not made."""
    found = sections.get(name)
    failed = found is None or (isinstance(found, dict) and isinstance(found.get("error"), str))
    return {} if failed else found
