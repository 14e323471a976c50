"""What this project takes from others, and what it hands on: its workflows, and those that the pages show.

zizmor knows more of workflows and is a step of `.ci/steps`; here stands what must not depend on a tool's opinion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
RIGHTS = {  # what a job may do beyond reading
    "example-comment.yml comment": {"pull-requests"},
    "release.yml publish": {"id-token"},
    "release.yml announce": {"contents"},
}
SHOWN = re.compile(r'^```yaml title="\.github/workflows/[^"]*"\n(.*?)^```', re.M | re.S)


def texts() -> dict[str, str]:
    """Workflows and actions by name; those that pages show, by page."""
    files = [*sorted(GITHUB.glob("workflows/*.yml")), *sorted(GITHUB.glob("actions/*/action.yml"))]
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    shown = {
        f"{page.name} {n}": text
        for page in pages
        for n, text in enumerate(SHOWN.findall(page.read_text("utf-8")))
    }
    return {path.name: path.read_text("utf-8") for path in files} | shown


TEXTS = texts()
OURS = {name: text for name, text in TEXTS.items() if name.endswith(".yml")}
WORKFLOWS = {name: yaml.safe_load(text) for name, text in TEXTS.items() if name != "action.yml"}
JOBS = {
    f"{name} {job}": facts for name, content in WORKFLOWS.items() for job, facts in content["jobs"].items()
}


def steps(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those of a workflow or an action."""
    for job in (content.get("runs", {}), *content.get("jobs", {}).values()):
        yield from job.get("steps", ())


def test_there_is_something_to_look_at():
    assert {"ci.yml", "release.yml", "supply.yml", "action.yml", "ci.md 0"} <= set(TEXTS)


@pytest.mark.parametrize("text", OURS.values(), ids=OURS)
def test_actions_of_others_are_pinned_with_their_version_beside(text):
    for line in re.findall(r"\buses: *(.*)", text):
        assert line.startswith("$/") or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), (
            line
        )


def test_an_action_is_the_same_wherever_it_is_used():
    used = {line for text in OURS.values() for line in re.findall(r"\buses: *([\w-].*)", text)}
    assert len(used) == len({line.partition("@")[0] for line in used}) > 4


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_nothing_from_outside_becomes_part_of_a_script(text):
    for step in steps(yaml.safe_load(text)):
        assert "${{" not in step.get("run", "") + step.get("with", {}).get("script", "")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_checkout_leaves_no_credentials_in_the_tree(text):
    for step in steps(yaml.safe_load(text)):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("content", WORKFLOWS.values(), ids=WORKFLOWS)
def test_a_workflow_may_read_and_no_more(content):
    assert content["permissions"] == {"contents": "read"}
    assert "secrets." not in str(content)


@pytest.mark.parametrize(("name", "job"), JOBS.items(), ids=JOBS)
def test_a_job_has_the_rights_that_it_needs(name, job):
    more = {right for right, level in job.get("permissions", {}).items() if level != "read"}
    assert more == RIGHTS.get(name, set())


def test_code_of_a_pull_request_never_runs_with_rights():
    """YAML takes the key `on` for true."""
    for name, content in WORKFLOWS.items():
        events = {content[True]} if isinstance(content[True], str) else set(content[True])
        assert "pull_request_target" not in events
        if "workflow_run" in events:
            assert name == "example-comment.yml"
            assert all("ref" not in step.get("with", {}) for step in steps(content))  # the default branch's


def test_what_publishes_runs_no_code_of_the_tree_and_takes_nothing_from_a_cache():
    jobs = WORKFLOWS["release.yml"]["jobs"]
    assert "cache" not in str(jobs)
    assert jobs["publish"]["environment"]["name"] == "pypi"
    for name in ("publish", "announce"):
        used = [step.get("uses", "").partition("@")[0] for step in jobs[name]["steps"]]
        assert "actions/checkout" not in used
        assert used[0] == "actions/download-artifact"
    assert {step["run"].split()[0] for step in jobs["announce"]["steps"] if "run" in step} == {"gh"}


def test_updates_are_offered_for_all_that_is_taken_and_not_on_their_first_day():
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text("utf-8"))["updates"]
    assert {one["package-ecosystem"] for one in updates} == {"pip", "npm", "github-actions"}
    assert all(one["cooldown"]["default-days"] >= 7 for one in updates)
