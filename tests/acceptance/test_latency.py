"""Latency budgets as a user writes them; the limits are far from any real time."""

import pytest

ON_NET = "@pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8))\n"


@pytest.mark.parametrize(("limit", "holds"), [("10 s", True), ("1 ns", False)])
def test_a_budget_gates(project, limit, holds):
    result = project.tests(f"{ON_NET}@pytest.mark.latency_budget('{limit}')\ndef test_it(): ...").run()
    result.assert_outcomes(passed=int(holds), failed=int(not holds))
    if not holds:
        result.stdout.fnmatch_lines(
            ["*net: latency (median)*", "*measured * to *", "*calls, thread CPU time, 1 thread*"]
        )


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("latency_budget('40')", "has no unit"),
        ("latency_budget('1 s', threads=0)", "not a whole number from 1 on"),
    ],
)
def test_a_marker_that_cannot_be_understood(project, marker, words):
    result = project.tests(f"{ON_NET}@pytest.mark.{marker}\ndef test_it(): ...").run()
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"*{words}*"])


def test_cuda_without_cuda(project):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    result = project.tests(
        "@pytest.mark.latency_budget('1 s', model=net, input_size=(1, 3, 8, 8), device='cuda')\ndef test_it(): ..."
    ).run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*sees no CUDA device*"])


def test_slower_than_another_fails_when_the_body_ends(project):
    source = """
class Slow(Net):
    def forward(self, x):
        for _ in range(20):
            y = super().forward(x)
        return y

@pytest.mark.modelcheck(model=Slow, input_size=(1, 3, 8, 8))
def test_it(modelcheck):
    verdict = modelcheck.latency_against(net, max_regression="10%")
    assert verdict.outcome == "fail"
"""
    result = project.tests(source).run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Slow: slowdown*", "*limit *max 4 %*"])
