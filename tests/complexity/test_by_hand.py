"""Cases that can be derived by hand; each also where the peers lose the products in a fused kernel."""

import warnings

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.nn.attention.flex_attention import flex_attention
from torch.utils.checkpoint import checkpoint

from pytest_modelcheck import MeasurementError, ModelCheck, ModelRunError, register_formula
from pytest_modelcheck.checks.complexity.measure import _counted

from ..features import needs_grouped_mm, needs_watched_flows, rows


class Fn(nn.Module):
    """A module that is one function."""

    def __init__(self, function, **tensors):
        super().__init__()
        self.function = function
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)

    def forward(self, *args):
        return self.function(*args, **dict(self.named_buffers()))


def r(*shape):
    return torch.randn(*shape)


def quantized(*layers):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(nn.Sequential(*layers), {nn.Linear, nn.LSTM, nn.GRU})


B, L, S, E, H = 2, 5, 7, 8, 3
CASES = {
    "linalg.vecdot": (Fn(lambda x: torch.einsum("bi,bi->b", x, x)), (r(4, 5),), 20),
    "addr": (Fn(torch.addr), (r(4, 5), r(4), r(5)), 20),
    "inner": (Fn(torch.inner), (r(4, 5), r(6, 5)), 4 * 5 * 6),
    "multi_dot": (Fn(lambda a, b: torch.linalg.multi_dot([a, b, b])), (r(2, 4), r(4, 4)), 2 * 2 * 16),
    "complex matmul": (Fn(lambda x: torch.complex(x, x) @ torch.complex(x, x).mT), (r(4, 5),), 4 * 5 * 4),
    "fft": (Fn(lambda x: torch.fft.irfft2(torch.fft.rfft2(x)) + torch.fft.fft(x).real), (r(4, 8),), 0),
    "int8 matmul": (
        Fn(torch._int_mm),
        (torch.ones(32, 16, dtype=torch.int8), torch.ones(16, 8, dtype=torch.int8)),
        4096,
    ),
    "grouped matmul": (
        Fn(lambda x, w, ends: torch._grouped_mm(x, w, offs=ends)),
        (r(16, 8).bfloat16(), r(2, 8, 16).bfloat16(), torch.tensor([8, 16], dtype=torch.int32)),
        16 * 8 * 16,
    ),
    "subclassed linear": (type("Mine", (nn.Linear,), {})(E, 6), (r(B, E),), B * E * 6),
    "bfloat16 conv": (nn.Conv2d(2, 3, 3).bfloat16(), (r(1, 2, 5, 5).bfloat16(),), 9 * 3 * 18),
    "conv without a batch": (nn.Conv2d(2, 3, 3), (r(2, 5, 5),), 9 * 3 * 18),
    "conv_tbc": (Fn(torch.conv_tbc), (r(5, 2, 3), r(3, 3, 4), r(4)), 3 * 2 * 4 * 9),
    "sdpa, one query for all batches": (
        Fn(F.scaled_dot_product_attention),
        (r(1, 2, L, 4), r(B, 2, S, 4), r(B, 2, S, 4)),
        B * 2 * L * S * 8,
    ),
    "flex attention": (Fn(flex_attention), (r(1, 2, 128, 16),) * 3, 2 * 128 * 128 * 32),
    "decoder layer": (
        nn.TransformerDecoderLayer(E, 2, 16, batch_first=True),
        (r(B, L, E), r(B, S, E)),
        B * (4 * L * E * E + 2 * L * L * E)
        + B * E * (2 * L * E + 2 * S * E + 2 * L * S)
        + B * L * 2 * 16 * E,
    ),
    "matmul": (Fn(torch.matmul), (r(4, 5), r(5, 6)), 4 * 5 * 6),
    "batched matmul": (Fn(torch.matmul), (r(B, 3, 4, 5), r(5, 6)), B * 3 * 4 * 5 * 6),
    "mv": (Fn(torch.mv), (r(4, 5), r(5)), 20),
    "dot": (Fn(torch.dot), (r(9), r(9)), 9),
    "addmv": (Fn(torch.addmv), (r(4), r(4, 5), r(5)), 20),
    "addmm": (Fn(torch.addmm), (r(6), r(4, 5), r(5, 6)), 120),
    "baddbmm": (Fn(torch.baddbmm), (r(B, 4, 6), r(B, 4, 5), r(B, 5, 6)), B * 120),
    "einsum attention": (
        Fn(lambda q, k: torch.einsum("bld,bsd->bls", q, k)),
        (r(B, L, E), r(B, S, E)),
        B * L * S * E,
    ),
    "linear on 3-D": (nn.Linear(E, 6), (r(B, L, E),), B * L * E * 6),
    "F.linear": (Fn(lambda x, w: F.linear(x, w), w=r(6, E)), (r(B, E),), B * 6 * E),
    "F.conv2d": (Fn(lambda x, w: F.conv2d(x, w), w=r(4, 3, 3, 3)), (r(1, 3, 8, 8),), 36 * 4 * 27),
    "conv1d": (nn.Conv1d(3, 4, 3), (r(B, 3, 10),), B * 8 * 4 * 9),
    "grouped conv": (nn.Conv2d(4, 8, 3, groups=4), (r(1, 4, 8, 8),), 36 * 8 * 9),
    "depthwise conv": (nn.Conv2d(4, 4, 3, groups=4, dilation=2), (r(1, 4, 8, 8),), 16 * 4 * 9),
    "conv3d": (nn.Conv3d(2, 3, 2), (r(1, 2, 4, 4, 4),), 27 * 3 * 16),
    "transposed conv1d": (nn.ConvTranspose1d(3, 4, 3, stride=2), (r(1, 3, 6),), 6 * 3 * 4 * 3),
    "transposed conv2d": (nn.ConvTranspose2d(3, 4, 3, stride=2), (r(1, 3, 6, 6),), 36 * 3 * 4 * 9),
    "transposed grouped conv": (nn.ConvTranspose2d(4, 8, 2, groups=2), (r(1, 4, 5, 5),), 25 * 4 * 4 * 4),
    "transposed conv3d": (nn.ConvTranspose3d(2, 3, 2), (r(1, 2, 3, 3, 3),), 27 * 2 * 3 * 8),
    "embedding": (nn.Embedding(50, E), (torch.zeros(B, L, dtype=torch.long),), 0),
    "embedding bag": (nn.EmbeddingBag(50, E), (torch.zeros(B, L, dtype=torch.long),), 0),
    "bilinear": (nn.Bilinear(3, 4, 5), (r(B, 3), r(B, 4)), B * 3 * 4 * 5),
    "lstm": (nn.LSTM(E, H), (r(L, B, E),), L * B * 4 * H * (E + H)),
    "bidirectional lstm of 2 layers": (
        nn.LSTM(E, H, 2, bidirectional=True),
        (r(L, B, E),),
        L * B * 2 * 4 * H * ((E + H) + (2 * H + H)),
    ),
    "lstm with projection": (nn.LSTM(E, H, proj_size=2), (r(L, B, E),), L * B * (4 * H * (E + 2) + 2 * H)),
    "gru": (nn.GRU(E, H, batch_first=True), (r(B, L, E),), L * B * 3 * H * (E + H)),
    "rnn": (nn.RNN(E, H), (r(L, B, E),), L * B * H * (E + H)),
    "lstm cell": (nn.LSTMCell(E, H), (r(B, E),), B * 4 * H * (E + H)),
    "attention module": (
        nn.MultiheadAttention(E, 2, batch_first=True),
        (r(B, L, E), r(B, S, E), r(B, S, E)),
        B * E * (2 * L * E + 2 * S * E + 2 * L * S),
    ),
    "encoder layer": (
        nn.TransformerEncoderLayer(E, 2, 16, batch_first=True),
        (r(B, L, E),),
        B * L * (4 * E * E + 2 * 16 * E) + 2 * B * L * L * E,
    ),
    "sdpa": (
        Fn(F.scaled_dot_product_attention),
        (r(B, 2, L, 4), r(B, 2, S, 4), r(B, 2, S, 6)),
        B * 2 * L * S * 10,
    ),
    "sdpa with grouped queries": (
        Fn(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True)),
        (r(B, 4, L, 4), r(B, 2, S, 4), r(B, 2, S, 4)),
        B * 4 * L * S * 8,
    ),
}


@pytest.mark.parametrize("on_meta", [True, False], ids=["meta", "real"])
@pytest.mark.parametrize(
    ("model", "inputs", "macs"),
    rows(CASES, {"grouped matmul": needs_grouped_mm, "flex attention": needs_watched_flows}),
)
def test_macs(model, inputs, macs, on_meta):
    check = ModelCheck(model, inputs)
    counter = _counted(check.subject, check.subject.require_inputs(), "forward", False, on_meta=on_meta)
    assert sum(cost.macs for cost in counter.cells.values()) == macs
    assert counter.unknown == {}


LSTM = nn.LSTM(E, H)
REAL_ONLY = {  # torch has no meta kernels for them: run once
    "int8 dynamic linear": (quantized(nn.Linear(E, 6)), (r(B, L, E),), B * L * E * 6),
    "int8 dynamic lstm": (
        quantized(nn.LSTM(E, H, 2, bidirectional=True)),
        (r(L, B, E),),
        L * B * 2 * 4 * H * ((E + H) + (2 * H + H)),
    ),
    "int8 dynamic gru": (quantized(nn.GRU(E, H)), (r(L, B, E),), L * B * 3 * H * (E + H)),
    "sparse by dense": (Fn(lambda a: torch.sparse.mm(a.to_sparse(), a.mT)), (torch.eye(6),), 6 * 6),
    "CSR by dense": (Fn(lambda a, b: a.to_sparse_csr() @ b), (torch.eye(6), r(6, 4)), 6 * 4),
    "sparse by sparse": (Fn(lambda a: torch.sparse.mm(a.to_sparse(), a.to_sparse())), (torch.eye(6),), 6),
    "packed sequences": (
        Fn(lambda x: LSTM(nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 3])))),
        (r(L, B, E),),
        (5 + 3) * 4 * H * (E + H),
    ),
}


@pytest.mark.parametrize(("model", "inputs", "macs"), REAL_ONLY.values(), ids=REAL_ONLY.keys())
def test_macs_of_what_only_runs_for_real(model, inputs, macs):
    cost = ModelCheck(model, inputs).complexity(strict=True)
    assert (cost.macs, cost.counted_on) == (macs, "real")
    assert cost.reason


FLOPS = {  # by hand, beyond 2 x MACs
    "bias": (nn.Linear(4, 5), (r(2, 4),), 10),
    "batch norm": (nn.BatchNorm2d(3), (r(2, 3, 4, 4),), 2 * 96),
    "layer norm": (nn.LayerNorm(8), (r(2, 8),), 5 * 16),
    "softmax": (nn.Softmax(-1), (r(2, 8),), 4 * 16),
    "max pool": (nn.MaxPool2d(2), (r(1, 3, 4, 4),), 3 * 4 * 4),
    "bilinear": (nn.UpsamplingBilinear2d(scale_factor=2), (r(1, 1, 2, 2),), 7 * 16),
    "bicubic": (nn.Upsample(scale_factor=2, mode="bicubic"), (r(1, 1, 2, 2),), 31 * 16),
    "nearest": (nn.Upsample(scale_factor=2), (r(1, 1, 2, 2),), 0),
    "gelu": (nn.GELU(), (r(7),), 7),
    "complex product": (Fn(lambda x: x @ x), (torch.randn(3, 3, dtype=torch.complex64),), 6 * 27),  # 8 in all
    "fft": (Fn(torch.fft.fft), (torch.randn(4, 8, dtype=torch.complex64),), 4 * 5 * 8 * 3),
    "real fft": (Fn(torch.fft.rfft), (r(4, 8),), 4 * 5 * 8 * 3 // 2),
    "inverse": (Fn(torch.linalg.inv), (torch.eye(4),), 2 * 64),
    "attention": (Fn(F.scaled_dot_product_attention), (r(1, 1, 3, 4),) * 3, 4 * 9),
    "lstm": (nn.LSTM(E, H), (r(L, B, E),), L * B * 21 * H),
}


@pytest.mark.parametrize("on_meta", [True, False], ids=["meta", "real"])
@pytest.mark.parametrize(("model", "inputs", "flops"), FLOPS.values(), ids=FLOPS.keys())
def test_flops_beyond_the_contractions(model, inputs, flops, on_meta):
    check = ModelCheck(model, inputs)
    counter = _counted(check.subject, check.subject.require_inputs(), "forward", False, on_meta=on_meta)
    assert sum(cost.other_flops for cost in counter.cells.values()) == flops
    assert counter.unknown == {}


class Checkpointed(nn.Module):
    def __init__(self, reentrant, on):
        super().__init__()
        self.stem, self.reentrant, self.on = nn.Linear(4, 4), reentrant, on
        self.block = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))

    def forward(self, x):
        x = self.stem(x)
        return checkpoint(self.block, x, use_reentrant=self.reentrant) if self.on else self.block(x)


@pytest.mark.parametrize("reentrant", [True, False])
def test_activation_checkpointing_counts_what_runs(reentrant):
    plain, saving = (
        ModelCheck(Checkpointed(reentrant, on), r(2, 4)).complexity(phase="training_step")
        for on in (False, True)
    )
    again = plain.macs - saving.macs
    assert -again in (2 * 16, 2 * 32)  # the last product may be left out: nothing needs its result
    assert saving.by_module()["block"].macs - plain.by_module()["block"].macs == -again
    assert saving.by_module()["stem"].macs == plain.by_module()["stem"].macs


@pytest.mark.parametrize("groups", [1, 4, 16])
def test_the_backward_of_a_convolution_is_twice_its_forward(groups):
    model = nn.Sequential(nn.Conv2d(3, 16, 1), nn.Conv2d(16, 16, 3, groups=groups))
    check = ModelCheck(model, input_size=(1, 3, 8, 8))
    forward, backward, step = (check.complexity(phase=p) for p in ("forward", "backward", "training_step"))
    assert backward.by_module()["1"].macs == 2 * forward.by_module()["1"].macs
    assert backward.by_module()["0"].macs == forward.by_module()["0"].macs  # the input needs no gradient
    assert step.macs == forward.macs + backward.macs


def test_a_causal_mask_halves_attention_on_request():
    model = Fn(lambda q: F.scaled_dot_product_attention(q, q, q, is_causal=True))
    check = ModelCheck(model, r(1, 1, 4, 8))
    assert check.complexity().macs == 2 * 4 * 4 * 8
    assert check.complexity(attention="causal").macs == 2 * 10 * 8  # 1 + 2 + 3 + 4 of 16 products


@pytest.mark.parametrize("phase", ["backward", "training_step"])
def test_a_causal_mask_counts_in_the_backward_too(phase):
    class Causal(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(8, 8)

        def forward(self, x):
            q = self.fc(x)
            return F.scaled_dot_product_attention(q, q, q, is_causal=True)

    check = ModelCheck(Causal(), r(1, 1, 4, 8))
    dense, causal = (check.complexity(phase=phase, attention=kind) for kind in ("dense", "causal"))
    products = {"backward": 4, "training_step": 6}[phase]
    assert dense.macs - causal.macs == products * 8 * 6  # 6 of 16 products of each are masked


def test_a_module_that_is_called_twice_counts_twice():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return self.fc(self.fc(x))

    cost = ModelCheck(Twice(), r(1, 4)).complexity()
    assert cost.by_module()["fc"].macs == 32
    assert cost.by_module()["fc"].facts.calls == 2


def test_functional_calls_belong_to_the_module_that_makes_them():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.spare = nn.Linear(4, 4, bias=False), nn.Linear(4, 9)

        def forward(self, x):
            return self.fc(x) @ torch.ones(4, 5)

    cost = ModelCheck(Net(), r(1, 4)).complexity()
    assert (cost.by_module()[""].own.macs, cost.by_module()["fc"].macs, cost.macs) == (20, 16, 36)
    assert cost.uncalled_modules == ("spare",)
    assert cost.counted_on == "meta"  # although the ones live on the CPU


def test_memory_access_is_what_operators_read_and_write():
    cost = ModelCheck(nn.Sequential(nn.Linear(4, 5), nn.Flatten()), r(2, 4)).complexity()
    assert (cost.bytes_read, cost.bytes_written) == (4 * (8 + 20 + 5), 4 * 10)
    assert cost.model_bytes == 4 * 25


def test_memory_access_by_dtype():
    model = nn.Sequential(nn.Embedding(1000, 4), nn.Linear(4, 3)).bfloat16()
    cost = ModelCheck(model, torch.zeros(2, 5, dtype=torch.long)).complexity()
    rows, weights = 2 * 5, 4 * 3 + 3
    assert cost.bytes_by_dtype == {
        "bfloat16": (2 * (rows * 4 + rows * 4 + weights), 2 * (rows * 4 + rows * 3)),
        "int64": (8 * rows, 0),
    }
    assert "int64 80 B" in str(cost)
    assert cost.to_dict()["bytes_by_dtype"]["int64"] == {"bytes_read": 80, "bytes_written": 0}


LSTM_PACKED = 2 * 4 * E * E  # weights of the four gates, one byte each; as many float biases as rows


@pytest.mark.parametrize(
    ("layer", "params", "size"),
    [
        (nn.Linear(E, 6), 6 * E + 6, 6 * E + 4 * 6),
        (nn.LSTM(E, E), LSTM_PACKED + 8 * E, LSTM_PACKED + 4 * 8 * E),
    ],
    ids=["Linear", "LSTM"],
)
def test_packed_weights_are_parameters_too(layer, params, size):
    check = ModelCheck(quantized(layer), r(2, 3, E))
    cost = check.complexity()
    assert (cost.params, cost.trainable_params, cost.model_bytes) == (params, 0, size)
    assert cost.bytes_read >= size  # they are read


def test_a_quantized_resnet18_has_the_parameters_of_its_float_twin_without_the_normalisation():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torchvision.models.quantization.resnet18(quantize=True)
    cost = ModelCheck(model, input_size=(1, 3, 64, 64)).complexity()
    folded = (
        4_800  # one number of each channel's scale and shift goes into the weights, the other into the bias
    )
    assert cost.params == 11_689_512 - folded
    assert 11_689_512 < cost.model_bytes < 11_800_000  # a byte each, biases aside


def test_tied_parameters_count_once():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    model[0].requires_grad_(False)
    cost = ModelCheck(model, r(1, 4)).complexity()
    assert (cost.params, cost.trainable_params) == (24, 4)


def test_the_sums_agree():
    cost = ModelCheck("torchvision:resnet18", input_size=(1, 3, 64, 64)).complexity()
    by_module = [module.own for module in cost.by_module().values()]
    by_operator = list(cost.by_operator().values())
    nested = [c for table in cost.by_module_and_operator().values() for c in table.values()]
    for costs in (by_module, by_operator, nested):
        for metric in ("macs", "flops_all", "activations", "memory_access"):
            assert sum(getattr(c, metric) for c in costs) == getattr(cost, metric)


def test_keyword_and_nested_inputs():
    class Net(nn.Module):
        def forward(self, pair, *, scale, words=None):
            return pair["a"] @ pair["b"] * scale

    inputs = {"pair": {"a": r(2, 3), "b": r(3, 4)}, "scale": 2.0, "words": ["x"]}
    assert ModelCheck(Net(), inputs).complexity().macs == 24


library = torch.library.Library("modelcheck_test", "DEF")
library.define("mystery(Tensor x) -> Tensor")
library.impl("mystery", lambda x: x + 1, "CompositeExplicitAutograd")


def test_an_operator_without_a_formula_is_named_never_zero_in_silence():
    operator = torch.ops.modelcheck_test.mystery
    check = ModelCheck(Fn(lambda x: operator(operator(x))), r(3))
    cost = check.complexity()
    assert cost.unknown_operators == {"modelcheck_test::mystery": 2}
    assert "mystery (2 calls)" in str(check.summary())
    with pytest.raises(MeasurementError, match=r"(?s)mystery  \(2 calls\).*register_formula"):
        check.complexity(strict=True)

    from pytest_modelcheck.checks.complexity import formulas

    try:

        @register_formula(operator)
        def mystery(args, out):
            return 7 * out.numel()

        assert check.complexity(strict=True).macs == 2 * 21
    finally:
        formulas.MACS.pop(formulas.operator_name(operator))


def test_data_dependent_models_are_run_for_real():
    class Chooses(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return self.fc(x) if x.sum().item() > 0 else x

    cost = ModelCheck(Chooses(), torch.ones(1, 4)).complexity()
    assert (cost.counted_on, cost.macs) == ("real", 16)
    assert "item()" in cost.reason


def test_a_model_that_raises_is_reported_in_its_own_words():
    with pytest.raises(ModelRunError, match=r"(?s)module '1'.*3x4 float32"):
        ModelCheck(nn.Sequential(nn.ReLU(), nn.Linear(5, 2)), r(3, 4)).complexity()


def test_a_model_on_meta_needs_no_memory():
    with torch.device("meta"):
        model = nn.Sequential(*[nn.Linear(8192, 8192) for _ in range(200)])
        inputs = torch.empty(4096, 8192)
    cost = ModelCheck(model, inputs).complexity()
    assert cost.macs == 200 * 4096 * 8192**2


@pytest.mark.parametrize("wrap", [nn.DataParallel, torch.compile], ids=["DataParallel", "compile"])
def test_wrapped_models_count_the_same_under_their_own_names(wrap):
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU())
    assert ModelCheck(wrap(model), r(2, 4)).complexity().by_module().keys() == {"", "0", "1"}


def test_compiled_parts_and_functions_count_as_eager_ones():
    @torch.compile
    def double(x):
        return x @ x.mT

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return double(self.fc(x))

    net = Net()
    net.fc.compile()
    cost = ModelCheck(net, r(2, 4)).complexity()
    assert {name: m.own.macs for name, m in cost.by_module().items()} == {"": 16, "fc": 32}


@pytest.mark.parametrize("depth", [2, 20])
def test_the_table_of_numbers_is_the_same_however_the_model_is_wrapped(depth):
    model = nn.Sequential(*[nn.Sequential(nn.Linear(8, 8), nn.GELU(), nn.LayerNorm(8)) for _ in range(depth)])
    plain = ModelCheck(model, r(2, 8)).complexity().to_dict()
    for wrapped in (nn.DataParallel(model), torch.compile(model)):
        assert ModelCheck(wrapped, r(2, 8)).complexity().to_dict() == plain


def test_a_7b_llama_at_4096_tokens():
    """32 layers of width 4096, 32 heads, feed-forward 11008, 32000 words: 31,460.635 GMACs, on meta."""

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.RMSNorm(4096), nn.RMSNorm(4096)
            self.q, self.k, self.v, self.o = (nn.Linear(4096, 4096, bias=False) for _ in range(4))
            self.gate, self.up = (nn.Linear(4096, 11008, bias=False) for _ in range(2))
            self.down = nn.Linear(11008, 4096, bias=False)

        def forward(self, x):
            y = self.norm1(x)
            q, k, v = (f(y).unflatten(-1, (32, 128)).transpose(1, 2) for f in (self.q, self.k, self.v))
            x = x + self.o(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
            y = self.norm2(x)
            return x + self.down(F.silu(self.gate(y)) * self.up(y))

    with torch.device("meta"):
        model = nn.Sequential(
            nn.Embedding(32000, 4096),
            *[Block() for _ in range(32)],
            nn.RMSNorm(4096),
            nn.Linear(4096, 32000, bias=False),
        )
        tokens = torch.zeros(1, 4096, dtype=torch.long)
    cost = ModelCheck(model, tokens).complexity(strict=True)
    assert round(cost.params / 1e9, 2) == 6.74
    assert round(cost.macs / 1e9, 3) == 31_460.635


def test_callers_in_other_modes_get_the_same_counts():
    check = ModelCheck("torchvision:mobilenet_v3_small", input_size=(1, 3, 64, 64))
    plain = check.complexity()
    for mode in (torch.inference_mode(), torch.no_grad(), torch.autocast("cpu", torch.bfloat16)):
        with mode:
            assert check.complexity().macs == plain.macs


@pytest.mark.parametrize("phase", ["forward", "backward", "training_step"])
def test_torchs_own_attention_in_training_is_counted_with_a_causal_mask_too(phase):
    """nn.MultiheadAttention hands all arguments of the product over by position."""
    model = nn.TransformerEncoderLayer(E, 2, 4 * E, batch_first=True, dropout=0.0)
    check = ModelCheck(model, input_size=(B, L, E))
    dense = check.complexity(phase=phase)
    assert check.complexity(phase=phase, attention="causal").macs == dense.macs  # nothing in it is causal
