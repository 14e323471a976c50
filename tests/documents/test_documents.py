"""Every block of Python and every command of README and docs/ runs, and every output is what came out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .pages import PAGES, ROOT, Page, environment, examples

HERE = Path(__file__).parent
EXAMPLES = [(path, example.line) for path in PAGES for example in examples(path)]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Page]]:
    """Those that ran."""
    folder = tmp_path_factory.mktemp("documents")
    for name in ("pytest", "pytest-modelcheck", "python"):
        command = folder / name
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {HERE}/client.py {name} "$@"\n')
        command.chmod(0o755)
    known = environment(str(folder / "server"), folder)
    server = subprocess.Popen(
        [sys.executable, HERE / "server.py", folder / "server"], env=known, stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    yield {path: Page(path, tmp_path_factory.mktemp(path.stem), known) for path in PAGES}
    server.kill()
    server.wait()
    server.stdout.close()


@pytest.mark.parametrize(
    ("path", "line"), EXAMPLES, ids=[f"{path.relative_to(ROOT)}:{line}" for path, line in EXAMPLES]
)
def test_it_runs(pages, path, line):
    page = pages[path]
    if not page.outcomes:
        page.run()
    outcome = page.outcomes[line]
    if outcome is not None:
        raise outcome
