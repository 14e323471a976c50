"""Random numbers that are the same in every run, where no one chose a seed.

A stream is a global generator: torch's (with CUDA's), numpy's, python's. The user's seeds win, for each stream alone:
one whose seed somebody chose is left to him.

- torch tells its seed. It seeds itself with 53 random bits; a seed below 2**33 was chosen by someone.
- numpy and python do not tell. But both are Mersenne Twisters, whose states follow from each other: a state to which
  drawing does not lead from the one seen before was chosen (`seed`, `setstate`, `set_state`). So it is also taken where
  more than 2**24 numbers were drawn between two looks. numpy's first state also says whether it was seeded.
"""

from __future__ import annotations

import hashlib
import random
import sys
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from . import begun
from .undoing import undoing

CHOSEN = 2**33  # torch's seeds below were chosen by someone
OURS = 2**62  # added to a number, so that torch's seed counts as none
WORDS = 624  # in the state of a Mersenne Twister
BLOCK, BLOCKS = 64 * WORDS, 420  # numbers that are drawn at once to look for a state, and how often


class State(NamedTuple):
    """Where a stream stood: `value` restores it, `origin` tells its numbers from those of other seeds, `place` where
    among these it is.
    """

    value: Any
    origin: Any
    place: Any
    is_chosen: bool


Moment: TypeAlias = Mapping[str, State]  # of all streams, by name


class Stream(ABC):
    """A global generator."""

    @abstractmethod
    def state(self) -> State:
        """Where it stands."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Have it go on from there."""

    @abstractmethod
    def seed(self, number: int) -> None:
        """Begin with a seed of ours, which counts as none."""

    @abstractmethod
    def forget(self) -> None:
        """Begin anywhere, as if no one had chosen a seed."""

    @abstractmethod
    def leads(self, one: State, other: State) -> bool:
        """Whether drawing leads from one state to the other, as far as it can tell."""


class _Torch(Stream):
    def __init__(self) -> None:
        self.torch = sys.modules["torch"]

    def _generators(self) -> list[Any]:
        return [self.torch.default_generator, *self.torch.cuda.default_generators]

    def state(self) -> State:
        seed = self.torch.initial_seed()
        values = [one.get_state() for one in self._generators()]
        return State(values, seed, [value.numpy().tobytes() for value in values], seed < CHOSEN)

    def restore(self, state: State) -> None:
        for generator, value in zip(
            self._generators(), state.value, strict=False
        ):  # CUDA may have come since
            generator.set_state(value)

    def seed(self, number: int) -> None:
        for generator in self._generators():
            generator.manual_seed(OURS + number)

    def forget(self) -> None:
        self.torch.seed()

    def leads(self, one: State, other: State) -> bool:
        return bool(one.origin == other.origin)


class _Twister(Stream):
    """A Mersenne Twister, of which only watching tells whether somebody seeded it."""

    def __init__(self, begun: Any, *, is_chosen: bool = False) -> None:
        self.is_chosen, self.seen = is_chosen, self.key(begun)

    @abstractmethod
    def read(self) -> Any: ...

    @abstractmethod
    def write(self, value: Any) -> None: ...

    @abstractmethod
    def fresh(self, number: int | None) -> Any:
        """The state after seeding with a number; None: with none."""

    @abstractmethod
    def key(self, value: Any) -> bytes:
        """The words of a state; empty for another kind of generator."""

    @abstractmethod
    def place(self, value: Any) -> Any:
        """What tells states of equal words apart."""

    def state(self) -> State:
        value = self.read()
        key = self.key(value)
        if key != self.seen:
            self.is_chosen = self.is_chosen or not _leads(self.seen, key)
            self.seen = key
        return State(value, key, self.place(value), self.is_chosen)

    def restore(self, state: State) -> None:
        self.write(state.value)
        self.seen, self.is_chosen = state.origin, state.is_chosen

    def seed(self, number: int) -> None:
        self._begin(self.fresh(number))

    def forget(self) -> None:
        self._begin(self.fresh(None))

    def _begin(self, value: Any) -> None:
        self.write(value)
        self.seen, self.is_chosen = self.key(value), False

    def leads(self, one: State, other: State) -> bool:
        return _leads(one.origin, other.origin)


@lru_cache(maxsize=64)
def _leads(old: bytes, new: bytes) -> bool:
    """Whether drawing leads from one state of a Mersenne Twister to the other."""
    if old == new:
        return True
    if len(old) != len(new):
        return False
    from numpy.random import RandomState

    wanted, ahead = (RandomState(0) for _ in range(2))
    for twister, key in ((wanted, new), (ahead, old)):
        twister.set_state({"bit_generator": "MT19937", "state": {"key": array("I", key), "pos": 0}})
    first = _words(wanted, WORDS)
    return any(first in _words(ahead, BLOCK) for _ in range(BLOCKS))


def _words(twister: Any, count: int) -> bytes:
    return bytes(twister.randint(0, 2**32, size=count, dtype="uint32").tobytes())


class _Python(_Twister):
    def read(self) -> Any:
        return random.getstate()

    def write(self, value: Any) -> None:
        random.setstate(value)

    def fresh(self, number: int | None) -> Any:
        return random.Random(number).getstate()

    def key(self, value: Any) -> bytes:
        return array("I", value[1][:WORDS]).tobytes()

    def place(self, value: Any) -> Any:
        return value


class _Numpy(_Twister):
    def __init__(self) -> None:
        self.random = sys.modules["numpy"].random
        # what was never seeded still has numpy's own sequence of entropy
        is_chosen = getattr(self.random.mtrand._rand._bit_generator, "seed_seq", 0) is None
        super().__init__(self.read(), is_chosen=is_chosen)

    def read(self) -> Any:
        return self.random.get_state(legacy=False)

    def write(self, value: Any) -> None:
        self.random.set_state(value)

    def fresh(self, number: int | None) -> Any:
        return self.random.RandomState(None if number is None else number % 2**32).get_state(legacy=False)

    def key(self, value: Any) -> bytes:
        is_twister = value["bit_generator"] == "MT19937"  # set_bit_generator gives others
        return bytes(value["state"]["key"].tobytes()) if is_twister else b""

    def place(self, value: Any) -> Any:
        return self.key(value), value["state"].get("pos"), value.get("gauss")


_STREAMS: dict[str, Stream] = {"python": _Python(begun.PYTHON)}


def _streams() -> Mapping[str, Stream]:
    """Those whose package is loaded."""
    for package, kind, needed in (("numpy", _Numpy, "random"), ("torch", _Torch, "default_generator")):
        if package not in _STREAMS and hasattr(sys.modules.get(package), needed):
            _STREAMS[package] = kind()
    return _STREAMS


@contextmanager
def same_draws(name: str) -> Iterator[None]:
    """Draw random numbers in this block from a seed made of `name`, in each stream whose seed nobody chose.

    Without it two runs of a model that nobody seeded have nothing to compare: its weights, its heatmaps. Afterwards
    the streams are as they were; a seed that is chosen inside stays.
    """
    before = {key: state for key, state in moment().items() if not state.is_chosen}

    def restore() -> None:
        for key, state in before.items():
            if not _STREAMS[key].state().is_chosen:
                _STREAMS[key].restore(state)

    with undoing(restore):
        for key in before:
            _STREAMS[key].seed(_number(f"{key} {name}"))
        yield


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:4], "big")


def moment() -> Moment:
    """Where all streams stand."""
    return {key: stream.state() for key, stream in _streams().items()}


def chosen_since(begin: Moment) -> Moment:
    """Where the streams stand that were seeded anew since `begin`."""
    return {
        key: state for key, state in moment().items() if state.is_chosen and not _leads_to(key, begin, state)
    }


def moved(before: Moment, after: Moment) -> bool:
    """Whether a stream that somebody seeded was seeded or drawn from in between."""
    return any(s.is_chosen and (k not in before or before[k].place != s.place) for k, s in after.items())


@contextmanager
def as_at(begin: Moment, *, keep: bool = False) -> Iterator[None]:
    """Run the block with the seeds that were chosen at `begin`, and at their state then; afterwards all is as before.

    `keep`: a seed that is chosen inside stays. Streams that no one seeded go on: what they give must perhaps differ.
    """
    before = moment()

    def restore() -> None:
        stay = chosen_since(begin) if keep else {}
        _return_to(before, _streams().keys() - stay.keys())

    with undoing(restore):
        _return_to(begin, list(before))
        yield


def _return_to(then: Moment, keys: Iterable[str]) -> None:
    """Streams that are seeded, or were, back to `then`."""
    for key in keys:
        if key in then and then[key].is_chosen:
            _STREAMS[key].restore(then[key])
        elif _STREAMS[key].state().is_chosen:
            _STREAMS[key].forget()


def go_on(begin: Moment, left: Moment) -> None:
    """Bring each stream to where it was `left`, unless it has been seeded anew since `begin`: otherwise than then."""
    for key, now in moment().items():
        if key not in left or not left[key].is_chosen:
            continue
        untouched = not now.is_chosen or _leads_to(key, begin, now)
        if untouched or _STREAMS[key].leads(now, left[key]):
            _STREAMS[key].restore(left[key])


def _leads_to(key: str, begin: Moment, now: State) -> bool:
    """Whether it is still the seed that was chosen at `begin`."""
    return key in begin and begin[key].is_chosen and _STREAMS[key].leads(begin[key], now)
