"""What README and the pages of docs/ name is there, and what is there has its place on a page."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.registry import default_registry

from .pages import PAGES, ROOT, RUN

DOCS = ROOT / "docs"
HOME = "https://github.com/pytest-modelcheck/pytest-modelcheck"
TEXTS = {path: path.read_text("utf-8") for path in PAGES}
LINKS = sorted(
    {
        (path, link)
        for path, text in TEXTS.items()
        for link in re.findall(rf"{HOME}/(?:blob|tree)/main/([^)\s]+)", text)
    }
)


@pytest.fixture(scope="module")
def fill():
    sys.path.insert(0, str(DOCS))
    yield importlib.import_module("fill")
    sys.path.remove(str(DOCS))


def anchors(path: Path) -> set[str]:
    """As GitHub and mkdocs both make them of plain headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_block_is_of_a_language_that_runs_or_that_cannot(page):
    fences = re.findall(r"^ *```([^\n]*)\n.*?^ *```$", TEXTS[page], re.M | re.S)
    others = {"toml", "yaml", "html", "markdown", "signature"}
    assert {fence.partition(" ")[0] for fence in fences} <= {*RUN, *others}


def test_readme_is_short():
    assert len(TEXTS[ROOT / "README.md"].splitlines()) <= 200


@pytest.mark.parametrize(("page", "link"), LINKS, ids=[f"{page.name}: {link}" for page, link in LINKS])
def test_a_link_into_the_repository_leads_somewhere(page, link):
    path, _, anchor = link.partition("#")
    assert (ROOT / path).exists()
    assert not anchor or anchor in anchors(ROOT / path)


def test_readmes_pictures_have_absolute_addresses():
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", TEXTS[ROOT / "README.md"])
    assert pictures
    for picture in pictures:
        base, _, path = picture.partition("/main/")
        assert base == HOME.replace("github.com", "raw.githubusercontent.com")
        assert (ROOT / path).exists()


@pytest.mark.parametrize("marker", sorted(default_registry().checks))
def test_a_marker_has_its_place(marker):
    assert any(f"<!-- marker: {marker} -->" in text for text in TEXTS.values())


@pytest.mark.parametrize("method", sorted(name for name in dir(ModelCheck) if name[0] != "_"))
def test_a_method_has_its_place(method):
    shown = any(re.search(rf"^::: pytest_modelcheck\..*Methods\.{method}$", t, re.M) for t in TEXTS.values())
    assert (
        shown
        or method in ("subject", "name", "show")
        or f"- `{method}`: " in TEXTS[DOCS / "checks/explain.md"]
    )


def test_every_message_is_on_the_page(fill):
    page = TEXTS[DOCS / "messages.md"]
    assert [message for message in sorted(fill.told()) if f"- {fill._code(message)}" not in page] == []


def test_advice_is_of_messages_that_there_are(fill):
    assert set(fill.ADVICE) <= fill.told()
