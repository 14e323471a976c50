"""The marker onnx_export, in a run with a report."""

import pytest

from .conftest import FIXTURES

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "xdist"])
def test_it_passes_and_the_file_is_in_the_report(project, workers):
    project.conftest(FIXTURES).tests("@pytest.mark.onnx_export(opset=18)\ndef test_it(): ...")
    project.run("--modelcheck-report", *workers).assert_outcomes(passed=1)
    record = project.record()
    (check,) = record["checks"]
    assert (check["metric"], check["outcome"]) == ("onnx_export", "pass")
    (found,) = record["subjects"][0]["onnx"]
    assert found["file"] == "models/Net.onnx"
    folder = project.pytester.path / "modelcheck-report"
    assert (folder / found["file"]).stat().st_size == found["size_bytes"]
    assert "netron models/Net.onnx" in (folder / "index.html").read_text("utf-8")


@pytest.mark.parametrize(("most", "outcome"), [("10 B", "fail"), ("1 MiB", "pass")])
def test_the_size_is_a_limit_of_its_own(project, most, outcome):
    project.conftest(FIXTURES).tests(f"@pytest.mark.onnx_export(max_size={most!r})\ndef test_it(): ...")
    project.run("--modelcheck-report")
    agreement, size = project.record()["checks"]
    assert (agreement["metric"], agreement["outcome"]) == ("onnx_export", "pass")
    assert (size["metric"], size["outcome"], size["unit"]) == ("onnx_size", outcome, "bytes")
    assert size["value"] == project.record()["subjects"][0]["onnx"][0]["size_bytes"]


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("onnx_export(opset='new')", "onnx_export: opset='new' is not an opset number"),
        ("onnx_export(rtol='much')", "onnx_export: 'much' is not an amount"),
        ("onnx_export(max_size='5')", "onnx_export: '5' has no unit"),
        ("onnx_export(1)", "onnx_export: nothing can be given without a keyword"),
        (
            "onnx_export(dynamic=True)",
            "dynamic=True is no dynamic_shapes of torch.onnx.export; write for example",
        ),
        ("onnx_export(opsett=3)", "did you mean 'opset'"),
    ],
)
def test_mistakes_are_found_at_collection(project, marker, words):
    project.conftest(FIXTURES).tests(f"@pytest.mark.{marker}\ndef test_it(): ...")
    result = project.run()
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"*{words}*"])


def test_a_model_that_cannot_be_exported_fails_with_a_short_reason(project):
    project.tests("""
class ByData(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum().item() > 0 else x

@pytest.mark.modelcheck(model=ByData, input_size=(2, 3))
@pytest.mark.onnx_export()
def test_it(): ...
""")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*not exportable: data-dependent*"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(
    ("forward", "outcome", "words"),
    [
        (
            "x.reshape(3, 2)",
            "error",
            "axis 0 of input 'x' was asked to be free (dynamic=), but the file fixes it at 3",
        ),
        ("x * 2 if x.shape[0] > 4 else x", "fail", "(inputs x 6x2) differs first"),
    ],
)
def test_an_axis_that_is_not_free(project, forward, outcome, words):
    project.tests(f"""
class Fixed(nn.Module):
    def forward(self, x):
        return {forward}

@pytest.mark.onnx_export(dynamic={{"x": {{0: torch.export.Dim("n")}}}}, model=Fixed, input_size=(3, 2))
def test_it(): ...
""")
    project.run("--modelcheck-report").assert_outcomes(failed=1)
    (check,) = project.record()["checks"]
    assert check["outcome"] == outcome
    assert words in check["message"]


def test_subjects_of_one_name_have_a_file_each_and_a_second_run_needs_no_more(project):
    project.tests("""
import pytest

@pytest.mark.parametrize("width", [3, 4])
def test_it(modelcheck, width):
    assert modelcheck(nn.Linear(2, width), input_size=(1, 2), name="net").onnx().file
""")
    for _ in range(2):
        project.run("--modelcheck-report", subprocess=True).assert_outcomes(passed=2)
        found = [x for subject in project.record()["subjects"] for x in subject["onnx"]]
        assert [x["file"] for x in found] == ["models/net.onnx", "models/net-2.onnx"]
        folder = project.pytester.path / "modelcheck-report"
        assert [(folder / x["file"]).stat().st_size for x in found] == [x["size_bytes"] for x in found]
        assert len(list((folder / "models").iterdir())) == 2
