"""`pytest-modelcheck`: what can be done with records, in a shell, without torch; and a test file to begin with."""

from .main import main as main
