"""Whether a wheel holds the package, whole and alone: `python .ci/contents.py FROM_SDIST.whl FROM_TREE.whl`."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator

PACKAGE = "pytest_modelcheck/"
FIELDS = (
    "Summary",
    "License-Expression",
    "Keywords",
    "Requires-Python",
    "Project-URL",
    "Classifier",
    "Author",
)


def problems(wheel: zipfile.ZipFile, other: zipfile.ZipFile) -> Iterator[str]:
    """What is wrong, in sentences."""
    files, others = ({one.filename: one.CRC for one in held.infolist()} for held in (wheel, other))
    if files != others:
        yield f"sdist and tree make different wheels: {sorted(set(files.items()) ^ set(others.items()))[:5]}"
    tracked = subprocess.run(["git", "ls-files", PACKAGE], capture_output=True, text=True, check=True)
    held = {name for name in files if ".dist-info/" not in name}
    for name in sorted(held ^ set(tracked.stdout.split())):
        yield f"{name} is {'in the wheel, and not in the package' if name in held else 'not in the wheel'}"
    (path,) = (name for name in files if name.endswith(".dist-info/METADATA"))
    metadata = email.message_from_bytes(wheel.read(path))
    yield from (f"the metadata have no {field}" for field in FIELDS if not metadata[field])
    for address in re.findall(r"\]\(([^)#][^)]*)\)", str(metadata.get_payload())):
        if not address.startswith("https://"):
            yield f"README: the index cannot follow {address}, give its whole address"


if __name__ == "__main__":
    found = list(problems(*map(zipfile.ZipFile, sys.argv[1:])))
    sys.exit("\n".join(found) or 0)
