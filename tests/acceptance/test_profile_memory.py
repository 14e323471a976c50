"""Profiles and peaks as a user asks for them, and what the report shows of them."""

import gzip
import json
import re
from pathlib import Path

import pytest

ON_NET = "@pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8))\n"
# Net by hand: 1,380 parameters and 192 inputs stay; the ReLU's input and output (8*6*6 floats each) are the peak
STAYS, PEAK = 4 * (1380 + 192), 4 * (1380 + 192 + 2 * 288)


@pytest.mark.parametrize(("limit", "holds"), [(PEAK, True), (PEAK - 1, False)])
def test_a_memory_budget_gates(project, limit, holds):
    result = project.tests(f"{ON_NET}@pytest.mark.peak_memory_budget({limit})\ndef test_it(): ...").run()
    result.assert_outcomes(passed=int(holds), failed=int(not holds))
    if not holds:
        result.stdout.fnmatch_lines(
            ["*net: peak memory", "*heaviest *fc *4.516 KiB*", "*the peak is in relu*"]
        )


def test_a_memory_budget_of_a_training_step(project):
    source = (
        "@pytest.mark.peak_memory_budget('100 KiB', phase='training_step', optimizer='AdamW')\n"
        "def test_it(): ..."
    )
    project.tests(ON_NET + source).run("--modelcheck-report").assert_outcomes(passed=1)
    (subject,) = project.record()["subjects"]
    described, memory = subject["memory"]  # the report's own forward, and what the budget asked for
    assert (described["phase"], described["nodeid"]) == ("forward", None)
    assert memory["optimizer_state"] == 2 * 4 * 1380 + 4 * 4
    assert [name for name, _ in memory["parts"]] == ["forward", "backward", "optimizer step"]


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("peak_memory_budget('300')", "has no unit"),
        ("peak_memory_budget('300 ms')", "is a time, not"),
        ("peak_memory_budget('1 MiB', optimizer='Adom')", "optimizer='Adom'"),
        ("operator_budget('aten::relu')", "no limit; give one"),
    ],
)
def test_a_marker_that_cannot_be_understood(project, marker, words):
    result = project.tests(f"{ON_NET}@pytest.mark.{marker}\ndef test_it(): ...").run()
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"*{words}*"])


def test_the_report_has_the_profile_its_trace_and_the_memory(project):
    source = """
def test_it(modelcheck):
    modelcheck.profile()
    with modelcheck.profile(steps=2) as step:
        while not step.done:
            modelcheck.subject.run()
            step()
    modelcheck.peak_memory()
"""
    project.tests(ON_NET + source).run("--modelcheck-report").assert_outcomes(passed=1)
    (subject,) = project.record()["subjects"]
    folder = Path(project.pytester.path, "modelcheck-report")
    one, loop = subject["profile"]
    assert loop["counts"]["aten::conv2d"] == 2 * one["counts"]["aten::conv2d"] == 2
    assert one["trace"] != loop["trace"]
    for profile in (one, loop):
        events = json.loads(gzip.decompress((folder / profile["trace"]).read_bytes()))["traceEvents"]
        assert "module: conv" in {event.get("name") for event in events}
    assert subject["memory"][0]["total"] == PEAK
    page = (folder / "index.html").read_text("utf-8")
    assert f'<a href="{one["trace"]}" download>' in page
    assert "ui.perfetto.dev" in page
    assert re.search(
        r'aria-label="live tensors over \d+ operators: at most 8.391 KiB, after \d+, in relu"', page
    )


def test_cuda_without_cuda(project):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    markers = "\n".join(
        f"@pytest.mark.{marker}"
        for marker in ("peak_memory_budget('1 MiB')", "operator_budget('aten::relu', 1)")
    )
    subject = "@pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8), device='cuda')"
    result = project.tests(f"{subject}\n{markers}\ndef test_it(): ...").run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*sees no CUDA device*"])
