"""What reads, compares and shows records, bound to the checks that come with the package."""

from __future__ import annotations

from typing import Any

from pytest_modelcheck.base import figures
from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.records import compare as _compare
from pytest_modelcheck.records import load
from pytest_modelcheck.records import merge as _merge
from pytest_modelcheck.report import markdown, page, terminal, text, write
from pytest_modelcheck.verdict.message import tell

REGISTRY = default_registry()


def compare(base: Any, head: Any) -> Any:
    return _compare.compare(base, head, REGISTRY)


def merge(records: Any) -> Any:
    return _merge.merge(records, REGISTRY)


def read_record(path: Any, **options: Any) -> Any:
    return load.read_record(path, REGISTRY, **options)


def check_record(record: Any, path: object) -> Any:
    return load.check_record(record, path, REGISTRY)


def render(record: Any) -> str:
    return page.render(record, REGISTRY)


def write_report(record: Any, directory: Any) -> Any:
    return write.write_report(record, directory, REGISTRY)


def record_markdown(record: Any, **options: Any) -> str:
    return markdown.record_markdown(record, REGISTRY, **options)


def comparison_markdown(changes: Any, *found: Any) -> str:
    return markdown.comparison_markdown(changes, REGISTRY, *found)


def changes_lines(record: Any, **options: Any) -> list[str]:
    return terminal.changes_lines(record, REGISTRY, **options)


def differing(rows: Any) -> Any:
    return text.differing(rows, REGISTRY)


def section_of(name: str) -> Any:
    return REGISTRY.sections[name]


def metric(name: str) -> Any:
    return REGISTRY.metrics[name]


class Base(figures.Base):
    def __init__(self, record: Any) -> None:
        super().__init__(record, REGISTRY)


def note(recorder: Any, verdict: Any, subject: Any = None) -> None:
    """Note a verdict as the plugin does, of a subject where it has one."""
    from dataclasses import replace

    known = {"subject": subject.name, "signature": subject.signature} if subject is not None else {}
    recorder.verdict(tell(replace(verdict, **known)))


def compared_section(name: str, old: Any, new: Any, paths: Any = ()) -> Any:
    """What a section's own comparison finds between two contents."""
    return REGISTRY.sections[name].changes.compare({name: old}, {name: new}, dict(paths), ())
