"""When this process first looked at exports, before it wrote any file: older ones in a report folder are an earlier
run's.
"""

from __future__ import annotations

import time

STARTED = time.time()
