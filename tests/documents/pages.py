"""A page of the documentation as a small project: its blocks are files and commands, in the order in which they stand.

- ```` ```python title="tests/test_net.py" ````: a file, of whatever language, for the commands that follow.
- ```` ```python ````: with tests in it, a test file that must pass; else a script.
- ```` ```sh ````: commands. Exit status 0, or what `<!-- status: 1 -->` before it says.
- ```` ```text ```` right behind a command or a script: lines of its output, in this order; `...` stands for anything.
- `<!-- skip: next "why" -->` before a block: it is not run here, and the test says why.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from unittest import SkipTest

from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown import SkipParser
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, RawFencedCodeBlockLexer

ROOT = Path(__file__).parents[2]
START = ROOT / "docs/start.md"  # what it builds, all other pages have
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = ("python", "sh", "text")
LONGEST = 120  # seconds that a command may take
INFO = re.compile(r'(?P<language>\w+)(?: title="(?P<title>[^"]+)")?[^\n]*\n')


class Block(NamedTuple):
    """A fenced block."""

    language: str
    title: str | None
    source: str

    @property
    def is_test(self) -> bool:
        return self.language == "python" and bool(re.search(r"^\s*(def|class) [tT]est", self.source, re.M))


def blocks(document: Document) -> Iterator[Region]:
    """Sybil's parser of the blocks that are files or run."""
    for region in RawFencedCodeBlockLexer(INFO)(document):
        block = Block(region.lexemes["language"], region.lexemes["title"], str(region.lexemes["source"]))
        if block.title or block.language in RUN:
            yield Region(region.start, region.end, block, evaluate)


def statuses(document: Document) -> Iterator[Region]:
    """Sybil's parser of the exit status that is expected."""
    for region in DirectiveInHTMLCommentLexer("status")(document):
        yield Region(region.start, region.end, int(region.lexemes["arguments"]), expect)


def expect(example: Example) -> None:
    example.namespace["status"] = example.parsed


def evaluate(example: Example) -> None:
    page: Page = example.namespace["page"]
    page.evaluate(example.parsed, example.line, example.namespace.pop("status", 0))


SYBIL = Sybil([blocks, statuses, SkipParser()], pattern="*.md", path=str(ROOT))


def parsed(path: Path) -> Document:
    document = SYBIL.parse(path)
    document.namespace["absent"] = lambda name: importlib.util.find_spec(name) is None
    return document


def examples(path: Path) -> list[Example]:
    """The blocks of a page."""
    return [example for example in parsed(path).examples() if isinstance(example.parsed, Block)]


class Page:
    """Runs a page in a folder, its own. `outcomes`: what went wrong with each block, by its line."""

    def __init__(self, path: Path, folder: Path, environment: Mapping[str, str]) -> None:
        self.path, self.folder, self.environment = path, folder, environment
        self.output = ""
        self.tests: dict[int, Block] = {}
        self.outcomes: dict[int, Exception | None] = {}

    def run(self) -> None:
        if self.path != START:
            for example in examples(START):
                self.write(example.parsed)
        document = parsed(self.path)
        document.namespace["page"] = self
        for example in document.examples():
            outcome: Exception | None = None
            try:
                example.evaluate()
            except (Exception, SkipTest) as error:
                outcome = error
            self.outcomes.setdefault(example.line, outcome)
        self.outcomes |= self.tested()

    def write(self, block: Block) -> None:
        if block.title:
            file = self.folder / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.source, "utf-8")

    def evaluate(self, block: Block, line: int, status: int) -> None:
        """Write or run a block, or compare it with what came out before."""
        before, self.output = self.output, ""
        if block.title:
            self.write(block)
        elif block.is_test:
            self.tests[line] = block._replace(title=f"tests/test_line_{line}.py")
        elif block.language == "text":
            self.compare(block.source, before)
        elif block.language == "python":
            self.write(block._replace(title="script.py"))
            self.call("python script.py", status)
        else:
            self.call(block.source, status)

    def call(self, commands: str, status: int = 0) -> None:
        """Run commands of a shell; their output is kept."""
        done = subprocess.run(
            ["bash", "-e", "-c", commands],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST,
        )
        self.output = done.stdout
        assert done.returncode == status, f"exit status {done.returncode}\n{done.stdout}"

    def compare(self, told: str, output: str) -> None:
        """Raise AssertionError at the first line that did not come out."""
        assert output, "nothing ran before it: an illustration is skipped, with the reason"
        left = [re.sub(r"\s+", " ", line).strip() for line in output.splitlines()]
        for line in filter(str.strip, told.splitlines()):
            pattern = re.escape(re.sub(r"\s+", " ", line).strip()).replace(r"\.\.\.", ".*")
            found = next((i for i, seen in enumerate(left) if re.fullmatch(pattern, seen)), None)
            assert found is not None, f"not in the output, or not in this order: {line}\n\n{output}"
            left = left[found + 1 :]

    def tested(self) -> dict[int, Exception | None]:
        """The outcomes of the page's test files, in one run that writes the snapshots they compare with."""
        if not self.tests:
            return {}
        for block in self.tests.values():
            self.write(block)
        files = " ".join(str(block.title) for block in self.tests.values())
        error = ""
        try:
            self.call(f"pytest {files} -q --snapshot-update --junitxml=junit.xml -p no:cacheprovider")
        except AssertionError as failed:
            error = str(failed)
        passed = _passed(self.folder / "junit.xml")
        return {
            line: None if passed.get(f"tests.test_line_{line}") else AssertionError(error or "no test ran")
            for line in self.tests
        }


def _passed(junit: Path) -> dict[str, bool]:
    """Whether all tests of a file passed, by its dotted name."""
    found: dict[str, bool] = {}
    for case in ElementTree.parse(junit).iter("testcase") if junit.exists() else ():
        name = ".".join(case.get("classname", "").split(".")[:2]) or case.get("name", "")
        good = not any(child.tag in ("failure", "error", "skipped") for child in case)
        found[name] = found.get(name, True) and good
    return found


def environment(commands: Path) -> dict[str, str]:
    """Of a user at a terminal of 100 columns, with our commands first."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "GITHUB_", "GIT_")) and name not in ("CI", "BUILD_NUMBER")
    }
    author = {
        f"GIT_{who}_{key}": value
        for who in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", "you"), ("EMAIL", "you@example.org"))
    }
    return (
        kept
        | author
        | {
            "COLUMNS": "100",
            "OMP_NUM_THREADS": "1",
            "PYTEST_ADDOPTS": os.environ.get("PYTEST_ADDOPTS", ""),
            "PATH": f"{commands}{os.pathsep}{kept.get('PATH', '')}",
            "PYTHONDONTWRITEBYTECODE": "1",  # an edit of equal size within the second would not be seen
            "PYTHONPATH": str(ROOT),
        }
    )
