"""Sessions for nox, each in an environment of its own: `nox` runs all of them, `nox -s lint` one."""

from __future__ import annotations

import nox

nox.options.reuse_existing_virtualenvs = True  # torch is large


@nox.session
def tests(session: nox.Session) -> None:
    """The tests of the plugin; arguments go to pytest: `nox -s tests -- tests/structure`."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


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
