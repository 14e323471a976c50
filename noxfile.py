"""Sessions for nox, each in an environment of its own: `nox` runs all of them, `nox -s lint` one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nox
from packaging.requirements import Requirement

nox.options.reuse_existing_virtualenvs = True  # torch is large

PROJECT = nox.project.load_toml("pyproject.toml")["project"]
OLDEST = PROJECT["requires-python"].removeprefix(">=")
PYTHONS = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if "Python :: 3." in one]
OPTIONAL = ("torchvision", "onnx", "onnxscript", "onnxruntime", "libcst", "safetensors")


def floors(project: dict[str, Any] = PROJECT) -> Iterator[str]:
    """The lowest versions that a project's table declares, its extras' too, as constraints: `torch==2.6`."""
    extras = project.get("optional-dependencies", {})
    declared = [*project["dependencies"], *(text for texts in extras.values() for text in texts)]
    for one in map(Requirement, declared):
        if one.name != project["name"]:
            (least,) = (bound.version for bound in one.specifier if bound.operator == ">=")
            yield f"{one.name}=={least}"


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, on each Python that is here: `nox -s tests-3.12 -- tests/structure`; arguments go to pytest."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session(python=OLDEST)
def lowest(session: nox.Session) -> None:
    """The tests, with the lowest versions that pyproject.toml declares, together."""
    constraints = Path(session.create_tmp()) / "lowest.txt"
    constraints.write_text("\n".join(floors()), "utf-8")
    session.install("--constraint", str(constraints), "-e", ".[test]")
    session.run("pytest", *session.posargs, env={"MODELCHECK_VERSIONS": "lowest"})


@nox.session(python=PYTHONS[-1])
def newest(session: nox.Session) -> None:
    """The tests, with the newest versions of everything."""
    session.install("--upgrade", "--upgrade-strategy", "eager", "-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def bare(session: nox.Session) -> None:
    """Without each optional package, and without all: what needs it says the command that installs it."""
    session.install("-e", ".[example]")
    for absent in (*([one] for one in OPTIONAL), OPTIONAL):
        session.run("pip", "uninstall", "--quiet", "--yes", *absent)
        session.run(
            "pytest", "tests/acceptance/test_without_extras.py", env={"MODELCHECK_ABSENT": " ".join(absent)}
        )
        session.install("-e", ".[example]")


@nox.session
def lint(session: nox.Session) -> None:
    """Style, format, types and the import contracts; and of the scripts, also their tests. Needs node and npm."""
    session.install("-e", ".[test,docs]")
    session.run("npm", "ci", external=True)
    session.run("bash", ".ci/steps", "lint", external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """The site, and whether what its pages take from the source is what it says."""
    session.install("-e", ".[docs]")
    session.run("python", "docs/rooms.py", "--check")
    session.run("python", "docs/fill.py", "--check")
    session.run("mkdocs", "build", "--strict")


@nox.session
def example(session: nox.Session) -> None:
    """The example project, with its report."""
    session.install("-e", ".[example]")
    session.run("pytest", "example_project", "--modelcheck-report", *session.posargs)
