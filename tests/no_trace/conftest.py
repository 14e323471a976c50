"""Surroundings in which nothing is left by others."""

import contextlib
import tempfile

import pytest
import torch

from pytest_modelcheck.checks.latency import region

from . import methods, subjects


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch, tmp_path):
    """Temporary files of our own; no time that is measured here matters, so nobody has to wait for it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(region, "lock_path", lambda: tmp_path.parent / "lock")
    monkeypatch.setattr(region.gc, "collect", lambda *_: 0)


@pytest.fixture(scope="session")
def warmed():
    """All that methods load when they first run is loaded."""
    torch.set_num_threads(torch.get_num_threads())
    check = subjects.check()
    for name in methods.QUICKEST:
        with contextlib.suppress(Exception):
            methods.CALLS[name](check)
