"""`pytest-modelcheck`: what can be done with records, in a shell. Needs no torch."""

from .main import main as main
