"""Outputs: what is kept of them, how a file holds it, and what counts as a difference."""

import base64
import collections
import dataclasses
import json
import zlib

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.outputs import vacuous
from pytest_modelcheck.checks.outputs.leaves import leaves, opened
from pytest_modelcheck.checks.outputs.result import outputs_of
from pytest_modelcheck.checks.outputs.stored import BEHIND, LIMIT, from_text, to_text
from pytest_modelcheck.checks.outputs.tolerance import coarse, differences, silence
from pytest_modelcheck.checks.outputs.values import places
from pytest_modelcheck.errors import MeasurementError


@dataclasses.dataclass
class Answer:
    logits: object
    loss: object = None


Pair = collections.namedtuple("Pair", "first second")
T = torch.arange(6.0).reshape(2, 3)
ITSELF = {"a": T}
ITSELF["itself"] = ITSELF


@pytest.mark.parametrize(
    ("output", "paths", "others"),
    [
        (T, ["output"], []),
        ((T, [T, T]), ["0", "1.0", "1.1"], []),
        ([{"boxes": T, "name": "cat"}], ["0.boxes"], ["0.name (str)"]),
        (Pair(T, Answer(T)), ["first", "second.logits"], []),
        (torch.max(T, 1), ["0", "1"], []),
        ((True, 3, 0.1, 1j, np.float32(2), np.arange(3)), ["0", "1", "2", "3", "4", "5"], []),
        ({"a.b": T, "a": {"b": T}}, ["a.b", "a.b'"], []),
        (ITSELF, ["a"], ["itself (dict)"]),
        ({"huge": 10**400, "text": np.array(["x"]), "meta": torch.empty(2, device="meta")}, [], 3),
        (T.to_sparse(), ["output"], []),
        (T.to_sparse_csr(), ["output"], []),
        (torch.quantize_per_tensor(T, 0.1, 0, torch.qint8), ["output"], []),
        (np.arange(3, dtype=">f4"), ["output"], []),
        (None, [], []),
        (iter([T]), [], ["output (list_iterator)"]),
    ],
)
def test_any_output_is_opened_to_paths(output, paths, others):
    found = opened(output)
    assert list(found.tensors) == paths
    assert len(found.others) == others if isinstance(others, int) else list(found.others) == others


KINDS = {
    "bfloat16": (torch.randn(3, 4).bfloat16(), "float32"),
    "float16": (torch.tensor([6e4, 1e-7, -0.0], dtype=torch.float16), "float32"),
    "float8_e4m3fn": (torch.randn(9).to(torch.float8_e4m3fn), "float32"),
    "float64": (torch.tensor([1e300, 1 / 3, -1e-300], dtype=torch.float64), "float64"),
    "complex64": (torch.randn(2, 2, dtype=torch.complex64).conj(), "complex64"),
    "complex128": (torch.randn(5, dtype=torch.complex128), "complex128"),
    "int64": (torch.tensor([2**62 + 1, -(2**63), 7]), "int64"),
    "uint64": (torch.tensor([2**63 + 1, 7], dtype=torch.uint64), "uint64"),
    "complex32": (torch.tensor([1 + 2j, 0.5], dtype=torch.complex32), "complex64"),
    "uint8": (torch.arange(250, 256, dtype=torch.uint8), "uint8"),
    "bool": (torch.tensor([True, False]), "bool"),
    "float32": (torch.tensor([1.0, float("nan"), float("inf"), -float("inf")]), "float32"),
}


@pytest.mark.parametrize("dtype", KINDS)
def test_a_file_gives_back_what_was_answered(dtype):
    tensor, kept = KINDS[dtype]
    outputs = outputs_of(tensor, "net")
    text = to_text(outputs)
    (row,) = from_text(text).rows
    assert (row.dtype, row.values.dtype.name, row.shape) == (dtype, kept, tuple(tensor.shape))
    assert row.values.tobytes() == outputs.rows[0].values.tobytes()
    assert not differences(from_text(text), outputs, 0, 0)
    assert to_text(outputs_of(tensor.clone(), "net")) == text


def test_the_lines_are_for_reading():
    outputs = outputs_of({"logits": T, "label": T.argmax(1), "meta": "x"}, "net")
    assert to_text(outputs).split(f"\n{BEHIND}")[0] == (
        "logits: float32 2×3\n"
        "  mean 2.5, std 1.70783, min 0, max 5\n"
        "  largest [1, 2] 5, [1, 1] 4, [1, 0] 3, [0, 2] 2, [0, 1] 1\n"
        "label: int64 2\n"
        "  mean 2, std 0, min 2, max 2, 2 everywhere\n"
        "  largest [0] 2, [1] 2\n"
        "not kept: meta (str)\n"
    )
    assert outputs["logits"].largest[0] == ((1, 2), 5.0)


@pytest.mark.parametrize(
    "output",
    [
        torch.randn(1, 8, 256, 256, generator=torch.Generator().manual_seed(0)),
        [torch.randn(40_000, generator=torch.Generator().manual_seed(i)) for i in range(40)],
        {f"{'long name ' * 9}{i}": torch.randn(3) for i in range(256)},
    ],
    ids=["one", "many", "names"],
)
def test_a_file_is_never_larger_than_256_kib(output):
    outputs = outputs_of(output)
    text = to_text(outputs)
    assert len(text.encode()) <= LIMIT
    assert not differences(from_text(text), outputs, 0, 0)
    assert ("a fixed sample of" in text) == any(row.is_sample for row in outputs.rows)


def test_the_sample_is_spread_and_the_same_everywhere():
    assert places(100, 100) is None
    assert places(10**6, 8).tolist() == [107535, 230700, 295679, 417444, 594747, 662090, 806913, 971940]
    chosen = places(10**6, 1000)
    assert (chosen // 1000 == np.arange(1000)).all()  # one of each thousand


def test_what_lies_outside_the_sample_is_seen_too():
    whole = torch.randint(0, 9, (600, 600))
    far = whole.clone()
    outputs = outputs_of(whole)
    outside = next(i for i in range(whole.numel()) if i not in set(outputs.rows[0].places))
    far.view(-1)[outside] += 1
    (line,) = differences(outputs_of(far), outputs)
    assert line == "output: differs at places of which the file has no values"
    numbers = torch.randn(600, 600)
    peak = numbers.clone()
    peak.view(-1)[outside] = 50
    (line,) = differences(outputs_of(peak), outputs_of(numbers))
    assert "output: max of all 360,000 values" in line


def test_a_sample_is_compared_where_another_output_took_its_place():
    large = torch.randn(600, 600)
    one, other = (outputs_of({"large": large, "small": torch.ones(n)}) for n in (5, 9000))
    assert differences(other, one) == ["small: shape 5 expected, 9000 measured"]


VALUES = torch.tensor([[1.0, -20.0], [0.0, 3.0]])


def changed(*more):
    found = VALUES.clone()
    for place, value in more:
        found[place] = value
    return found


NAN = float("nan")
OFF = [
    (changed(((1, 1), 3.002)), []),
    (
        changed(((1, 1), 3.1)),
        ["output[1, 1]: 3 expected, 3.1 measured (0.00301 allowed); 1 of 4 differs by more than allowed"],
    ),
    (changed(((1, 0), 1e-4)), []),  # a hundredth of the largest magnitude carries it
    (
        changed(((1, 0), 3e-4)),
        ["output[1, 0]: 0 expected, 0.0003 measured (0.00021 allowed); 1 of 4 differs by more than allowed"],
    ),
    (
        changed(((0, 0), NAN), ((1, 1), 4.0)),
        ["output[0, 0]: 1 expected, nan measured (0.00101 allowed); 2 of 4 differ by more than allowed"],
    ),
    (VALUES.double(), ["output: dtype float32 expected, float64 measured"]),
    (VALUES[:1], ["output: shape 2×2 expected, 1×2 measured"]),
    ({"x": VALUES}, ["output: gone", "x: new"]),
    ((VALUES, "s"), ["output: gone", "0: new", "1 (str): new"]),
]


@pytest.mark.parametrize(("answer", "lines"), OFF)
def test_a_difference_names_place_values_and_how_many(answer, lines):
    assert differences(outputs_of(answer), outputs_of(VALUES)) == lines


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ([1.0, NAN], [1.0, NAN], 0),
        ([1.0, float("inf")], [1.0, float("inf")], 0),
        ([1.0, float("inf")], [1.0, -float("inf")], 1),
        ([1.0, 2.0], [1.0, float("inf")], 1),
        ([1, 2], [1, 3], 1),
        ([True, False], [True, True], 1),
        ([1 + 1j, 2], [1 + 1j, 2 + 1e-3j], 0),
        ([1 + 1j, 2], [1 + 1j, 2.1], 1),
    ],
)
def test_nan_infinities_whole_and_complex_numbers(one, other, count):
    assert len(differences(*(outputs_of(torch.tensor(x)) for x in (one, other)))) == count


def test_the_worst_output_comes_first_and_order_counts():
    old, new = outputs_of({"a": T, "b": T}), outputs_of({"a": T * 1.01, "b": T * 2})
    assert [line[:1] for line in differences(new, old)] == ["b", "a"]
    assert differences(outputs_of({"b": T, "a": T}), old) == ["the outputs come in another order: b, a"]


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (None, "no tensor"),
        (torch.zeros(2, 3), "'output' is 0 everywhere"),
        (torch.zeros(0, 3), "'output' is empty"),
        (torch.full((2,), NAN), "'output' is NaN everywhere"),
        ((torch.zeros(2), torch.full((3,), NAN)), "'0' is 0 everywhere, '1' is NaN everywhere"),
        (torch.randn(9) * 1e-7, "within the tolerance of one value"),
        (300 + torch.rand(9) * 0.1, "within the tolerance of one value"),
        (T, ""),
        ((torch.zeros(2), T), ""),
        (torch.tensor(0.5), ""),
        (torch.tensor([1.0, NAN]), ""),
        (torch.tensor([1, 2]), ""),
        (torch.tensor([3, 3]), ""),  # a class: the inputs decide
        (torch.zeros(0, dtype=torch.int64), "'output' is empty"),
    ],
)
def test_outputs_that_say_nothing(output, words):
    """The same for a snapshot and for a drift, but what a tolerance hides."""
    told = silence(outputs_of(output))
    if "tolerance" not in words:
        assert vacuous.silence(leaves(output)) == told
    assert words in told
    assert bool(told) == bool(words)


def test_a_tolerance_that_is_much_of_an_output_is_told():
    (line,) = coarse(outputs_of({"small": T * 1e-4, "large": T}), 1e-5)
    assert line == "atol 1e-05 is 0.02 of the largest value of 'small': a smaller one would see more"


def packed(raw: bytes) -> str:
    return f"{BEHIND}\n{base64.b64encode(zlib.compress(raw)).decode()}\n"


def forged_rows(*rows):
    own = {"path": "a", "shape": [3], "dtype": "float32", "kind": "float32", "digest": ""}
    facts = {"format": 1, "others": [], "rows": [{**own, **row} for row in rows]}
    return json.dumps(facts).encode() + b"\n"


def forged(**row):
    return packed(forged_rows(row) + bytes(12))


GOOD = to_text(outputs_of(T))
DAMAGED = {
    "empty": ("", "holds no values"),
    "foreign": ("hello\nworld\n", "holds no values"),
    "cut": (GOOD[:-30], "damaged"),
    "one letter": (GOOD.replace(f"{BEHIND}\ne", f"{BEHIND}\nF"), "damaged"),
    "not base64": (GOOD.replace(f"{BEHIND}\ne", f"{BEHIND}\n!"), "damaged"),
    "edited": (GOOD.replace("max 5", "max 6"), "edited"),
    "conflict": (f"<<<<<<< ours\n{GOOD}", "merge conflict"),
    "another format": (packed(b'{"format": 99}\n'), "format changed (99 stored, 1 now)"),
    "no JSON": (packed(b"hello\n"), "damaged"),
    "bomb": (packed(b"0" * 10**8), "damaged"),
    "values missing": (forged(shape=[9]), "values are missing"),
    "values beyond": (forged(shape=[2]), "more than it tells of"),
    "of objects": (forged(dtype="object", kind="object"), "no values of 'object'"),
    "too many values": (forged(shape=[2**40, 2**40]), "no values of 'float32'"),
    "half a value": (forged(shape=[1.5]), "1.5 is no whole number"),
    "less than none": (forged(shape=[-1]), "-1 is no whole number"),
    "of too many dimensions": (forged(shape=[1] * 99 + [3]), "damaged"),
    "a sample of nothing": (forged(kept=0), "no values of 'float32', 0 of 3"),
    "a sample of all": (forged(kept=3), "no values of 'float32', 3 of 3"),
    "figures that are none": (
        forged(shape=[9], kept=3, figures=[NAN, 0, 0, 0, [], 0, 0]),
        "nan is no number",
    ),
    "a number as a path": (forged(path=3), "3 is no text"),
    "a path twice": (packed(forged_rows({}, {}) + bytes(24)), "a path twice"),
    "rows that are none": (packed(b'{"format": 1, "rows": 3, "others": []}\n'), "damaged"),
    "deep": (packed(b"[" * 10**5), "damaged"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_file_that_cannot_be_read_says_why(case):
    text, words = DAMAGED[case]
    with pytest.raises(MeasurementError) as raised:
        from_text(text)
    assert words in str(raised.value)


def test_the_lines_that_are_reviewed_are_those_of_the_values():
    """Values of zero under lines that tell of others: whoever reads the lines would review what is not compared."""
    _, values = GOOD.split(BEHIND)
    lines, _ = to_text(outputs_of(T * 2)).split(BEHIND)
    with pytest.raises(MeasurementError, match="edited"):
        from_text(f"{lines}{BEHIND}{values}")
    for told in ({}, {"figures": [2.5, 1.7, 0, 5, [], 0, 0], "scale": NAN, "silence": ""}):
        with pytest.raises(MeasurementError, match="edited"):
            from_text(f"{lines}{forged(shape=[3], path='output', **told)}")


def test_a_path_that_looks_like_a_conflict_is_none():
    answer = {"<<<<<<< a": T, f"{BEHIND}": T}
    assert not differences(from_text(to_text(outputs_of(answer))), outputs_of(answer))


def test_a_thousand_words_beside_the_answer_are_a_few_lines():
    answer = {"logits": T, "classes": [f"class {i}" for i in range(1000)]}
    outputs = outputs_of(answer)
    text = to_text(outputs)
    assert text.split(BEHIND)[0].count("\n") < 80
    assert "not kept: 936 more\n" in text
    assert not differences(from_text(text), outputs)
    fewer = {**answer, "classes": answer["classes"][:990]}
    assert len(differences(outputs_of(fewer), outputs)) == 10


def test_a_file_with_other_line_ends_is_the_same():
    assert not differences(from_text(GOOD.replace("\n", "\r\n")), outputs_of(T))


class Sampling(nn.Module):
    """Draws in eval mode, writes to its input, and answers with a buffer that it changes."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(3))

    def forward(self, x):
        self.calls += x[0, :3]
        x.zero_()
        return {"noise": torch.rand(3), "calls": self.calls}


def test_one_call_leaves_no_trace_and_answers_the_same_again():
    model, x = Sampling(), torch.ones(1, 4)
    check = ModelCheck(model, x)
    first, second = check.outputs(), check.outputs()
    assert not differences(second, first, 0, 0)
    assert first["calls"].values.tolist() == [1, 1, 1]
    assert model.calls.tolist() == [0, 0, 0]
    assert x.tolist() == [[1, 1, 1, 1]]


def test_too_many_tensors_are_refused():
    with pytest.raises(MeasurementError, match="returns 300 tensors"):
        outputs_of([T] * 300)
