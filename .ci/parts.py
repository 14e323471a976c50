"""The distributions that come with a wheel, its extras left out, as they are in this environment.

`python .ci/parts.py WHEEL FOLDER PYPROJECT` links what tells of them into FOLDER, an empty site-packages, writes what
the wheel says of itself as a pyproject.toml, and ends with 1 where a licence is not known to be permissive.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from email.message import Message
from email.parser import Parser
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Words of SPDX expressions, of classifiers, and of older fields. Under MPL-2.0 changed files of it stay under it.
PERMISSIVE = re.compile(r"\b(MIT|BSD|0BSD|Apache|ISC|PSF|Python-2\.0|HPND|MPL|Unlicense)\b")
OTHERS = re.compile(r"GPL|General Public|Proprietary")
BY_TORCH = re.compile(r"(nvidia|cuda)-")  # on Linux, from PyPI: NVIDIA's own terms
FIELDS = {"name": "Name", "version": "Version", "description": "Summary", "license": "License-Expression"}


def required(lines: Iterable[str], extras: Iterable[str] = ()) -> Iterator[Requirement]:
    """Those of the requirements that hold here."""
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def parts(needs: Iterable[Requirement]) -> dict[str, metadata.Distribution]:
    """What these require, and what that requires, by name."""
    found, seen, waiting = {}, set(), list(needs)
    while waiting:
        one = waiting.pop()
        key = (canonicalize_name(one.name), frozenset(one.extras))
        if key not in seen:
            seen.add(key)
            found[key[0]] = metadata.distribution(one.name)
            waiting += required(found[key[0]].requires or (), one.extras)
    return found


def licence(part: metadata.Distribution) -> str:
    """All that it says of its licence."""
    told = part.metadata
    classifiers = [line for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    return told.get("License-Expression") or "; ".join([told.get("License", "")[:100], *classifiers])


def pyproject(wheel: Message, needs: Iterable[Requirement]) -> str:
    """What a list of parts says of the whole."""
    facts = {key: wheel[field] for key, field in FIELDS.items()} | {"dependencies": list(map(str, needs))}
    return "[project]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in facts.items())


def main(wheel: str, folder: str, target: str) -> str:
    """See above; what is wrong, in sentences."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        whole = Parser().parsestr(archive.read(name).decode())
    needs = list(required(whole.get_all("Requires-Dist", [])))
    Path(target).write_text(pyproject(whole, needs), "utf-8")
    found = parts(needs)
    for part in found.values():
        place = Path(str(part._path))  # of no public name
        (Path(folder) / place.name).symlink_to(place)
    licences = {name: licence(part) for name, part in found.items() if not BY_TORCH.match(name)}
    return "\n".join(
        f"{name}: its licence is not known to be permissive: {words!r}"
        for name, words in licences.items()
        if not PERMISSIVE.search(words) or OTHERS.search(words)
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) or 0)
