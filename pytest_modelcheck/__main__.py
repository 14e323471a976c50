"""`python -m pytest_modelcheck`: the same as `pytest-modelcheck`."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
