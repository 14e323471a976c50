"""`pytest-modelcheck init SPEC`: measure a model, and write a test file that passes today."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

from ..checks.registry import default_registry
from ..errors import RAISED, ModelCheckError, ModelRunError, SubjectError, in_short
from ..settings import InputSize, Settings
from ..text import file_stem, first_sentence, printable
from .draft import Draft, Test

if TYPE_CHECKING:
    from ..checks.registry import Registry
    from ..demand.trial import Mark, Trial
    from ..modelcheck import ModelCheck

MUCH = 30  # characters of arguments: more would fill every line about the model
FATAL = (SubjectError, ModelRunError)  # there is no model to measure


def started(spec: str, size: InputSize | None, *, snapshots: bool = False) -> str:
    """The text of the file; what to do with it goes to stderr. Raises ModelCheckError."""
    registry = default_registry()
    with _apart(), _own_errors(spec):
        from ..model.factory import made_inputs
        from ..modelcheck import ModelCheck

        given = size.keywords if size is not None else {}
        check = ModelCheck(spec, None, **given)  # type: ignore[arg-type]  # as markers say it
        own = made_inputs(spec)[1]
        if not given and own is not None:
            given = {"input_size": own}
        short = check.name.partition("(")[0]
        named = {"name": short} if len(check.name) - len(short) > MUCH else {}
        draft = Draft({"model": spec, **given, **named})
        for trial in registry.trials.values():
            _try(trial, check, registry, draft, snapshots)
    if not draft.tests:
        raise ModelCheckError("\n".join([f"{spec}: nothing can be tested of it:", *draft.left_out]))
    _advise(check.name, draft)
    return draft.text()


def _try(trial: Trial, check: ModelCheck, registry: Registry, draft: Draft, snapshots: bool) -> None:
    """Add what passes today to the draft, and why the rest does not."""
    if not (trial.has_budgets or (snapshots and trial.snapshot)):
        return
    print(f"pytest-modelcheck: {trial.name} …", file=sys.stderr)
    try:
        if trial.missing:
            raise ModelCheckError(trial.missing)
        if marks := list(trial.budgets(check)):
            _refuse_failing(marks, check, registry)
            draft.tests.append(Test(trial.name, marks=marks))
        if snapshots and trial.snapshot is not None:
            _refuse_failing(trial.marks, check, registry)
            if trial.body is not None:
                trial.body(check)
            draft.tests.append(Test(trial.snapshot[0], snapshot=trial.snapshot))
    except FATAL:
        raise
    except ModelCheckError as error:
        draft.left_out.append(f"{trial.name}: {first_sentence(printable(str(error), keep=chr(10)))}")


def _refuse_failing(marks: Sequence[Mark], check: ModelCheck, registry: Registry) -> None:
    """Raise ModelCheckError for a marker that does not pass, by the verdict that its test would get."""
    from ..demand.enforce import enforce
    from ..demand.markers import read_marker
    from ..demand.plan import Demand
    from ..demand.source import Source
    from ..verdict.judge import Outcome
    from ..verdict.limit import Place
    from ..verdict.message import fails, headline

    for mark in marks:
        marker = read_marker(registry, mark.name, mark.args, mark.kwargs, Place(), "")
        assert marker is not None
        assert marker.check is not None
        demands = [Demand(marker.check, limit, Source({"model": check.name})) for limit in marker.limits]
        for verdict in enforce(demands, lambda source: check.subject, Settings(), lambda *kept: None):
            if verdict.outcome is not Outcome.PASS or fails(verdict, strict=True):
                raise ModelCheckError(verdict.error or headline(verdict))


@contextmanager
def _apart() -> Iterator[None]:
    """What the model prints is no part of the file."""
    with redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _own_errors(spec: str) -> Iterator[None]:
    """Whatever the model raises is told in our words."""
    try:
        yield
    except ModelCheckError:
        raise
    except RAISED as error:
        raise ModelCheckError(f"{spec}: unexpected {in_short(error)}") from error


def _advise(name: str, draft: Draft) -> None:
    file = f"test_{file_stem(name.partition('(')[0]).replace('-', '_').replace('.', '_').lower()}.py"
    record = " --snapshot-update   # once, to record the snapshots" if draft.has_snapshots else ""
    print(f"pytest-modelcheck: save it as {file}, then: pytest {file}{record}", file=sys.stderr)
    if not draft.has_snapshots:
        hint = "limits see what costs more; --snapshots sees every other change of the model too"
        print(f"pytest-modelcheck: {hint}", file=sys.stderr)
