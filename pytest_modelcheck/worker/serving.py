"""Questions of this tree about the base's models, one after the other, until who asks is gone."""

from __future__ import annotations

import gc
import json
import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..model.draws import as_at, moment
from ..plugin.measuring import CheckedTest, checked_tests, draw_alike, sections_known
from .absence import absent, reason
from .contained import ENDING
from .given import GivenOptions
from .standins import Imports

if TYPE_CHECKING:
    from ..demand.source import Source
    from .redirect import Redirect


def listening(address: str) -> socket.socket:
    """There it can be asked from now on."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen()
    return server


def serve(server: socket.socket, job: dict[str, Any], redirect: Redirect) -> None:
    """Answer; the process is ended from outside."""
    gc.freeze()  # what is there stays: after each question pytest looks for garbage, twice
    while True:
        line, _ = server.accept()
        with suppress(OSError, ValueError), line, line.makefile("rwb") as talk:  # who asked may be gone
            said = _answer(job, redirect, json.loads(talk.readline()))
            talk.write(json.dumps(said).encode() + b"\n")


def _answer(job: dict[str, Any], redirect: Redirect, question: dict[str, str]) -> dict[str, Any]:
    run = _Question(question, Path(job["tree"]))
    plugins = [run, GivenOptions(job["options"])]
    test = f"{job['rootdir']}/{question['nodeid']}"
    with as_at(moment()), Imports(redirect):
        pytest.main([*job["serve"]["arguments"], test], plugins=plugins)
    return run.said


class _Question:
    """A pytest plugin: in the place of the test's body, the question is answered."""

    def __init__(self, question: dict[str, str], tree: Path) -> None:
        self.question, self.tree = question, tree
        self.said: dict[str, Any] = {"error": "the test was not collected"}

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        draw_alike(session.config)

    def pytest_exception_interact(self, call: pytest.CallInfo[Any]) -> None:
        if call.excinfo is not None:
            self._fail(call.excinfo.value)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        tests = [test for test in checked_tests(config, items) if test.nodeid == self.question["nodeid"]]
        items[:] = [test.item for test in tests]

    # After it is known which fixtures its demands need: these draw as they did when the test was measured.
    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for test in checked_tests(session.config, session.items):
            sources = test.sources
            test.replace_body(partial(self._answer, test, sources, session.config))
            test.demand_only(())

    def _answer(self, test: CheckedTest, sources: Sequence[Source], config: pytest.Config) -> None:
        import torch

        try:
            subject = test.subject(self._source(sources))
            section = sections_known(config)[self.question["section"]]
            assert section.answer is not None
            answered = section.answer(subject, torch.load(self.question["asked"], weights_only=True))
            torch.save(answered, self.question["answered"])
            self.said = {}
        except (Exception, *ENDING) as error:
            self._fail(error)

    def _source(self, given: Sequence[Source]) -> Source:
        """Of the subjects of a test the one of which it says so; the only one may be called otherwise here."""
        sources = {source.written: source for source in given}
        if self.question["source"] in sources:
            return sources[self.question["source"]]
        if len(sources) > 1:
            raise LookupError(f"the test has no subject {self.question['source']}")
        return next(iter(sources.values()))

    def _fail(self, error: BaseException) -> None:
        lacks = absent(error, self.tree)
        self.said = {"absent": lacks} if lacks else {"error": reason(error, self.tree)}
