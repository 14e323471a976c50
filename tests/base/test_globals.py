"""What an import can change for the whole process is seen: settings, functions, methods, operators, libraries."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from pytest_modelcheck.worker.timing.globals import Globals
from pytest_modelcheck.worker.timing.operators import conflicts, registrations
from pytest_modelcheck.worker.timing.views import LateImports, Libraries, Owner, View


def nobody(module):
    return False


def test_nothing_changed_is_nothing_seen():
    before = Globals(nobody)
    nn.Linear(2, 2)(torch.zeros(1, 2))
    assert before.changes(Globals(nobody)) == []


def test_a_default_device_that_is_taken_back_is_no_change(restored):
    before = Globals(nobody)
    torch.set_default_device("meta")
    torch.set_default_device(None)
    assert before.changes(Globals(nobody)) == []


CHANGES = {
    "default device": (lambda m: torch.set_default_device("meta"), "the default device"),
    "default dtype": (lambda m: torch.set_default_dtype(torch.float64), "the default dtype"),
    "threads": (lambda m: torch.set_num_threads(torch.get_num_threads() + 1), "the number of threads"),
    "denormals": (lambda m: torch.set_flush_denormal(True), "flushing of denormal numbers"),
    "grad mode": (lambda m: torch.set_grad_enabled(False), "grad mode"),
    "global hook": (
        lambda m: nn.modules.module.register_module_forward_hook(lambda *a: None),
        "hooks of all modules",
    ),
    "environment": (lambda m: m.setenv("NETS_FAST", "1"), "environment variables"),
    "function": (lambda m: m.setattr(nn.functional, "relu", nn.functional.gelu), "torch.nn.functional.relu"),
    "method": (lambda m: m.setattr(nn.Module, "cpu", lambda s: s), "torch.nn.modules.module.Module.cpu"),
    "new method": (
        lambda m: m.setattr(nn.Module, "describe", lambda s: 1, raising=False),
        "torch.nn.modules.module.Module.describe",
    ),
}


@pytest.fixture
def restored():
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    yield
    torch.set_default_device(None)
    torch.set_default_dtype(dtype)
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)
    torch.set_grad_enabled(True)
    nn.modules.module._global_forward_hooks.clear()


@pytest.mark.parametrize(("change", "seen"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_seen(change, seen, monkeypatch, restored):
    before = Globals(nobody)
    change(monkeypatch)
    assert seen in before.changes(Globals(nobody))


def test_what_a_plugin_of_pytest_changes_of_itself_concerns_no_model(monkeypatch):
    """pytest-order makes a hook of its own class anew whenever pytest begins."""
    before = Globals(nobody)
    monkeypatch.setattr("xdist.plugin.pytest_addoption", lambda parser: None)
    assert before.changes(Globals(nobody)) == []
    monkeypatch.setattr("xdist.scheduler.LoadScheduling.schedule", lambda self: None)
    assert before.changes(Globals(nobody)) == ["xdist.scheduler.load.LoadScheduling.schedule"]


def define(name):
    @torch.library.custom_op(f"modelcheck_tests::{name}", mutates_args=())
    def same(x: torch.Tensor) -> torch.Tensor:
        return x.clone()


def test_operators_of_both_are_a_conflict_those_of_one_are_not():
    with registrations() as base:
        define("both")
        define("base_only")
    with registrations() as head:
        define("both")
    found = conflicts(base, head)
    assert found[0] == "modelcheck_tests::both"
    assert not [name for name in found if "base_only" in name]
    assert conflicts(set(), {"aten::relu on CPU"}) == ["aten::relu on CPU"]


def write(folder: Path, value: int) -> None:
    package = folder / "twice_there"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from .value import VALUE\nimport fractions")
    (package / "value.py").write_text(f"VALUE = {value}\ndef late():\n    import twice_there.value")


def test_two_trees_live_side_by_side_and_share_what_is_installed(tmp_path, monkeypatch):
    views = []
    owner = Owner(tmp_path / "a", tmp_path / "b")
    for value, name in enumerate("ab"):
        write(tmp_path / name, value)
        view = View(owner)
        with view:
            sys.path.insert(0, str(tmp_path / name))
            import twice_there

            assert value == twice_there.VALUE
        views.append((view, twice_there))
        assert "twice_there" not in sys.modules
        assert str(tmp_path / name) not in sys.path
    (a, first), (b, second) = views
    assert first is not second
    assert first.fractions is second.fractions
    for view, module in views:
        with view:
            assert sys.modules["twice_there"] is module
    assert a.names == b.names == {"twice_there"}
    with LateImports(a.names) as late, pytest.raises(ImportError):
        first.value.late()
    assert late.seen == ["twice_there"]


def test_a_library_of_the_users_own_is_seen_an_installed_one_is_not(tmp_path, monkeypatch):
    """Pillow's, as Python's own may all be built in."""
    spec = importlib.util.find_spec("PIL._imagingmath")
    library = Path(spec.origin)
    shutil.copy(library, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with Libraries() as libraries:
        import _imagingmath  # noqa: F401
    monkeypatch.delitem(sys.modules, "_imagingmath")
    assert libraries.seen == [str(tmp_path / library.name)]
    with Libraries() as libraries:
        importlib.util.module_from_spec(spec)
    assert libraries.seen == []
