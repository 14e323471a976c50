"""A file that stands in a repository, beside the export of today."""

import numpy as np
import pytest
import torch

from pytest_modelcheck.checks.export.check import ExportCheck, places
from pytest_modelcheck.checks.export.distance import OutputError
from pytest_modelcheck.checks.export.result import Onnx
from pytest_modelcheck.checks.export.standing import Standing, compare_file
from pytest_modelcheck.errors import MeasurementError
from pytest_modelcheck.verdict.limit import Limit

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

W = (np.arange(9, dtype=np.float32).reshape(3, 3) - 4) / 9
X = torch.tensor([[1.0, 1.0, 0.5]])
MATMUL = ("MatMul", ["x", "w"], ["a"], {})
BASE = (MATMUL, ("Relu", ["a"], ["b"], {}), ("Sigmoid", ["b"], ["y"], {}))


def model(nodes=BASE, w=W, opset=18, batch=1, dtype=onnx.TensorProto.FLOAT):
    make = onnx.helper
    graph = make.make_graph(
        [make.make_node(kind, given, made, **more) for kind, given, made, more in nodes],
        "g",
        [make.make_tensor_value_info("x", dtype, [batch, 3])],
        [make.make_tensor_value_info("y", dtype, [batch, 3])],
        [onnx.numpy_helper.from_array(w, "w")],
    )
    return make.make_model(graph, opset_imports=[make.make_opsetid("", opset)], ir_version=10)


def named(nodes, **names):
    return [
        (kind, [names.get(n, n) for n in given], [names.get(n, n) for n in made], more)
        for kind, given, made, more in nodes
    ]


ADDED = (("Add", ["x", "w"], ["a"], {}), *BASE[1:])
TURNED = (("Add", ["w", "x"], ["a"], {}), *BASE[1:])
TWO = (
    ("Relu", ["x"], ["p"], {}),
    ("Tanh", ["x"], ["q"], {}),
    ("Sub", ["p", "q"], ["r"], {}),
    ("MatMul", ["r", "w"], ["y"], {}),
)
DEFAULT = ("Gemm", ["x", "w"], ["y"], {})
CHANGES = {  # the file's, today's -> what is told
    "nothing": (model(), model(), []),
    "other names": (model(named(BASE, a="c", b="d")), model(), []),
    "independent ones changed places": (model(TWO), model((TWO[1], TWO[0], *TWO[2:])), []),
    "commutative": (model(ADDED, w=W[:1]), model(TURNED, w=W[:1]), []),
    "defaults written out": (
        model((DEFAULT,)),
        model((("Gemm", ["x", "w"], ["y"], {"transA": 0, "alpha": 1.0}),)),
        [],
    ),
    "more": (
        model(),
        model((*BASE[:2], ("Relu", ["b"], ["c"], {}), ("Sigmoid", ["c"], ["y"], {}))),
        ["1 more Relu"],
    ),
    "another": (
        model(),
        model((MATMUL, ("Softsign", ["a"], ["b"], {}), BASE[2])),
        ["1 fewer Relu", "1 more Softsign", "outputs differ"],
    ),
    "attributes": (
        model((DEFAULT,)),
        model((("Gemm", ["x", "w"], ["y"], {"transB": 1}),)),
        ["Gemm: (default) -> transB=1", "outputs differ"],
    ),
    "order": (
        model(),
        model((MATMUL, ("Sigmoid", ["a"], ["b"], {}), ("Relu", ["b"], ["y"], {}))),
        ["the same operators in another order: node 1 was Relu, is Sigmoid", "outputs differ"],
    ),
    "operands": (
        model((TWO[0], TWO[1], TWO[2], TWO[3])),
        model((TWO[0], TWO[1], ("Sub", ["q", "p"], ["r"], {}), TWO[3])),
        ["the same operators, joined in another way", "outputs differ"],
    ),
    "weights": (model(), model(w=W * 2), ["outputs differ", "weights differ by 50 % of their scale: w"]),
    "opset": (model(opset=17), model(opset=18), ["opset 17 -> 18"]),
    "a free axis": (
        model(),
        model(batch="n"),
        ["input 0: float32 1x3 -> float32 ?x3", "output 0: float32 1x3 -> float32 ?x3"],
    ),
    "type": (
        model(),
        model(w=W.astype(np.float64), dtype=onnx.TensorProto.DOUBLE),
        [
            "size of the weights 36 B -> 72 B",
            "input 0: float32 1x3 -> float64 1x3",
            "output 0:",
            "weights differ: w: float64",
        ],
    ),
}


def compared(old, new, path, x=X):
    onnx.save(old, path)
    return compare_file(new.SerializeToString(), [path], [x])


@pytest.mark.parametrize(("old", "new", "lines"), CHANGES.values(), ids=CHANGES.keys())
def test_what_differs_is_told_in_words(tmp_path, old, new, lines):
    is_double = new.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.DOUBLE
    standing = compared(old, new, tmp_path / "net.onnx", X.double() if is_double else X)
    told = standing.differences(1e-3, 1e-5)
    assert standing.problem == ""
    assert len(told) == len(lines)
    assert all(said.startswith(line) for said, line in zip(told, lines, strict=True)), told


def test_weights_count_also_where_no_output_shows_them(tmp_path):
    row = (("Gather", ["w", "i"], ["y"], {}),)

    def table(w):
        made = model(row, w=w)
        made.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0]), "i"))
        return made

    other = W.copy()
    other[2] = 5
    (line,) = compared(table(W), table(other), tmp_path / "net.onnx").differences(1e-3, 1e-5)
    assert line.startswith("weights differ by")


FAR = {
    "numbers": (OutputError("y", 0.03, 1.0, 33.0), "outputs differ by 3 % of their scale: y"),
    "masks": (OutputError("y", 0.25, 1.0, 1.0, differing=1), "outputs differ by 25 % of their entries: y"),
    "zeros": (OutputError("y", np.inf, 0.5, 0.0), "outputs differ by 0.5 where their scale is 0: y"),
    "shapes": (
        OutputError.missing("shape (1,) expected", name="y"),
        "outputs differ: y: shape (1,) expected",
    ),
}


@pytest.mark.parametrize(("error", "line"), FAR.values(), ids=FAR.keys())
def test_how_far_outputs_are_is_told_by_what_they_are(error, line):
    assert Standing("net.onnx", outputs=(error,)).differences(1e-3, 1e-5) == [line]


def test_an_unused_name_and_what_a_branch_takes_from_outside_are_read(tmp_path):
    make = onnx.helper

    def branching(weight):
        y = [make.make_tensor_value_info("y1", onnx.TensorProto.FLOAT, [1, 3])]
        then = make.make_graph([make.make_node("MatMul", ["x", "w"], ["y1"])], "t", [], y)
        other = make.make_graph([make.make_node("Relu", ["x"], ["y1"])], "e", [], y)
        made = model((("If", ["c"], ["y"], {"then_branch": then, "else_branch": other}),), w=weight)
        made.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "c"))
        return made

    path = tmp_path / "net.onnx"
    assert compared(branching(W), branching(W), path).differences(1e-3, 1e-5) == []
    assert len(compared(branching(W), branching(W * 2), path).differences(1e-3, 1e-5)) == 2


DAMAGED = {
    "missing": (None, "there is no file to compare with: net.onnx"),
    "empty": (b"", "cannot be read as an ONNX model"),
    "cut": (model().SerializeToString()[:60], "cannot be read as an ONNX model"),
    "text": (b"hello", "cannot be read as an ONNX model"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
}


@pytest.mark.parametrize(("content", "words"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_file_that_cannot_be_read_says_why_and_how_to_write_it(tmp_path, monkeypatch, content, words):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.onnx"
    if content is not None:
        path.write_bytes(content)
    standing = compare_file(model().SerializeToString(), [path, path], [X])
    assert words in standing.problem
    with pytest.raises(MeasurementError, match=r"(?s)net\.onnx.*to write it anew: "):
        read(standing)


def read(standing, **more):
    check = ExportCheck()
    return check.read(Onnx("net", standing=standing, **more), Limit(check.metrics[2]))


def test_what_a_random_model_draws_is_no_difference():
    off = OutputError("y", 0.5, 1.0, 2.0)
    assert read(Standing("net.onnx", outputs=(off,))).value == 1
    assert read(Standing("net.onnx", outputs=(off,)), repeat=(off,)).value == 0


def test_a_file_is_looked_for_beside_the_test_and_then_at_the_root(tmp_path):
    assert places("a.onnx", "sub/test_a.py::test_b[x::y]", tmp_path) == [
        tmp_path / "sub/a.onnx",
        tmp_path / "a.onnx",
    ]
