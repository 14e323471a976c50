"""A project as a user has it."""

from ..acceptance.conftest import project

__all__ = ["project"]
