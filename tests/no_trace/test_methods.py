"""Every public method: there is a call of it, and it leaves nothing when it works, fails, or is stopped."""

import contextlib
import itertools
import random
import signal
import warnings
from functools import partial

import pytest
import torch
from torch._dynamo import eval_frame
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

from pytest_modelcheck.model import kineto, shared, undoing
from pytest_modelcheck.model.eager import eager

from .interrupts import interrupted, sites
from .methods import CALLS, DEAR, LONG, QUICKEST, called, public
from .scene import differing, scene, surroundings
from .subjects import check as fresh

pytestmark = pytest.mark.usefixtures("warmed")
MEASURES = [name for name in QUICKEST if name not in ("name", "subject", "show")]
SEEDS = range(3)


@pytest.fixture(autouse=True)
def anew(monkeypatch):
    """No measurement is shared with an earlier one, and no warning is of interest."""
    monkeypatch.setattr(shared, "MOST", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def measure(name, check):
    shared._KEPT.clear()
    return CALLS[name](check)


def of(check):
    return scene(check.subject.module, check.subject.inputs.args)


def test_each_public_method_is_called():
    assert called() == public()


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in LONG else []) for n in CALLS if n not in DEAR]
)
def test_a_method_that_works_leaves_nothing(name):
    check = fresh()
    if name in LONG:
        measure(name, check)  # loads much
    before = of(check)
    with contextlib.nullcontext() if name != "show" else pytest.raises(Exception, match="no test running"):
        measure(name, check)
    assert differing(before, of(check)) == []


class PlantedError(Exception):
    """The user's."""


@contextlib.contextmanager
def module_fails(check, turn):
    """A global hook of the user's raises at a call of a module."""
    left = itertools.count(1)

    def hook(module, args):
        if next(left) == turn:
            raise PlantedError

    with register_module_forward_pre_hook(hook):
        yield


@contextlib.contextmanager
def hook_fails(check, turn):
    """A hook on a layer does."""
    left = itertools.count(1)

    def hook(module, args, output):
        if next(left) == turn:
            raise PlantedError

    with check.subject.module.more.register_forward_hook(hook):
        yield


@contextlib.contextmanager
def operator_fails(check, turn):
    """An operator does: its shapes do not fit."""
    left = itertools.count(1)

    def hook(module, args):
        return (args[0][:, :-1],) if next(left) == turn else None

    with check.subject.module.head.register_forward_pre_hook(hook):
        yield


FAULTS = (module_fails, hook_fails, operator_fails)


@pytest.mark.parametrize(
    ("name", "fails"),
    [
        pytest.param(name, fails, marks=[] if i % 6 == FAULTS.index(fails) else [pytest.mark.slow])
        for i, name in enumerate(MEASURES)
        for fails in FAULTS
    ],
)
def test_a_model_that_fails_at_some_call_leaves_nothing(name, fails):
    turn = random.Random(f"{name} {fails.__name__}").choice([1, 2, 3, 5])
    check = fresh()
    with fails(check, turn):
        before = of(check)
        with contextlib.suppress(Exception):
            measure(name, check)
        after = of(check)
    del before["the model and its inputs"], after["the model and its inputs"]  # the hook counts
    assert differing(before, after) == []
    assert undoing._ledger() == []


def stopped(name, seed, tries):
    """What is left after interrupts of a method at places that are drawn, or the error that came out: of each, and
    where it came.
    """
    check = fresh()
    measure(name, check)
    places = sites(lambda: measure(name, check))
    draw = random.Random(f"{name} {seed}")
    found, before = [], of(check)
    for site in draw.sample(sorted(places), min(tries, len(places))):
        turn = draw.randint(1, min(places[site], 3))
        error = interrupted(partial(measure, name, check), site, turn)
        if isinstance(error, Exception):
            found.append((str(site), turn, repr(error)))
        if told := differing(before, of(check)):
            found.append((str(site), turn, told))
            check = fresh()
            before = of(check)
    return found


@pytest.mark.parametrize("name", ["complexity", "latency", "outputs", "strongest_activations"])
def test_an_interrupt_leaves_nothing(name):
    assert stopped(name, seed=0, tries=6) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", [*MEASURES, "compile", "onnx"])
def test_interrupts_at_many_places_leave_nothing(name, seed):
    assert stopped(name, seed, tries=10 if name == "onnx" else 60) == []  # an export takes seconds


# How it is done


def test_the_last_is_undone_first_and_each_once():
    done = []
    late = undoing.undoing(lambda: done.append("inner"))

    @undoing.unharmed
    def fails():
        with undoing.undoing(lambda: done.append("outer")):
            late.__enter__()  # its block never began
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    late.__exit__()
    assert done == ["inner", "outer"]


def test_what_is_interrupted_as_it_is_undone_is_undone_again():
    done = []

    def undo():
        done.append(1)
        if len(done) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), undoing.undoing(undo):
        pass
    assert (done, undoing._ledger()) == ([1, 1], [])


def test_a_mode_that_is_interrupted_before_it_is_on_leaves_no_note_that_one_is(monkeypatch):
    """By which dynamo would compile nothing any more."""

    @undoing.unharmed
    def fails():
        with TorchDispatchMode():
            pass

    def stop(mode):
        raise KeyboardInterrupt

    before = surroundings()["whether dynamo finds a mode"]
    monkeypatch.setattr(torch.utils._python_dispatch, "_push_mode", stop)
    with pytest.raises(KeyboardInterrupt):
        fails()
    assert surroundings()["whether dynamo finds a mode"] == before


def test_modes_filters_and_streams_of_an_interrupted_block_are_put_back():
    @undoing.unharmed
    def fails():
        warnings.catch_warnings(record=True).__enter__()
        contextlib.redirect_stdout(None).__enter__()
        torch.device("meta").__enter__()
        torch.autocast("cpu").__enter__()
        torch.set_grad_enabled(False)
        register_module_forward_pre_hook(print)
        raise KeyboardInterrupt

    check = fresh()
    before = of(check)
    with pytest.raises(KeyboardInterrupt):
        fails()
    assert differing(before, of(check)) == []


def test_an_interrupt_waits_for_what_must_be_done_at_once():
    done = []

    def act():
        signal.raise_signal(signal.SIGINT)
        done.append(1)

    with pytest.raises(KeyboardInterrupt):
        undoing.at_once(act)
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_that_waits_is_not_lost_where_the_block_raises():
    def act():
        signal.raise_signal(signal.SIGINT)
        raise ValueError

    with pytest.raises(KeyboardInterrupt):
        undoing.at_once(act)


def test_an_interrupt_comes_when_it_is_let():
    seen = []

    def deaf():
        signal.raise_signal(signal.SIGINT)
        seen.append("in between")

    with undoing.late(lambda frame: frame.f_code is deaf.__code__) as come:
        deaf()
        seen.append("after it")
        with pytest.raises(KeyboardInterrupt):
            come()
    assert seen == ["in between", "after it"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_block_that_ends_late_does_not_keep_torch_from_compiling():
    """As after an interrupt: once the traceback is forgotten, when the block around it is over."""
    before = eval_frame._stance
    outer, inner = eager(), eager()
    with outer:
        inner.__enter__()
    inner.__exit__(None, None, None)
    assert eval_frame._stance is before
    assert before.stance == "default"


def test_an_interrupt_stays_one_where_a_block_fails_as_it_ends():
    @undoing.unharmed
    def fails():
        try:
            raise KeyboardInterrupt
        finally:
            torch.overrides._pop_mode()

    with pytest.raises(KeyboardInterrupt) as caught:
        fails()
    assert caught.value.__suppress_context__


def test_an_error_after_an_interrupt_is_that_error():
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        with pytest.raises(ZeroDivisionError):
            undoing.unharmed(lambda: 1 / 0)()


def silence():
    with kineto.quiet():
        pass


@pytest.mark.parametrize("call", [silence, undoing.unharmed(int)], ids=["stderr is kept", "a method begins"])
def test_an_interrupt_at_every_place_of_it_leaves_nothing(call):
    call()
    check = fresh()
    places, before = sites(call), of(check)
    assert len(places) > 10
    for site in places:
        interrupted(call, site)
    assert differing(before, of(check)) == []


@pytest.mark.parametrize("turn", [1, 2])
def test_a_profiled_loop_that_is_interrupted_as_a_step_begins_leaves_nothing(monkeypatch, turn):
    """What torch's profiler does then as it ends is an error of its own, which nobody asks for."""
    check = fresh()
    measure("profile, loop", check)
    before, left = of(check), itertools.count(1)

    def begin(step, begun=torch.autograd.profiler.record_function.__enter__):
        if next(left) == turn:
            raise KeyboardInterrupt
        return begun(step)

    monkeypatch.setattr(torch.autograd.profiler.record_function, "__enter__", begin)
    with pytest.raises(KeyboardInterrupt):
        measure("profile, loop", check)
    assert differing(before, of(check)) == []
    measure("profile, loop", check)
