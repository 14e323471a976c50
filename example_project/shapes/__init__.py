"""A small real model repository: a network that tells shapes apart, its data, its training, its weights."""

from .data import CLASSES, Sample, ShapesDataset, render, to_tensor
from .model import SimpleConv3, load_trained

__all__ = ["CLASSES", "Sample", "ShapesDataset", "SimpleConv3", "load_trained", "render", "to_tensor"]
