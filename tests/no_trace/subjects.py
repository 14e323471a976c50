"""The small model that interrupts are tried on: it keeps much of what a check could lose."""

from __future__ import annotations

import collections
import random

import numpy as np
import torch
from torch import nn

from pytest_modelcheck import ModelCheck


class Small(nn.Module):
    """A net for pictures with gradients, hooks, draws, a count and a history of its own; in train mode."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.more = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU())
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(4, 5)
        self.calls, self.past = 0, collections.deque(maxlen=3)
        self.state = {"shapes": [], "last": None}
        self.draws = torch.Generator().manual_seed(1), np.random.default_rng(1), random.Random(1)

    def forward(self, x):
        self.calls += 1
        self.past.append(tuple(x.shape))
        self.state["shapes"].append(x.shape)
        x = self.more(self.features(x))
        self.state["last"] = x.detach()
        return self.head(self.pool(x).flatten(1))


def heard(module, args, output):
    """A user's hook, which lets the output be."""


def check():
    """Of a fresh one."""
    return ModelCheck(*small())


def small():
    """The model, and what it is called with."""
    torch.manual_seed(0)
    model, x = Small(), torch.randn(2, 3, 8, 8)
    model(x).sum().backward()
    model.more.register_forward_hook(heard)
    model.head.register_full_backward_hook(lambda module, given, made: None)
    return model, x
