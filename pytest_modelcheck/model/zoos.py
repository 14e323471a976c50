"""Model zoos: what `torchvision:NAME`, `timm:NAME` and `transformers:CONFIG(...)` make, with random weights, and what
such a model takes. Nothing is downloaded.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..errors import MissingExtraError, SubjectError
from ..text import did_you_mean
from .spec import Spec

PIXELS = 224  # of an image, where the zoo names no size
TOKENS, DECODED = 16, 8  # of a text, and of what a decoder is given
SAMPLES = 16_000  # of a sound: a second
DETECTED, FLOW = 320, 128  # pixels of an image with objects, and of the two between which things move
Make = Callable[..., object]
Given = Callable[[], object]


class Entry(NamedTuple):
    """What a spec names: `make` returns the model; `inputs` what it takes, None where the zoo does not say; `size` is
    that as a shape, where it is one.
    """

    make: Make
    inputs: Given | None = None
    size: tuple[int, ...] | None = None


def entry_of(spec: Spec) -> Entry | None:
    """What a zoo has by that name; None where its package is no zoo. Raises SubjectError, MissingExtraError."""
    look = _ZOOS.get(spec.package)
    return look(spec) if look is not None else None


def _shaped(make: Make, size: Sequence[int] | None) -> Entry:
    if size is None:
        return Entry(make)
    shape = (1, *map(int, size))
    return Entry(make, functools.partial(_normal, shape), shape)


def _normal(*shapes: tuple[int, ...]) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(shape, generator=generator) for shape in shapes)


def _torchvision(spec: Spec) -> Entry:
    try:
        from torchvision.models import get_model_builder, get_model_weights, list_models
    except ImportError as error:
        raise MissingExtraError("torchvision", "vision", f"the model {spec.text!r}") from error
    try:
        builder = get_model_builder(spec.name)
    except ValueError as error:
        hint = did_you_mean(spec.name, list_models(), 3)
        raise SubjectError(
            f"torchvision has no model {spec.name!r}; {hint or 'torchvision.models.list_models() names all'}"
        ) from error
    known = inspect.signature(builder).parameters
    without = {key: None for key in ("weights", "weights_backbone") if key in known}
    make = functools.partial(builder, *spec.args, **{**without, **spec.kwargs})
    weights = next(iter(get_model_weights(spec.name)), None)
    return _as_trained(make, weights) if weights is not None else Entry(make)


def _as_trained(make: Make, weights: Any) -> Entry:
    """With inputs like those that its published weights were evaluated on."""
    preset = weights.transforms()
    kind = type(preset).__name__
    crop = getattr(preset, "crop_size", None) or getattr(preset, "resize_size", None) or [PIXELS]
    height, width = crop[0], crop[-1]
    if kind == "ObjectDetection":
        return Entry(make, lambda: ([_normal((3, DETECTED, DETECTED))[0]],))
    if kind == "OpticalFlow":
        least = max(FLOW, *weights.meta.get("min_size", (FLOW,)))
        return Entry(make, lambda: _normal((1, 3, least, least), (1, 3, least, least)))
    if kind == "VideoClassification":
        frames = max(getattr(preset, "clip_len", 0), weights.meta.get("min_temporal_size", 0), 16)
        return _shaped(make, (3, frames, height, width))
    return _shaped(make, (3, height, width))


def _timm(spec: Spec) -> Entry:
    try:
        import timm
    except ImportError as error:
        raise SubjectError(
            f"the model {spec.text!r} needs timm. Install it with: pip install timm"
        ) from error
    elsewhere = ":" in spec.name  # "hf-hub:…"
    if not elsewhere and not timm.is_model(spec.name):
        hint = did_you_mean(spec.name, timm.list_models(), 3)
        raise SubjectError(f"timm has no model {spec.name!r}; {hint or 'timm.list_models() names all'}")
    make = functools.partial(timm.create_model, spec.name, *spec.args, **{"pretrained": False, **spec.kwargs})
    config = None if elsewhere else timm.get_pretrained_cfg(spec.name)
    channels, *pixels = getattr(config, "input_size", None) or (3, PIXELS, PIXELS)
    wanted = spec.kwargs.get("img_size")
    if isinstance(wanted, (int, tuple, list)):
        pixels = [wanted, wanted] if isinstance(wanted, int) else list(wanted)
    given = spec.kwargs.get("in_chans", channels)
    return _shaped(make, (given if isinstance(given, int) else channels, *pixels))


def _transformers(spec: Spec) -> Entry:
    try:
        library = importlib.import_module("transformers")
    except ImportError as error:
        told = f"the model {spec.text!r} needs transformers. Install it with: pip install transformers"
        raise SubjectError(told) from error
    found = getattr(library, spec.name, None)
    if isinstance(found, type) and issubclass(found, library.PretrainedConfig):
        config = _configured(spec, found)
        return _of_config(config, _class_for(library, config, spec))
    config_class = getattr(found, "config_class", None)
    if isinstance(found, type) and issubclass(found, nn.Module) and config_class is not None:
        return _of_config(_configured(spec, config_class), found)
    configs = [name for name in dir(library) if name.endswith("Config")]
    hint = (
        did_you_mean(spec.name, configs, 3)
        or "write for example 'transformers:BertConfig(num_hidden_layers=2)'"
    )
    what = "has no" if found is None else "has no configuration or model"
    raise SubjectError(f"transformers {what} {spec.name!r}; {hint}")


def _configured(spec: Spec, kind: Callable[..., Any]) -> Any:
    try:
        config = kind(*spec.args, **spec.kwargs)
    except Exception as error:
        raise SubjectError(f"model={spec.text!r}: {kind.__name__} refuses that: {error}") from error
    if "use_cache" not in spec.kwargs and hasattr(config, "use_cache"):
        config.use_cache = False  # one call has nothing to keep for the next
    return config


def _class_for(library: Any, config: Any, spec: Spec) -> type:
    """The first of the library's model classes for that configuration: without a head where there is such a one."""
    names = ["AutoModel", *(name for name in dir(library) if name.startswith("AutoModelFor"))]
    for name in names:
        mapping = getattr(getattr(library, name, None), "_model_mapping", {})
        if type(config) in mapping:
            found = mapping[type(config)]
            return found[0] if isinstance(found, (tuple, list)) else found  # type: ignore[no-any-return]
    raise SubjectError(
        f"transformers has no model for {spec.name}.\nName the model's class: 'transformers:ClassOfTheModel(...)'."
    )


def _of_config(config: Any, kind: type) -> Entry:
    def make() -> object:
        build = getattr(kind, "_from_config", kind)  # as AutoModel does
        return build(config)

    return Entry(make, functools.partial(_keywords, kind, config))


def _keywords(kind: Any, config: Any) -> Mapping[str, Tensor]:
    """What its forward takes, small, from a fixed seed."""
    wanted = inspect.signature(kind.forward).parameters
    main = getattr(kind, "main_input_name", "input_ids")
    generator = torch.Generator().manual_seed(0)
    both = (
        _number(config, "image_token_id", "image_token_index") is None
    )  # else the text says where pictures stand
    given: dict[str, Tensor] = {}
    if "input_ids" in wanted and main == "input_ids":
        length = min(TOKENS, _number(config, "max_position_embeddings", "n_positions") or TOKENS)
        given["input_ids"] = _tokens(config, length, generator)
        if "attention_mask" in wanted:
            given["attention_mask"] = torch.ones_like(given["input_ids"])
    for name, shape in _shapes(config).items():
        is_second = name == "pixel_values" and both and hasattr(config, "vision_config")
        if name in wanted and (main == name or is_second):
            given[name] = torch.randn(shape, generator=generator)
    if "decoder_input_ids" in wanted and getattr(config, "is_encoder_decoder", True):
        given["decoder_input_ids"] = _tokens(config, DECODED, generator)
    return given


def _tokens(config: Any, length: int, generator: torch.Generator) -> Tensor:
    return torch.randint(0, _number(config, "vocab_size") or 2, (1, length), generator=generator)


def _shapes(config: Any) -> Mapping[str, tuple[int, ...]]:
    """Of inputs that are no text."""
    pixels = _sizes(config, "image_size") or (PIXELS, PIXELS)
    channels = _number(config, "num_channels") or 3
    frames, bands = _number(config, "num_frames"), _number(config, "num_mel_bins")
    heard = 2 * (_number(config, "max_source_positions") or 1500)
    moving = (1, frames, channels, *pixels) if frames else (1, channels, *pixels)
    sound = (1, _number(config, "max_length") or 1024, bands) if bands else (1, SAMPLES)
    return {"pixel_values": moving, "input_features": (1, bands or 80, heard), "input_values": sound}


def _parts(config: Any) -> Iterable[Any]:
    """A configuration, and those of its text and its pictures."""
    parts = (getattr(config, name, None) for name in ("text_config", "vision_config", "encoder", "decoder"))
    return [config, *(part for part in parts if part is not None)]


def _number(config: Any, *names: str) -> int | None:
    found = (getattr(part, name, None) for part in _parts(config) for name in names)
    return next((value for value in found if type(value) is int and value > 0), None)


def _sizes(config: Any, name: str) -> tuple[int, ...] | None:
    found = next((v for part in _parts(config) if (v := getattr(part, name, None)) is not None), None)
    if isinstance(found, dict):
        found = [found.get("height"), found.get("width")]
    sizes = (found, found) if type(found) is int else tuple(found or ())
    return sizes if len(sizes) == 2 and all(type(size) is int for size in sizes) else None


_ZOOS: Mapping[str, Callable[[Spec], Entry]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "transformers": _transformers,
}
