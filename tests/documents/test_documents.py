"""Every block of Python and every command of README and docs/ runs, and every output is what came out."""

from __future__ import annotations

from pathlib import Path

import pytest

from .pages import PAGES, ROOT, Page, environment, examples

EXAMPLES = [(path, example.line) for path in PAGES for example in examples(path)]


@pytest.fixture(scope="module")
def pages(commands: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """Those that ran."""
    known = environment(commands)
    return {path: Page(path, tmp_path_factory.mktemp(path.stem), known) for path in PAGES}


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
