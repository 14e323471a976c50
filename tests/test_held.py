"""What a model keeps beside parameters and buffers, and what its inputs hold, is the user's: no check changes it."""

import array
import collections
import contextlib
import copy
import dataclasses
import functools
import itertools
import random
import types
import typing

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils import spectral_norm as hooked_spectral_norm
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.latency import region
from pytest_modelcheck.checks.latency.measure import measure
from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.errors import ModelRunError
from pytest_modelcheck.model.state.digest import of_bytes


@pytest.fixture(autouse=True)
def own_lock(monkeypatch, tmp_path):
    """No time that is measured here matters: nobody has to wait for it, and garbage may lie."""
    monkeypatch.setattr(region, "no_collection", contextlib.nullcontext)
    monkeypatch.setattr(region, "lock_path", lambda: tmp_path / "lock")


class Meter:
    """Not a module: it has slots, and an object in one of them."""

    __slots__ = ("inner", "total")

    def __init__(self) -> None:
        self.total, self.inner = 0.0, types.SimpleNamespace(seen=[0])


class Mangled:
    __slots__ = ("__hits",)

    def __init__(self):
        self.__hits = 0

    def hit(self):
        self.__hits += 1


class Answers(dict):
    __getattr__ = dict.__getitem__


class Ring(collections.OrderedDict):
    """A mapping of its own kind, with attributes beside its entries."""

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        self.move_to_end(key, last=False)


@dataclasses.dataclass
class Cache:
    keys: Tensor
    steps: list = dataclasses.field(default_factory=list)


CLASS_WIDE: dict = {"calls": 0, "shapes": []}
COUNT = 0


@functools.lru_cache
def mask(length: int, device: torch.device) -> Tensor:
    return torch.ones(length, device=device)


class Keeps(nn.Module):
    """Writes to what it keeps in each forward, in the way that it is told."""

    shared: typing.ClassVar = [0]
    count = 0

    def __init__(self, held, write):
        super().__init__()
        self.layer, self.held, self.write = nn.Linear(4, 4), held, write

    def counts(self, out, seen=[]):  # noqa: B006
        seen.append(out)

    def forward(self, x, *more):
        if self.held is None:
            self.counts  # noqa: B018  # the name that leads there
        out = self.layer(x)
        self.write(self, out, *more)
        return out


def set_global(model, out):
    global COUNT
    COUNT = out


def nested(model, out):
    model.held["layer0"]["h"] = out
    model.held["layer0"]["seen"][0].append(out.shape)


HELD = {
    "containers in containers": (lambda: {"layer0": {"seen": [[]]}}, nested),
    "a deque": (lambda: collections.deque([1, 2], maxlen=2), lambda m, out: m.held.append(out)),
    "a set": (lambda: {1}, lambda m, out: m.held.add(len(m.held) + 1)),
    "a set in a tuple": (lambda: ({1},), lambda m, out: m.held[0].add(len(m.held[0]) + 1)),
    "a mapping of a kind of its own": (lambda: Ring(a=1, b=2), lambda m, out: m.held.__setitem__("c", out)),
    "an attribute of a mapping": (Ring, lambda m, out: setattr(m.held, "last", out)),
    "a default dict": (lambda: collections.defaultdict(list), lambda m, out: m.held["x"].append(1)),
    "a counter": (collections.Counter, lambda m, out: m.held.update("x")),
    "slots": (Meter, lambda m, out: setattr(m.held, "total", m.held.total + 1)),
    "an object in a slot": (Meter, lambda m, out: m.held.inner.seen.append(1)),
    "an empty slot": (lambda: Meter.__new__(Meter), lambda m, out: setattr(m.held, "total", 1)),
    "a dataclass": (lambda: Cache(torch.zeros(2)), lambda m, out: m.held.steps.append(1)),
    "an array of numpy": (lambda: np.zeros(3), lambda m, out: m.held.__iadd__(1)),
    "objects in an array": (lambda: np.array([[], None], dtype=object), lambda m, out: m.held[0].append(1)),
    "bytes": (lambda: bytearray(b"ab"), lambda m, out: m.held.extend(b"c")),
    "an array": (lambda: array.array("d", [1.0]), lambda m, out: m.held.append(2.0)),
    "a tensor, in place": (lambda: torch.zeros(3), lambda m, out: m.held.add_(1)),
    "a large tensor, in place": (lambda: torch.zeros(2**19), lambda m, out: m.held.add_(1)),
    "a tensor, through numpy": (lambda: torch.zeros(3), lambda m, out: m.held.numpy().__iadd__(1)),
    "a tensor, another": (lambda: torch.zeros(3), lambda m, out: setattr(m, "held", m.held + 1)),
    "a tensor's shape": (lambda: torch.zeros(4), lambda m, out: m.held.resize_(6)),
    "a tensor, by what needs a gradient": (lambda: torch.zeros(2, 4), lambda m, out: m.held.copy_(out)),
    "tensors in a list": (lambda: [torch.zeros(3)], lambda m, out: m.held[0].add_(1)),
    "a module in a list": (lambda: [nn.BatchNorm1d(4)], lambda m, out: m.held[0].train()(torch.ones(2, 4))),
    "a parameter in a list": (lambda: [nn.Parameter(torch.zeros(3))], lambda m, out: m.held[0].data.add_(1)),
    "a module in a module in a list": (
        lambda: [nn.Sequential(nn.BatchNorm1d(4))],
        lambda m, out: m.held[0].train()(torch.ones(2, 4)),
    ),
    "a dictionary that answers as an object": (lambda: Answers(a=[]), lambda m, out: m.held["a"].append(1)),
    "a mangled slot": (Mangled, lambda m, out: m.held.hit()),
    "an array that is made larger": (
        lambda: np.zeros(3),
        lambda m, out: m.held.resize(len(m.held) + 1, refcheck=False),
    ),
    "an array that is made read-only": (
        lambda: np.zeros(3),
        lambda m, out: (m.held.__iadd__(1), m.held.setflags(write=False)) if m.held.flags.writeable else None,
    ),
    "a default of a method": (lambda: None, lambda m, out: m.counts(out)),
    "a new attribute of the class": (lambda: None, lambda m, out: setattr(type(m), "fresh", out)),
    "torch.Generator": (
        lambda: torch.Generator().manual_seed(1),
        lambda m, out: torch.rand(2, generator=m.held),
    ),
    "random.Random": (lambda: random.Random(1), lambda m, out: m.held.random()),
    "numpy's generator": (lambda: np.random.default_rng(1), lambda m, out: m.held.normal()),
    "numpy's RandomState": (lambda: np.random.RandomState(1), lambda m, out: m.held.rand()),
    "a variable of a hook": (lambda: collector(), lambda m, out: m.held(out)),
    "a bound method": (lambda: Meter().inner.seen.append, lambda m, out: m.held(1)),
    "a partial": (lambda: functools.partial(keep, []), lambda m, out: m.held(out)),
    "an attribute of the class": (lambda: None, lambda m, out: setattr(type(m), "count", out)),
    "a container of the class": (lambda: None, lambda m, out: m.shared.append(out)),
    "a global": (lambda: None, set_global),
}


def collector():
    seen, last = [], None

    def collect(out):
        nonlocal last
        last = out
        seen.append(last)

    return collect


def keep(seen, out):
    seen.append(out)


def photograph(value, seen=None):
    """All of it as plain data, by a walk of its own: what it holds, in order, and which tensors are the same ones."""
    seen = set() if seen is None else seen
    if isinstance(value, (type(None), bool, int, float, str, bytes, type, torch.Size, torch.dtype)):
        return value
    if isinstance(value, Tensor):
        return (
            id(value),
            of_bytes(value.detach(), bytes) if value.layout is torch.strided else str(value),
            tuple(value.shape),
            (value.device.type, value.requires_grad),
        )
    if id(value) in seen:
        return id(value)
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        inner = value.tolist() if value.dtype != object else [photograph(v, seen) for v in value]
        return value.flags.writeable, inner
    if isinstance(value, torch.Generator):
        return value.get_state().tolist()
    if isinstance(value, random.Random):
        return value.getstate()
    if isinstance(value, np.random.Generator):
        return str(value.bit_generator.state)
    if isinstance(value, np.random.RandomState):
        return [np.asarray(part).tolist() for part in value.get_state()]
    if isinstance(value, (list, tuple, collections.deque)):
        return [type(value), *(photograph(v, seen) for v in value)]
    if isinstance(value, (set, bytearray, array.array)):
        return type(value), sorted(value)
    if isinstance(value, functools.partial):
        return photograph([value.func, value.args, value.keywords], seen)
    if isinstance(value, (types.MethodType, types.BuiltinMethodType)):
        return photograph(value.__self__, seen)
    if isinstance(value, types.FunctionType):
        return [photograph(cell.cell_contents, seen) for cell in value.__closure__ or ()]
    own = vars(value) if hasattr(value, "__dict__") else {}
    entries = list(value.items()) if isinstance(value, dict) else []
    named = [n for n, v in vars(type(value)).items() if isinstance(v, types.MemberDescriptorType)]
    slots = {name: getattr(value, name) for name in named if hasattr(value, name)}
    return [(k, photograph(v, seen)) for k, v in [*entries, *own.items(), *slots.items()]]


def all_of(model):
    return photograph(
        [
            model,
            hasattr(Keeps, "fresh"),
            Keeps.counts.__defaults__,
            Keeps.shared,
            Keeps.count,
            COUNT,
            mask.cache_info().misses,
        ]
    )


METHODS = {
    "complexity": lambda check: check.complexity(),
    "complexity of training": lambda check: check.complexity(phase="training_step"),
    "latency": lambda check: measure(check.subject, cap=0.02, warmup=0),
    "latency of a backward": lambda check: measure(check.subject, phase="backward", cap=0.02, warmup=0),
    "peak_memory": lambda check: check.peak_memory(),
    "peak_memory, measured": lambda check: check.peak_memory(phase="training_step", measured=True),
    "profile": lambda check: check.profile(),
    "structure": lambda check: check.structure(),
    "summary": lambda check: check.summary(style="torchstat"),
    "weights": lambda check: check.weights(),
}


@pytest.mark.parametrize(("held", "write"), HELD.values(), ids=HELD.keys())
def test_what_a_model_keeps_is_as_it_was(held, write):
    model = Keeps(held(), write)
    x = torch.randn(2, 4)
    check = ModelCheck(model, x)
    before = all_of(model)
    for name, method in METHODS.items():
        method(check)
        assert all_of(model) == before, name
    model(x)
    assert all_of(model) != before, "the model must write, or this test tests nothing"
    restore_globals()


def restore_globals():
    global COUNT
    COUNT, Keeps.count, Keeps.shared[:], Keeps.counts.__defaults__[0][:] = 0, 0, [0], []
    if hasattr(Keeps, "fresh"):
        del Keeps.fresh


def test_a_cache_of_a_function_holds_nothing_that_a_check_put_there():
    model = Keeps(None, lambda m, out: m.layer.bias + mask(4, out.device))
    check = ModelCheck(model, torch.randn(2, 4))
    mask.cache_clear()
    for name, method in METHODS.items():
        method(check)
        assert mask.cache_info().currsize == 0, name
    model(torch.randn(2, 4))
    assert mask.cache_info().currsize == 1


def grows(model, out, cache):
    cache.keys = torch.cat([cache.keys, out])
    cache.steps.append(len(cache.steps))


INPUTS = {
    "a dataclass": (lambda: Cache(torch.zeros(2, 4)), grows),
    "an object": (
        lambda: types.SimpleNamespace(layers=[Cache(torch.zeros(2, 4))]),
        lambda m, out, given: grows(m, out, given.layers[0]),
    ),
    "in a list": (lambda: [Cache(torch.zeros(2, 4))], lambda m, out, given: grows(m, out, given[0])),
    "a list": (lambda: [torch.zeros(2, 4)], lambda m, out, given: given.append(out)),
    "a tensor of an object, in place": (lambda: Cache(torch.zeros(2, 4)), lambda m, out, c: c.keys.add_(1)),
    "a tensor": (lambda: torch.zeros(2, 4), lambda m, out, given: given.add_(1)),
    "an array of numpy": (lambda: np.zeros(4), lambda m, out, given: given.__iadd__(1)),
}


@pytest.mark.parametrize(("given", "write"), INPUTS.values(), ids=INPUTS.keys())
def test_what_inputs_hold_is_as_it_was(given, write):
    inputs = torch.randn(2, 4), given()
    check = ModelCheck(Keeps(None, write), inputs)
    before = photograph(inputs)
    for name, method in METHODS.items():
        method(check)
        assert photograph(inputs) == before, name
    check.subject.module(*inputs)
    assert photograph(inputs) != before, "the model must write, or this test tests nothing"


def test_each_count_of_a_growing_cache_is_the_same():
    """One step against the eight that are cached: attention over nine, each time."""

    def forward(model, out, cache):
        cache.keys = torch.cat([cache.keys, out])
        out @ cache.keys.T

    inputs = torch.randn(1, 4), Cache(torch.zeros(8, 4))
    check = ModelCheck(Keeps(None, forward), inputs)
    assert [check.complexity().macs for _ in range(3)] == [4 * 4 + 4 * 9] * 3


class Draws(nn.Module):
    """A parametrisation that counts how often the weight is read."""

    def __init__(self):
        super().__init__()
        self.read = 0
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, weight):
        self.read += 1
        self.seen += 1
        return weight * 1


def of_ones_own(layer):
    parametrize.register_parametrization(layer, "weight", Draws())
    return layer


@pytest.mark.parametrize("parametrise", [spectral_norm, hooked_spectral_norm, weight_norm, of_ones_own])
def test_to_look_at_a_parametrised_weight_changes_nothing(parametrise):
    """In train mode each reading of it runs a step of the power iteration."""
    model = nn.Sequential(
        parametrise(nn.Conv2d(3, 4, 3)), nn.Flatten(), parametrise(nn.Linear(16, 2))
    ).train()
    check = ModelCheck(model, torch.randn(2, 3, 4, 4))
    before = photograph(model)
    for name, method in METHODS.items():
        method(check)
        assert photograph(model) == before, name
    for name, section in default_registry().sections.items():
        if section.describe:
            section.describe(check.subject)
            assert photograph(model) == before, name


def test_a_fault_in_the_middle_leaves_nothing():
    def fails(model, out):
        model.held.append(out)
        raise RuntimeError("no")

    model = Keeps([], fails)
    check = ModelCheck(model, torch.randn(2, 4))
    for method in METHODS.values():
        with contextlib.suppress(ModelRunError):
            method(check)
        assert model.held == []


GLOBALS = {
    "cudnn.benchmark": (
        lambda: setattr(torch.backends.cudnn, "benchmark", True),
        lambda: torch.backends.cudnn.benchmark,
    ),
    "matmul precision": (
        lambda: torch.set_float32_matmul_precision("high"),
        torch.get_float32_matmul_precision,
    ),
    "TF32": (
        lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
        lambda: torch.backends.cuda.matmul.allow_tf32,
    ),
    "anomaly mode": (lambda: torch.autograd.set_detect_anomaly(True), torch.is_anomaly_enabled),
    "deterministic algorithms": (
        lambda: torch.use_deterministic_algorithms(True, warn_only=True),
        torch.are_deterministic_algorithms_enabled,
    ),
    "autocast": (lambda: torch.set_autocast_enabled("cpu", True), lambda: torch.is_autocast_enabled("cpu")),
    "autocast, entered": (
        lambda: torch.autocast("cpu").__enter__(),
        lambda: (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")),
    ),
    "the default dtype": (lambda: torch.set_default_dtype(torch.float64), torch.get_default_dtype),
    "the default device": (
        lambda: torch.set_default_device("cpu"),
        lambda: torch._C._len_torch_function_stack(),
    ),
    "a device mode": (lambda: torch.device("cpu").__enter__(), lambda: torch._C._len_torch_function_stack()),
    "numpy's errors": (lambda: np.seterr(all="ignore"), lambda: str(np.geterr())),
    "kernels of attention": (
        lambda: torch.backends.cuda.enable_flash_sdp(False),
        torch.backends.cuda.flash_sdp_enabled,
    ),
    "denormals": (lambda: torch.set_flush_denormal(True), lambda: float(torch.tensor(1e-40)) * 1.0),
    "hooks of all modules": (
        lambda: torch.nn.modules.module.register_module_forward_hook(lambda *_: None),
        lambda: len(torch.nn.modules.module._global_forward_hooks),
    ),
}


@pytest.mark.parametrize(("change", "read"), GLOBALS.values(), ids=GLOBALS.keys())
def test_what_a_forward_sets_for_the_whole_process_is_as_it_was(change, read):
    check = ModelCheck(Keeps(None, lambda *_: change()), torch.randn(2, 4))
    before = read()
    for name, method in METHODS.items():
        method(check)
        assert read() == before, name


def test_what_a_test_counts_is_its_own():
    """It is around the model, and no cache: a list, a variable, a global, an attribute of the class."""
    calls, number = [], 0

    def count(model, out):
        nonlocal number
        number += 1
        calls.append(1)
        type(model).count += 1

    ModelCheck(Keeps(None, count), torch.randn(2, 4)).complexity()
    assert (len(calls), number, Keeps.count) == (1, 1, 1)
    restore_globals()


def test_what_cannot_be_put_back_is_told():
    model = Keeps(iter([1, 2, 3]), lambda m, out: None)
    with ModelCheck(model, torch.randn(2, 4)).subject.restored() as observed:
        pass
    assert observed.told == ("Keeps.held (an iterator)",)


def test_a_result_says_what_is_not_as_before():
    model = Keeps((n for n in itertools.count()), lambda m, out: next(m.held))
    check = ModelCheck(model, torch.randn(2, 4))
    told = "not as before after a check, should a call change it: Keeps.held (a generator)"
    for result in (check.complexity(), check.peak_memory(), measure(check.subject, cap=0.001, warmup=0)):
        assert result.unsaved == ("Keeps.held (a generator)",)
    assert told in str(check.peak_memory())
    assert told in check.complexity().notes


def test_what_is_not_the_models_is_not_looked_into():
    """A loader, an optimizer: told, and left as the block leaves them."""
    data = torch.utils.data.TensorDataset(torch.zeros(3))
    model = Keeps(data, lambda m, out: None)
    with ModelCheck(model, torch.randn(2, 4)).subject.restored() as observed:
        data.tensors = ()
    assert data.tensors == ()
    assert observed.told == ("Keeps.held (a dataset or loader)",)


def test_of_too_much_what_is_near_is_put_back():
    model = Keeps([], lambda m, out: m.held.append(1))
    model.large = [[number] for number in range(60_000)]
    result = ModelCheck(model, torch.randn(2, 4)).complexity()
    assert model.held == []
    assert "Keeps.large (more than is copied)" in result.unsaved
    assert len(result.unsaved) < 5


def test_copies_have_an_end():
    model = Keeps([np.zeros(2**24), np.zeros(2**25)], lambda m, out: None)
    with ModelCheck(model, torch.randn(2, 4)).subject.restored() as observed:
        pass
    assert observed.told == ("Keeps.held (more than is copied)",)


def test_the_photograph_sees():
    one = Keeps({"a": [torch.zeros(2)]}, None)
    other = copy.deepcopy(one)
    assert photograph(one) != photograph(other)
    assert photograph(one) == photograph(one)
