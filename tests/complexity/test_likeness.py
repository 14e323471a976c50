"""What is said of a result without running is what torch itself says on meta."""

import itertools
import subprocess
import sys

import torch

from pytest_modelcheck.checks.complexity.likeness import LIKENESS

SHAPES = [
    (2, 6, 8, 8),
    (1, 6, 8, 8),
    (2, 1, 8, 8),
    (2, 6, 1, 1),
    (6, 8),
    (2, 6, 8),
    (2, 3, 4, 8, 8),
    (8,),
    (0, 8),
]


def laid_out(shape, dtype=torch.float32):
    """A tensor of this shape in several layouts."""
    yield torch.empty(shape, dtype=dtype, device="meta")
    if len(shape) == 4:
        yield torch.empty(shape, dtype=dtype, device="meta").to(memory_format=torch.channels_last)
    if len(shape) > 1:
        yield torch.empty(shape[::-1], dtype=dtype, device="meta").permute(*reversed(range(len(shape))))
        yield torch.empty((*shape[:-1], 2 * shape[-1]), dtype=dtype, device="meta")[..., ::2]
        yield torch.empty((1, *shape[1:]), dtype=dtype, device="meta").expand(shape)


IMAGES = [image for shape in SHAPES for image in laid_out(shape)]
NUMBERS = [torch.empty(8, dtype=kind, device="meta") for kind in (torch.int64, torch.bool, torch.float16)]


def calls():
    aten = torch.ops.aten
    windows = itertools.product([[2, 2], [3, 3]], [[2, 2], [1, 1], []], [[0, 0], [1, 1]])
    for image in IMAGES:
        if image.dim() in (3, 4) and image.numel():
            for window in windows:
                yield aten.max_pool2d.default, (image, *window, [1, 1], False), image.dim() == 4
                yield aten.avg_pool2d.default, (image, *window, False, True, None), image.dim() == 4
            yield aten._adaptive_avg_pool2d.default, (image, [3, 2]), False
        for axes in ([-1], [0], [-1, -2], [0, 0], [7], []):
            for keeps in (True, False):
                yield aten.mean.dim, (image, axes, keeps, None), axes == [-1]
        for other in IMAGES:
            if other.shape[1:] == image.shape[1:]:
                yield aten.cat.default, ([image, other], 0), image.dim() < 4
        yield aten.cat.default, ([torch.empty(0, device="meta"), image, image], -1), image.dim() < 4
        yield aten.clamp.default, (image, 0.0, None), True
        yield aten.pow.Tensor_Scalar, (image, 2), True
        yield aten.hardtanh_.default, (image.clone(), 0.0, 6.0), True
    for image in [*IMAGES, *NUMBERS]:
        for name in ("relu", "hardsigmoid", "exp", "rsqrt", "neg"):
            if not (name == "neg" and image.dtype == torch.bool):
                yield getattr(aten, name).default, (image,), image.dtype == torch.float32
        for other in [*IMAGES, *NUMBERS, 2, 1.5, True]:
            overload = "Tensor" if isinstance(other, torch.Tensor) else "Scalar"
            sure = other is image and image.is_contiguous() and image.dtype.is_floating_point
            yield getattr(aten.mul, overload), (image, other), sure
            yield getattr(aten.mul_, overload), (image.clone(), other), sure
    for bias in (torch.empty(4, device="meta"), torch.empty(1, device="meta")):
        yield aten.addmm.default, (bias, IMAGES[0][0, 0], torch.empty(8, 4, device="meta"), 1, 1), False


def told(tensor):
    """What is seen of it; the strides of an axis of one element are nobody's business."""
    strides = [step for step, size in zip(tensor.stride(), tensor.shape, strict=True) if size != 1]
    return tuple(tensor.shape), strides, tensor.dtype, tensor.device.type


def of_torch(operator, arguments):
    names = [a.name for a in operator._schema.arguments if a.kwarg_only and not a.is_out]
    plain = len(arguments) - len(names) if names and len(arguments) > 2 else len(arguments)
    try:
        return told(operator(*arguments[:plain], **dict(zip(names, arguments[plain:], strict=False))))
    except Exception:
        return "refused"


def test_likenesses_are_torchs_own_results():
    made = [(call, LIKENESS[call[0]._schema.name](call[1])) for call in calls()]
    right = [(call, like, of_torch(*call[:2])) for call, like in made]
    assert not [row for row in right if row[1] is not None and told(row[1]) != row[2]]
    assert not [row for row in right if row[0][2] and row[1] is None and row[2] != "refused"]
    assert sum(like is not None for _, like in made) > 1000


MODEL = """
import sys, torch
from torch import nn
from torch.nn import functional as F
from pytest_modelcheck.checks.complexity.measure import count
from pytest_modelcheck.model.subject import build_subject

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.token = nn.Parameter(torch.zeros(1, 1, 16))

    def forward(self, x):
        x = F.relu6(self.norm(self.conv(x)), inplace=True)
        x = torch.cat([F.max_pool2d(x, 2), F.avg_pool2d(x, 2)], 1)
        x += x * F.hardsigmoid(x.mean((2, 3), keepdim=True))
        x = F.hardswish(x, inplace=True).flatten(2).transpose(1, 2)
        return self.layer(torch.cat([self.token.expand(len(x), -1, -1), x], 1)).mean(1)

assert count(build_subject(Net(), input_size=(2, 3, 16, 16))).counted_on == "meta"
print([name for name in ("torch._dynamo", "sympy") if name in sys.modules])
"""


def test_a_count_loads_no_compiler():
    """Not even sympy: each takes a second or half of one, in this process and in the base's."""
    done = subprocess.run([sys.executable, "-c", MODEL], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
