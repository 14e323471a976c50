"""A user's files, for type checkers: `mypy` and `pyright` are steps of `.ci/steps`."""
