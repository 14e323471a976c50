"""Build a model without its weights: parameters become meta tensors as soon as a module registers them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import TypeAlias

from torch import nn
from torch.utils.weak import WeakIdKeyDictionary

from .observe import observe
from .undoing import patched

Made: TypeAlias = MutableMapping[nn.Parameter, nn.Parameter]


@contextmanager
def parameters_on_meta() -> Iterator[None]:
    """In the block every new parameter is registered as a meta tensor: a model of any size takes no memory.

    Better than `torch.device("meta")`, on which models that compute with tensors while they are built fail
    (torchvision's RegNets call `.tolist()`). Tied parameters stay tied. Initialisation runs on meta: it costs nothing.
    Random number generators end as they began, and other threads build as ever.
    """
    with observe(guard=False):
        thread, register = threading.get_ident(), nn.Module.register_parameter
        made: Made = WeakIdKeyDictionary()

        def register_on_meta(module: nn.Module, name: str, param: nn.Parameter | None) -> None:
            register(module, name, _on_meta(param, made) if threading.get_ident() == thread else param)

        with patched(nn.Module, register_parameter=register_on_meta):
            yield


def _on_meta(parameter: nn.Parameter | None, made: Made) -> nn.Parameter | None:
    """The parameter's likeness on meta, the same one each time; lazy ones have no shape yet and stay."""
    if parameter is None or parameter.is_meta or isinstance(parameter, nn.parameter.UninitializedParameter):
        return parameter
    if parameter not in made:
        made[parameter] = type(parameter)(
            parameter.detach().to("meta"), requires_grad=parameter.requires_grad
        )
    return made[parameter]
