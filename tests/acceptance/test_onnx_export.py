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
        ("onnx_export(against=3)", "onnx_export: against=3 is not the path of an .onnx file"),
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
            "fail",
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


def test_subjects_of_one_name_have_a_file_each_and_a_second_run_needs_no_more(project, real_interpreter):
    # which file is an earlier run's says the time at which the process began
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


CHANGED = """
class Old(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(2, 3)

    def forward(self, x):
        return self.layer(x)

class New(Old):
    def forward(self, x):
        return self.layer(x).sigmoid()
"""


def test_an_exported_file_that_is_stale_fails_until_it_is_written_anew(project):
    folder = project.pytester.mkdir("sub")
    for model, name in (("Old", "net.onnx"), ("New", "other.onnx")):
        project.tests(
            f"{CHANGED}\ndef test_it(modelcheck):\n    "
            f"modelcheck({model}, input_size=(1, 2)).onnx().save({str(folder / name)!r})"
        )
        project.run().assert_outcomes(passed=1)
    test = f"{CHANGED}\n@pytest.mark.onnx_export(against='net.onnx', model=New, input_size=(1, 2))\ndef test_it(): ..."
    (folder / "test_there.py").write_text(f"import pytest, torch\nfrom torch import nn\n{test}", "utf-8")
    result = project.run("--modelcheck-report", "sub")
    agreement, file = project.record()["checks"]
    assert (agreement["outcome"], file["metric"], file["outcome"]) == ("pass", "onnx_file", "fail")
    result.stdout.fnmatch_lines(["*1 more Sigmoid", "*outputs differ by * % of their scale: output 0"])
    command = "cp modelcheck-report/models/New.onnx sub/net.onnx"
    result.stdout.fnmatch_lines([f"*to write it anew: {command}"])
    assert "1 more Sigmoid" in (project.pytester.path / "modelcheck-report" / "index.html").read_text("utf-8")
    project.pytester.run(*command.split())
    project.run("sub").assert_outcomes(passed=1)


def test_a_file_that_is_not_there_is_an_error_that_says_where_it_was_looked_for(project):
    project.conftest(FIXTURES).tests("@pytest.mark.onnx_export(against='no.onnx')\ndef test_it(): ...")
    result = project.run("--modelcheck-report")
    assert [check["outcome"] for check in project.record()["checks"]] == ["pass", "error"]
    result.stdout.fnmatch_lines(["*there is no file to compare with: no.onnx", "*to write it anew: cp *"])


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        ("all", ""),
        ("none", "ini key modelcheck_onnx_keep keeps no file"),
        ("100 B", "ini key modelcheck_onnx_keep keeps files up to 100 B"),
    ],
)
def test_what_a_report_keeps_is_an_ini_key(project, keep, words):
    project.conftest(FIXTURES).tests("@pytest.mark.onnx_export()\ndef test_it(): ...")
    project.run("--modelcheck-report", "-o", f"modelcheck_onnx_keep={keep}").assert_outcomes(passed=1)
    folder = project.pytester.path / "modelcheck-report"
    assert (folder / "models" / "Net.onnx").exists() is (not words)
    page = (folder / "index.html").read_text("utf-8")
    assert words in page
    assert ("pytest -o modelcheck_onnx_keep=all keeps it" in page) is bool(words)


@pytest.mark.parametrize(
    ("keep", "words"),
    [("much", "'much' is not an amount"), ("10", "'10' has no unit"), ("-1 MB", "negative")],
)
def test_a_wrong_size_is_told(project, keep, words):
    result = project.run("-o", f"modelcheck_onnx_keep={keep}")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        [f"*modelcheck_onnx_keep={keep}: *{words}*; write for example 10 MB, all or none"]
    )
