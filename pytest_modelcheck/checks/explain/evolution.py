"""Zeiler and Fergus' pictures of features: the strongest activations beside their patches, and how they came to be."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import torch
from PIL import Image
from torch import Tensor

from ...drawing.images import to_base64
from ...errors import ExplanationError, MeasurementError
from ...model.subject import Subject
from ...records.reading import opened
from ...text import first_line_repr
from ..reported import Reported
from .features import chosen_layers, relative_distance, run_features
from .images import ImageChoice, Images, find_images
from .layers import Layers, as_map
from .projection import NothingArrivedError, Projection, projected
from .views import shown

State: TypeAlias = str | Path | Mapping[str, Tensor]
Checkpoints: TypeAlias = Mapping[str, State] | Sequence[State]
TILE = 96  # pixels of a patch as it is shown


@dataclass(frozen=True)
class Activation:
    """One strong activation: of which `feature`, in which `sample`, its `value`; patch and projection as pictures."""

    feature: int
    sample: int
    value: float
    patch: Image.Image
    projection: Image.Image

    def to_dict(self) -> dict[str, object]:
        """The pictures in base64."""
        pictures = {
            "patch": to_base64(shown(self.patch, TILE), compact=True),
            "projection": to_base64(shown(self.projection, TILE), compact=True),
        }
        return {"feature": self.feature, "sample": self.sample, "value": self.value, **pictures}


@dataclass(frozen=True)
class StrongestActivations(Reported):
    """`layers`: name -> activations, the strongest feature first."""

    section = "projections"

    layers: Mapping[str, tuple[Activation, ...]]

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `deconvnet`."""
        return {
            "layers": [
                {"name": name, "tiles": [a.to_dict() for a in found]} for name, found in self.layers.items()
            ]
        }

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        return "\n".join(
            f"{name}: "
            + ", ".join(f"feature {a.feature} in sample {a.sample} ({a.value:.3g})" for a in found)
            for name, found in self.layers.items()
        )


@dataclass(frozen=True)
class Evolution(Reported):
    """Features over training: `distances`: layer -> per step |f_t - f_T| / |f_T|, mean over the inputs.

    `activations`: layer -> per step the strongest activation of one feature (the last step's strongest); None: silent.
    """

    section = "evolution"

    steps: tuple[str, ...]
    distances: Mapping[str, tuple[float, ...]]
    features: Mapping[str, int]
    activations: Mapping[str, tuple[Activation | None, ...]]

    def settled(self, layer: str, within: float = 0.1) -> str:
        """The first step from which on the layer's features stay `within` of the last step's."""
        far = [i for i, d in enumerate(self.distances[layer]) if d > within]
        return self.steps[far[-1] + 1 if far else 0]

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `evolution`."""
        empty: dict[str, object] = {"patch": "", "projection": ""}
        layers = [
            {
                "name": name,
                "feature": self.features[name],
                "tiles": [
                    {**(a.to_dict() if a else empty), "step": step}
                    for step, a in zip(self.steps, found, strict=True)
                ],
            }
            for name, found in self.activations.items()
        ]
        distances = {name: list(row) for name, row in self.distances.items()}
        return {"steps": list(self.steps), "distances": distances, "layers": layers}

    def __repr__(self) -> str:
        return f"Evolution({', '.join(self.distances)}: {', '.join(self.steps)})"

    def __str__(self) -> str:
        width = max(map(len, self.distances), default=0)
        rows = [
            f"{name:<{width}}  " + "  ".join(f"{d:.3f}" for d in row) for name, row in self.distances.items()
        ]
        return "\n".join([f"{'':<{width}}  " + "  ".join(self.steps), *rows])


def strongest_activations(
    subject: Subject, *, layers: Layers = None, features: int = 4, samples: int = 4, image: ImageChoice = None
) -> StrongestActivations:
    """For each layer the `features` that fire strongest, each in the `samples` inputs where it does, down to pixels.

    Raises ExplanationError for layers that are not there, and for models without ReLUs.
    """
    if features < 1 or samples < 1:
        raise ExplanationError(f"features={features}, samples={samples}: both must be 1 or more")
    images = find_images(subject, image)
    names = chosen_layers(images, layers)
    outputs, _ = run_features(subject, names)
    found = {}
    for name in names:
        peaks = as_map(outputs[name], images, name).flatten(2).amax(2)
        best = peaks.amax(0).argsort(descending=True)[:features].tolist()
        found[name] = tuple(a for feature in best for a in _strongest(images, name, feature, samples))
    return StrongestActivations(found)


def _strongest(images: Images, layer: str, feature: int, samples: int) -> list[Activation]:
    """One activation for each of the inputs where the feature is strongest; none if it is silent."""
    try:
        made = projected(images, "deconvnet", layer=layer, feature=feature)
    except NothingArrivedError:
        return []
    order = sorted(range(len(made.score)), key=lambda i: -made.score[i])[:samples]
    return [_activation(made, feature, sample) for sample in order]


def _activation(made: Projection, feature: int, sample: int) -> Activation:
    return Activation(feature, sample, float(made.score[sample]), *made.patch(sample))


def feature_evolution(
    subject: Subject,
    checkpoints: Checkpoints,
    *,
    layers: Layers = None,
    strict: bool = True,
    image: ImageChoice = None,
) -> Evolution:
    """The features of chosen layers at each checkpoint of a training run, on the subject's inputs.

    `checkpoints`: name -> state (a state_dict, or a path of a .pt or .safetensors file), or a sequence of these. With
    `strict=False` a checkpoint may lack tensors: the model's own stand in. Raises MeasurementError for one that does
    not fit. The model itself is not touched: a copy takes the states.
    """
    states = _named(checkpoints)
    images = find_images(subject, image)
    names = chosen_layers(images, layers)
    outputs = []
    trained = Subject(subject.name, copy.deepcopy(subject.module), subject.inputs)
    for step, state in states.items():
        _load(trained, step, state, subject.module.state_dict(), strict)
        outputs.append(run_features(trained, names)[0])
    distances = {
        name: tuple(float(relative_distance(o[name], outputs[-1][name]).mean()) for o in outputs)
        for name in names
    }
    chosen = {n: int(as_map(outputs[-1][n], images, n).flatten(2).amax((0, 2)).argmax()) for n in names}
    activations: dict[str, list[Activation | None]] = {name: [] for name in names}
    for step, state in states.items():
        _load(trained, step, state, subject.module.state_dict(), strict)
        for name in names:
            alone = _best(replace(images, subject=trained), name, chosen[name], names[name])
            found = _strongest(alone, name, chosen[name], 1)
            activations[name].append(found[0] if found else None)
    return Evolution(tuple(states), distances, chosen, {n: tuple(a) for n, a in activations.items()})


def _best(images: Images, layer: str, feature: int, call: int) -> Images:
    """The picture in which the feature is strongest, alone; all of them where other inputs stand beside."""
    if not images.are_alone or "N" not in images.axes:
        return images
    outputs, _ = run_features(images.subject, {layer: call})
    peaks = as_map(outputs[layer], images, layer)[:, feature].flatten(1).amax(1)
    best = int(peaks.argmax())
    return replace(images, subject=images.subject.on(images.inputs(images.batch[best : best + 1])))


def _named(checkpoints: Checkpoints) -> dict[str, State]:
    if isinstance(checkpoints, Mapping):
        named = {str(name): state for name, state in checkpoints.items()}
    elif isinstance(checkpoints, Sequence) and not isinstance(checkpoints, (str, bytes)):
        named = {Path(s).stem if isinstance(s, (str, Path)) else str(i): s for i, s in enumerate(checkpoints)}
        if len(named) != len(checkpoints):
            named = {str(i): s for i, s in enumerate(checkpoints)}
    else:
        raise MeasurementError(
            "feature_evolution() takes a mapping of names to states, or a sequence of states"
        )
    if len(named) < 2:
        raise MeasurementError(f"{len(named)} checkpoint(s): an evolution needs two or more")
    return named


def _load(subject: Subject, step: str, state: object, own: Mapping[str, Tensor], strict: bool) -> None:
    loaded = read_state(state) if isinstance(state, (str, Path)) else state
    if not isinstance(loaded, Mapping):
        raise MeasurementError(
            f"checkpoint {step!r} is a {type(loaded).__name__}, not a state_dict: give module.state_dict()"
        )
    known = {k: v for k, v in loaded.items() if k in own}
    strange = [k for k in loaded if k not in own]
    missing = [k for k in own if k not in loaded and not k.endswith("num_batches_tracked")]
    wrong = [k for k, v in known.items() if v.shape != own[k].shape]
    if strange or wrong or (strict and missing):
        named = [
            f"{what} {', '.join(keys[:3])}"
            for what, keys in (("unknown", strange), ("of another shape", wrong), ("missing", missing))
            if keys
        ]
        hint = "" if strange or wrong else "\nIf the layers you watch do not need them, pass strict=False."
        raise MeasurementError(f"checkpoint {step!r} does not fit {subject.name}: {'; '.join(named)}{hint}")
    subject.module.load_state_dict({**own, **known})


def read_state(path: str | Path) -> object:
    """What is in a .safetensors file or one of torch.save. Raises MeasurementError."""
    try:
        opened(path).close()
        if str(path).endswith(".safetensors"):
            return _safetensors(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except MeasurementError:
        raise
    except Exception as error:  # each format has its own
        raise MeasurementError(f"the checkpoint {path} cannot be read: {error}") from error
    return loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else loaded


def _safetensors(path: str | Path) -> object:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        told = f"the checkpoint {path} needs safetensors. Install it with: pip install safetensors"
        raise MeasurementError(told) from error
    return load_file(path)
