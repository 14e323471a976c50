"""Values that nobody should write, and what they are drawn from."""

import enum
import math
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn


class Rude:
    """Everything that is asked of it raises."""

    def __repr__(self):
        raise RuntimeError("no name")

    def _raise(self, *given):
        raise RuntimeError("not to be asked")

    __str__ = __bool__ = __eq__ = __len__ = __iter__ = __float__ = __lt__ = __contains__ = __hash__ = _raise
    __getitem__ = __index__ = __int__ = __add__ = __gt__ = __call__ = _raise


class Word(str):
    __slots__ = ()


class Number(enum.IntEnum):
    ONE = 1


def itself():
    found: list = []
    found.append(found)
    return found


def deep(depth=2_000):
    found: list = []
    for _ in range(depth):
        found = [found]
    return found


PLAIN = [None, True, False, 0, 1, -1, 2**63, 10**400, 10**5000, 0.0, 1.5, -0.5, math.nan, math.inf, -math.inf, 1e308, 5e-324,
         "", " ", "1", "x", "0", "1 M", "-1 ms", "2%", "1e999 M", "nan", "fail", "warn", "backward", "median", "a:b", "a/b", "\0",
         "\ud800", "x" * 100_000, b"", b"1 M", 1j, ..., NotImplemented]  # fmt: skip
OBJECTS = [(), [], {}, set(), frozenset(), (1,), [1, 2], {"max": 1}, {1: 2}, (1, 3, 8, 8), [(1, 2), (3,)], (-1, 2), (0,),
           range(3), Fraction(1, 3), Path("x"), SimpleNamespace(), object(), int, len, print, Number.ONE, Word("fail"), Word("1 M"),
           slice(1), iter(()), lambda: None, lambda x: x, torch.ones(2), torch.tensor(1.0), torch.float32, torch.device("cpu"), torch.device("meta"),
           np.float32(1), np.array([1, 2]), np.nan, np.int64(3), np.bool_(True), nn.Linear, nn.Identity(), Rude, Rude(), itself(), deep()]  # fmt: skip


class Given:
    """One of them, under a name that can be printed."""

    def __init__(self, value, name=""):
        self.value, self.name = value, name or repr(value)

    def __repr__(self):
        return self.name


ANY = (
    st.sampled_from(
        [
            Given(value, f"<{number}: {type(value).__name__}>")
            for number, value in enumerate([*PLAIN, *OBJECTS])
        ]
    )
    | st.builds(Given, st.text(max_size=5))
    | st.builds(Given, st.integers() | st.floats())
)
