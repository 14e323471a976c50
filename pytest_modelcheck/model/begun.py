"""Where python's generator stood when this package was loaded: the plugin loads it before any conftest.py is."""

import random

PYTHON = random.getstate()
