"""The file that type checkers accept is one that pytest takes: its markers and fixtures are valid."""

from pathlib import Path

TYPED = Path(__file__).parent / "typed" / "right.py"


def test_the_typed_file_is_collected(pytester):
    pytester.makepyfile(test_typed=TYPED.read_text("utf-8"))
    result = pytester.runpytest("--collect-only", "-q", "--strict-markers")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*::test_budgets", "*::test_outputs[[]one_by_one[]]"])
