"""Timed checks of several workers take turns, and the summary says how long they waited."""


def test_workers_wait_for_each_other(project):
    source = """
@pytest.mark.parametrize("i", range(4))
@pytest.mark.latency_budget("10 s", model=net, input_size=(1, 3, 8, 8))
def test_it(i): ...
"""
    result = project.tests(source).run("-n2", subprocess=True)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["*timed checks waited * s for each other*"])
