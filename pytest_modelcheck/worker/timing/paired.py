"""The process that compares: holds what the children share, asks for P1, falls back to P2, writes down each result.

No code of the user's runs here; it runs in children, which may die, hang or print what they like.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest  # noqa: F401  the children need it
import torch

from ...checks.latency import against
from ...checks.latency.region import machine_lock
from ...errors import ModelCheckError
from ...records.plain import to_json
from .apart import compare_apart
from .fork import Child, ChildError, Hung
from .revision import Incomparable, Job, Key, collect
from .together import Together
from .views import Owner, third_party

Result = dict[str, Any]
GRACE = 60.0  # seconds beyond the cap: the last chunk, and what comes before the first


def compare_all(given: Mapping[str, Any]) -> None:
    """Compare all keys of a job; each result is a line of `results` as soon as it is there."""
    job = Job.of(given)
    settle()
    import_shared(job)
    gc.collect()
    gc.freeze()
    with Path(job.results).open("a", encoding="ascii") as file:
        for (nodeid, demand), result in Comparisons(job):
            file.write(to_json({"nodeid": nodeid, "demand": demand, **result}) + "\n")
            file.flush()


def settle() -> None:
    """One thread, since a pool of threads does not survive a fork; kernels that have run once."""
    torch.set_num_threads(1)
    torch.nn.functional.conv2d(torch.zeros(1, 3, 8, 8), torch.zeros(4, 3, 3, 3))


def import_shared(job: Job) -> None:
    """Import what this tree imports of installed packages: the children find it there, and can watch it."""

    def start() -> Any:
        before = dict(sys.modules)
        collect(job)
        names = third_party(Owner(Path(job.root), Path(job.tree)), before)
        return lambda _: {"names": names}

    with suppress(ChildError), Child("a process with this tree", start) as child:
        for name in child.ask(job.timeout)["names"]:
            with suppress(Exception):
                importlib.import_module(name)


class Comparisons:
    """The results of a job, key by key: P1 while its process lives and agrees, else P2."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def __iter__(self) -> Iterator[tuple[Key, Result]]:
        with Child("the process with both revisions", lambda: Together(self.job)) as both:
            why, missing = self._load(both)
            for key in self.job.keys:
                if key in missing:
                    yield key, missing[key]
                    continue
                result: Result = {} if why else self._together(both, key)
                if "died" in result:
                    why = result["died"]
                yield key, result if _is_final(result) else self._apart(key, why or result["why"])

    def _load(self, both: Child) -> tuple[str, dict[Key, Result]]:
        """Why P1 is refused for all keys, and the results of those that a revision lacks."""
        try:
            said = both.ask(self.job.timeout, load=True)
        except Hung as error:
            return "", {key: {"error": str(error)} for key in self.job.keys}
        except ChildError as error:
            return str(error), {}
        missing: dict[Key, Result] = {}
        for revision, name in (("base", "at the base"), ("head", "in this tree")):
            for (nodeid, demand), text in said.get(revision, ()):
                missing[nodeid, demand] = {"error": f"not measured {name}: {text}"}
        return str(said.get("why", "")), missing

    def _together(self, both: Child, key: Key) -> Result:
        with machine_lock() as waited:
            try:
                said = both.ask(self.job.cap + GRACE, key=key)
            except Hung as error:
                both.close()
                return {"error": str(error), "died": str(error)}
            except ChildError as error:
                return {"why": str(error), **({"died": str(error)} if both.status is not None else {})}
        if "comparison" in said:
            said["comparison"]["waited"] = waited
        return said

    def _apart(self, key: Key, why: str) -> Result:
        try:
            with machine_lock() as waited:
                seen = compare_apart(self.job, key, why)
            return {"comparison": against.pack(replace(seen, waited=waited))}
        except Incomparable as reason:
            return {"reason": str(reason)}
        except (ChildError, ModelCheckError) as error:
            return {"error": f"{error}\n(apart, because: {why})"}


def _is_final(result: Result) -> bool:
    return bool({"comparison", "error", "reason"} & set(result))
