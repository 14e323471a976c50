"""The tests of `--modelcheck-model`: what can be asked of any model without a limit, and without a test file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..demand import SUBJECT
from ..demand.trial import Trial
from ..settings import InputSize
from .log import SECTION, write
from .state import run_of, state_of

if TYPE_CHECKING:
    from ..demand.source import Source
    from ..model.subject import Subject
    from .state import Run

NO_PATHS = (pytest.Config.ArgsSource.INVOCATION_DIR, pytest.Config.ArgsSource.TESTPATHS)


class Models:
    """Hooks of a run with models from the command line."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.seen: list[str] = []  # what tests that passed saw, in a line each
        if run.config.args_source in NO_PATHS:  # then these models alone
            run.config.args = []

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            self.run.wake()
            report.result = [*report.result, *self._nodes(collector)]
        return report

    def _nodes(self, session: pytest.Session) -> Iterator[ModelNode]:
        """A model each, called so that no two have one name."""
        from ..model.spec import title

        settings = self.run.settings
        sizes = settings.input_size or (InputSize((), ()),)
        sizes = sizes * len(settings.model) if len(sizes) == 1 else sizes
        called = Counter(map(title, settings.model))
        for spec, size in dict.fromkeys(zip(settings.model, sizes, strict=True)):
            alone = called[title(spec)] == 1
            name = title(spec) if alone else f"{spec} ({size})" if settings.model.count(spec) > 1 else spec
            yield ModelNode.of(session, name, spec, size)

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # around what enforces markers
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        if not isinstance(item, TrialItem):
            return (yield)
        from ..errors import ModelRunError, SubjectError

        node = item.model
        if node.broken:
            item.skip(f"{node.broken} failed, and this would for the same reason")
        try:
            return (yield)
        except (ModelRunError, SubjectError):
            node.broken = item.nodeid
            raise

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            told = (text for name, text in report.sections if SECTION in name)
            self.seen += [f"{report.nodeid}: {text.partition(chr(10))[0]}" for text in told]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        lines = [*self.seen, *self._left_out()] if self.run.runs_tests else []
        if lines:
            terminalreporter.section("models")
        for line in lines:
            write(terminalreporter, line)

    def _left_out(self) -> Iterator[str]:
        """What is not tested since a package is missing, and how to have it."""
        settings = self.run.settings
        for trial in self.run.registry.trials.values():
            if trial.missing and not settings.left_out(trial.name, *trial.words):
                yield f"left out: {trial.missing}"


class ModelNode(pytest.Collector):
    """A model of the command line: its tests share it."""

    def __init__(self, *, spec: str, size: InputSize, **known: Any) -> None:
        super().__init__(**known)
        self.spec, self.size = spec, size
        self.broken = ""  # the test that found that the model cannot be made, or cannot run
        self.add_marker(getattr(pytest.mark, SUBJECT)(model=spec, name=self.name, **size.keywords))
        self._subjects: dict[object, Subject] = {}

    @classmethod
    def of(cls, session: pytest.Session, name: str, spec: str, size: InputSize) -> ModelNode:
        """The node `name` of a session."""
        place = Path(session.config.rootpath, name.replace("/", "-").replace(":", "-"))
        made = cls.from_parent(session, name=name, nodeid=name, path=place, spec=spec, size=size)
        assert isinstance(made, cls)
        return made

    def collect(self) -> Iterator[TrialItem]:
        """A test for each that there is."""
        for trial in run_of(self.config).registry.trials.values():
            if trial.is_test:
                item = TrialItem.from_parent(self, name=trial.name, trial=trial)
                assert isinstance(item, TrialItem)
                yield item

    def subject(self, source: Source) -> Subject:
        """The model, made once."""
        key = source.written
        if key not in self._subjects:
            from ..model.subject import build_subject

            said = {k: v for k, v in source.keywords.items() if k not in ("model", "inputs")}
            self._subjects[key] = build_subject(self.spec, None, **said)  # type: ignore[arg-type]  # a marker's words
        return self._subjects[key]


class TrialItem(pytest.Item):
    """One test of a model."""

    def __init__(self, *, trial: Trial, **known: Any) -> None:
        super().__init__(**known)
        self.trial, self.body = trial, trial.body
        for mark in trial.marks:
            self.add_marker(getattr(pytest.mark, mark.name)(*mark.args, **mark.kwargs))
        settings = run_of(self.config).settings
        if reason := settings.left_out(trial.name, *trial.words) or trial.missing:
            self.add_marker(pytest.mark.skip(reason=reason.replace("\n", " ")))

    @property
    def model(self) -> ModelNode:
        """Whose test it is."""
        assert isinstance(self.parent, ModelNode)
        return self.parent

    @property
    def written(self) -> str:
        """Where a user finds what its markers say."""
        return f"--modelcheck-model={self.model.spec}"

    def skip(self, reason: str) -> None:
        """End the test."""
        raise pytest.skip.Exception(reason, _use_item_location=True)

    def setup(self) -> None:
        """The tests of a model share it."""
        state_of(self).resolver.make = self.model.subject

    def runtest(self) -> None:
        """What the trial looks at, with the text of what it saw as a section of pytest's report."""
        from ..modelcheck import ModelCheck

        state = state_of(self)
        subject = state.resolver(state.plan.source)
        if self.body is not None:
            told = self.body(ModelCheck._of(subject, state.recorder))
            self.add_report_section("call", SECTION, told)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """An error of ours as its text, with what it says at length where all is asked for."""
        from ..errors import ModelCheckError, ModelRunError

        error = excinfo.value
        if not isinstance(error, ModelCheckError):
            return super().repr_failure(excinfo, style)
        told = [str(error)]
        if isinstance(error, ModelRunError):
            told += self._other_size()
        if error.details and self.config.option.verbose > 1:
            told.append(error.details)
        return "\n".join(told)

    def _other_size(self) -> list[str]:
        """What to do where a model does not run on its inputs: perhaps they are of another size."""
        from ..model.guess import guess_size

        guess = None
        with suppress(Exception):  # the model is broken, perhaps
            state = state_of(self)
            guess = guess_size(state.resolver(state.plan.source).architecture)
        if guess is None:
            return ["If the inputs are wrong: --modelcheck-input-size=1,3,224,224"]
        return [
            f"If the inputs are wrong: --modelcheck-input-size={guess.option}, a guess from {guess.layer}"
        ]

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Under the name of its model."""
        return self.model.path, 0, self.nodeid
