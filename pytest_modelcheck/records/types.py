"""The record: what a run saw, as plain JSON. This is the one definition that who writes, reads, compares, merges and
draws it share; the published schema is made from it.

A key that is not named here is passed on as it is: a later release may know more. The sections of a subject
(`complexity`, `structure`, a third party's own) stand beside the keys of its entry; their types are registered with
them.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from typing_extensions import NotRequired, TypedDict

SCHEMA_VERSION = 2

OutcomeName: TypeAlias = Literal[
    "pass", "fail", "inconclusive", "not gated", "accepted", "expected", "skipped", "not run", "error"
]
Figure: TypeAlias = float | None
Number: TypeAlias = float | str | None  # NaN and infinities are strings in a record
Pattern = tuple[str, str]  # as an annotation of `str`: a regular expression for the whole text, and its name
Base64: TypeAlias = Annotated[str, ("[A-Za-z0-9+/]*={0,2}", "base64")]


class PlaceEntry(TypedDict):
    """Where a marker stands: the node id of the test, class or module that has it, and which one of that name it is
    there; empty where nobody knows.
    """

    node: str
    marker: str
    index: int


class PartEntry(TypedDict):
    """A module's part of a value."""

    module: str
    value: Number


class ShareEntry(PartEntry):
    """With its share of the whole."""

    share: Number


class ChangedPart(TypedDict):
    """A module's part at the base and now; 0 where there is no such module."""

    module: str
    base: Number
    value: Number


class AcceptedEntry(TypedDict):
    """The commit whose trailer names a limit, in which line of its message; the reason, and up to which value it
    accepts a breach (None: any).
    """

    commit: str
    line: int
    reason: str
    limit: Number


class Owned(TypedDict):
    """Whom a commit's trailer names."""

    accepted: NotRequired[AcceptedEntry]


class CheckEntry(Owned):
    """One limit, judged. `nodeid`, `place`, `metric`, `options` and `source` say which one it is, in every run.

    `demand`: which demand of its test it answers; what was judged may be another metric than was asked for.
    `varies`: another run of the same code may measure something else.
    `limit_short`: the limit for a column of a table. `error`: why there is no measurement.
    `instead`: what is said in place of a value that no number tells of.
    """

    nodeid: str
    place: PlaceEntry
    metric: str
    options: dict[str, object]
    source: str
    demand: NotRequired[str]
    definition: int
    subject: str
    signature: str
    title: str
    value: Number
    unit: str
    limit: NotRequired[Number]
    max: NotRequired[Number]
    min: NotRequired[Number]
    max_regression: NotRequired[Number]
    base: NotRequired[Number]
    level: Literal["fail", "warn"]
    limit_reason: str
    replaces: NotRequired[list[str]]
    interval: NotRequired[list[Number] | None]
    outcome: OutcomeName
    message: str
    error: NotRequired[str]
    reason: str
    caveat: str
    varies: NotRequired[bool]
    protocol: str
    contributors: list[ShareEntry]
    modules: NotRequired[list[PartEntry] | None]
    changes: list[ChangedPart]
    where: str
    value_text: str
    limit_text: str
    limit_short: NotRequired[str]
    headroom: Figure
    instead: NotRequired[str]


class DemandEntry(TypedDict):
    """A test that has to do with a subject, and what it says about it."""

    nodeid: str
    source: str


class SubjectEntry(TypedDict):
    """A model and its inputs; its sections stand beside these keys. `name` is for people, and differs in each run."""

    name: str
    type: str
    inputs: list[str]
    training: bool
    signature: str
    nodeids: list[str]
    demands: list[DemandEntry]
    definitions: dict[str, int]


HEAD = frozenset(SubjectEntry.__annotations__)
"""The keys of a subject's entry that are no sections."""


class PanelEntry(TypedDict):
    """A panel of the user's own (`modelcheck.show`)."""

    nodeid: str
    subject: str
    title: str
    kind: Literal["text", "table", "image"]
    content: object
    signature: NotRequired[str]


class TableContent(TypedDict):
    """Of a panel that is a table."""

    columns: list[object]
    rows: list[list[object]]


class FailureEntry(TypedDict):
    """A test that failed, with checks or without, or a file that could not be collected.

    `phase` "process": its process died. `where`: file and line of the crash, `message` its line, `text` the end of what
    pytest prints.
    """

    nodeid: str
    phase: Literal["collect", "setup", "call", "teardown", "process"]
    where: str
    message: str
    text: str


class RunEntry(TypedDict):
    """The run as a whole. `options`: those without which its verdicts would be others, as one would give them again."""

    exit_status: int
    options: NotRequired[list[str]]
    interrupted: bool
    seconds: float
    tests: dict[str, int]
    no_result: list[str]
    waited: float


class RevisionEntry(TypedDict):
    """One side of a comparison."""

    commit: str
    created: str


class DifferenceEntry(TypedDict):
    """A fact of the environment that the two sides do not share."""

    name: str
    base: str
    head: str


class FigureEntry(TypedDict):
    """A figure at the base and now. `note` says why the two are not compared, where they are not."""

    metric: str
    title: str
    unit: str
    base: Figure
    head: Figure
    share: Figure
    note: NotRequired[str]


_From = TypedDict("_From", {"from": NotRequired[str]})


class SubjectChanges(_From):
    """What changed of one subject; the keys of the sections' own comparisons stand beside these."""

    name: str
    status: Literal["new", "removed", "changed", "unchanged"]
    metrics: list[FigureEntry]
    failed: NotRequired[dict[str, str]]


class Changes(TypedDict):
    """What changed between two records."""

    base: RevisionEntry
    head: RevisionEntry
    environment: list[DifferenceEntry]
    subjects: list[SubjectChanges]
    error: NotRequired[str]
    notes: NotRequired[list[str]]
    gone: NotRequired[list[str]]


class PairEntry(TypedDict):
    """A limit for which base and head were timed in turns: the comparison, why there is none, or what went wrong.

    `demand` says which limit of the test it is.
    """

    nodeid: str
    demand: str
    comparison: NotRequired[dict[str, object]]
    reason: NotRequired[str]
    error: NotRequired[str]


class MovesEntry(TypedDict):
    """Of this tree -> of the base."""

    tests: dict[str, str]
    names: dict[str, str]


LossPhase: TypeAlias = Literal["collect", "setup", "call", "teardown", "process", "skip"]


class LossEntry(TypedDict):
    """Why there is no figure at the base: of a test, of a file, or (`source`) of one subject of a test.

    `absent`: what the base provably has not, where that is why; empty where something failed. Phase "skip": it was
    skipped there.
    """

    nodeid: str
    phase: LossPhase
    source: str
    reason: str
    absent: str


class TrailerEntry(TypedDict):
    """A trailer `Modelcheck-Accept` between base and head: its text, and the line of the commit's message."""

    commit: str
    line: int
    text: str


class TrailersEntry(TypedDict):
    """All of them, the newest commit's first; `problem` says why they could not be read."""

    problem: str
    found: list[TrailerEntry]


class Record(TypedDict):
    """A run. What comes after `panels` is there where a base was measured or compared.

    Of a base that was measured: `lost`, why figures are missing; `own`, what its own tests demand, and `unknown`, why
    that is not known of some; `uses`, by test file, names of this tree with those that they have there; `marked`, tests
    that check a model in changed files; `moves`, test files and names that moved, of this tree -> of the base. `kept`:
    when its figures were made (seconds since 1970), where they are those of an earlier run.
    """

    schema_version: int
    created: str
    environment: dict[str, str]
    run: RunEntry
    subjects: list[SubjectEntry]
    checks: list[CheckEntry]
    panels: list[PanelEntry]
    failures: NotRequired[list[FailureEntry]]
    changes: NotRequired[Changes]
    dependencies: NotRequired[list[str]]
    seconds: NotRequired[float]
    lost: NotRequired[list[LossEntry]]
    own: NotRequired[list[CheckEntry]]
    unknown: NotRequired[list[LossEntry]]
    uses: NotRequired[dict[str, dict[str, str]]]
    marked: NotRequired[list[str]]
    moves: NotRequired[MovesEntry]
    notes: NotRequired[list[str]]
    pairs: NotRequired[list[PairEntry]]
    timed: NotRequired[list[tuple[str, str]]]
    trailers: NotRequired[TrailersEntry]
    kept: NotRequired[float]


class SiteEntry(TypedDict):
    """The call that makes a marker: its file, relative to pytest's root directory, the hash of what that held when it
    was collected, the line and column where the call begins and where it ends (as libcst counts), and how many
    arguments by position the marker had before.
    """

    file: str
    digest: str
    span: list[int]
    given: int


class BoundEntry(TypedDict):
    """A bound that a test demands, for who writes limits: of which demand, and which marker says it.

    `limit`: in base units; None where it is still to be written. `site`: None where the marker is made elsewhere.
    `is_shared`: whether tests of files that were not collected may have the marker too.
    """

    demand: str
    source: str
    marker: str
    where: str
    metric: str
    bound: Literal["max", "min"]
    limit: Figure
    site: SiteEntry | None
    is_shared: bool


class TestPart(TypedDict, total=False):
    """What one phase of a test reports; travels with pytest's own report.

    `planned`: by node id what tests demand, as if none of it had run; the first report of a process has all of them.
    `bounds`: likewise the bounds of all tests that were collected, where limits are written; those that do not run too.
    `is_by_limits`: the phase failed by nothing but limits that were missed.
    """

    subjects: list[SubjectEntry]
    checks: list[CheckEntry]
    panels: list[PanelEntry]
    waited: list[float]
    environment: dict[str, str]
    planned: dict[str, list[CheckEntry]]
    bounds: dict[str, list[BoundEntry]]
    is_by_limits: bool
