"""What the base gated and this tree does not: red, unless a commit owns up to it."""

import pytest

NET = """
import pytest
from torch import nn

@pytest.mark.macs_budget(max_regression="2%", model=lambda: nn.Linear(4, 4), input_size=(1, 4))
def test_kept(): ...
"""
MORE = """
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.macs_budget("1 kMACs", model=lambda: nn.Linear(4, 4), input_size=(1, 4))
@pytest.mark.params_budget("1 k", model=lambda: nn.Linear(4, 4), input_size=(1, 4))
def test_gone(width): ...
"""
TRAILER = "Modelcheck-Accept: tests/test_net.py::test_gone removed: it was the same as test_kept"


@pytest.mark.parametrize(
    ("message", "status", "outcome"),
    [
        (f"x\n\n{TRAILER}", 0, "accepted"),
        (f"x\n\n{TRAILER.replace('gone', 'g')}", 1, "fail"),
    ],
    ids=["owned up to", "another"],
)
def test_a_removed_limit(repository, message, status, outcome):
    repository.write("tests/test_net.py", NET + MORE)
    repository.commit()
    repository.git("branch", "-f", "main")
    repository.write("tests/test_net.py", NET)
    repository.git("commit", "-qam", message)
    done = repository.run("--modelcheck-report")
    assert done.returncode == status, done.out
    checks = [check for check in repository.record()["checks"] if "test_gone" in check["nodeid"]]
    assert [check["outcome"] for check in checks] == [outcome] * 4
    assert ("nothing of that name was removed" in done.out) == (TRAILER.replace("gone", "g") in message)
    assert done.out.count("put the marker back") == (2 if outcome == "fail" else 0)  # once a test
    if outcome == "accepted":
        assert "it was the same as test_kept" in checks[0]["message"]
    else:
        assert "test_gone[1] removed: <why>" in done.out
