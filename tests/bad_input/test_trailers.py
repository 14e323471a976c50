"""Trailers of commits: whatever a message says, each of them is understood, or told with its commit and line."""

import subprocess

import pytest
from hypothesis import strategies as st

from pytest_modelcheck.base.accepted import Accepted
from pytest_modelcheck.base.trailers import _found, parse, trailers_since
from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.verdict.message import TRAILER

from .properties import holds
from .whole import records

REGISTRY = default_registry()
HEAD = records()[1]
NAMES = [
    "net",
    "'a b'",
    '"a b"',
    "'open",
    '"',
    "tests/test_it.py::test_net",
    "tests/test_it.py::test_net[a b]",
    "\\",
    "''",
    "net (1x3x8x8)",
    "\ud800",
    "‮",
]
METRICS = [
    "macs",
    "flops(backward)",
    "latency(p90, threads=2)",
    "removed",
    "heatmap",
    "onnx_export",
    "MACs",
    "nothing",
    "macs()",
    "macs((",
    "macs)",
    "",
]
LIMITS = [
    "",
    "<= 1 GMACs",
    "≤ 5",
    "<=",
    "<= -1",
    "<= nan",
    "<= 1e999",
    "<= 1e99999999999",
    "<= " + "9" * 5000,
    "<= 1 ms",
    "< 1",
    "<= 2%",
    "<= \ud800",
    "removed",
]
ENDS = [": why", ":", ": ", "", ":: why", ": " + "x" * 5000, ": a\n b\n\tc", ": \0"]
SPACES = [" ", "", "  ", "\t", "\x0b", "\u2028", "\xa0", "\r"]
LINES = st.builds(lambda name, metric, limit, end, space: f"{TRAILER}:{space}{name}{space}{metric}{space}{limit}{end}",
                  *map(st.sampled_from, (NAMES, METRICS, LIMITS, ENDS, SPACES)))  # fmt: skip
ODD = st.sampled_from(
    [
        TRAILER,
        f"{TRAILER}:",
        f" {TRAILER}: net macs: why",
        TRAILER.lower() + ": net macs: why",
        "\r\n",
        " ",
        "Signed-off-by: a",
    ]
)
MESSAGES = st.lists(LINES | ODD | st.text(max_size=20), max_size=5).map("\n".join)


@holds(80, 8_000, message=MESSAGES | LINES)
def test_a_trailer_is_understood_or_told(message):
    found = list(_found("0" * 40, message))
    assert len(found) <= message.casefold().count(TRAILER.casefold())
    for entry in found:
        trailer = parse(entry, REGISTRY)
        assert trailer.problem or (trailer.name and trailer.metric and trailer.why)
        assert trailer.told("x")
    accepted = Accepted({**HEAD, "trailers": {"problem": "", "found": found}}, REGISTRY)
    told = accepted.notes(HEAD)
    assert len(told) == len(set(told)) or len(found) > len({entry["text"] for entry in found})
    accepted.refuse_doubtful(HEAD)
    assert not any(check["outcome"] == "accepted" for check in HEAD["checks"])


LONG = 200_000
SLOW_WAYS = {
    "blanks": f"{TRAILER}: net macs" + " " * LONG + "x",
    "blanks in front": f"{TRAILER}" + " " * LONG + "x",
    "blanks after a metric": f"{TRAILER}: net macs" + " " * LONG + "<= 1 GMACs" + " " * LONG,
    "digits": f"{TRAILER}: net macs <= " + "1" * LONG + "!: why",
    "commas": f"{TRAILER}: net macs <= " + "1," * LONG + ": why",
    "brackets": f"{TRAILER}: net macs" + "(" * LONG,
    "options": f"{TRAILER}: net macs(" + "a," * LONG + "): why",
    "lines": f"{TRAILER}: net macs" + "\n x" * (LONG // 3),
    "quotes": f"{TRAILER}: " + "'a'" * (LONG // 3) + " macs: why",
    "many": f"{TRAILER}: net macs: why\n" * 2_000,
    "metric": f"{TRAILER}: net " + "m" * LONG + ": why",
    "name": f"{TRAILER}: " + "n" * LONG + " macs: why",
}


@pytest.mark.parametrize("message", SLOW_WAYS.values(), ids=SLOW_WAYS)
def test_no_message_is_read_for_long(message):
    for entry in _found("0" * 40, message):
        parse(entry, REGISTRY)
    found = list(_found("0" * 40, message))[:100]
    Accepted({**HEAD, "trailers": {"problem": "", "found": found}}, REGISTRY).notes(HEAD)


def test_messages_that_are_no_text(tmp_path):
    def git(*arguments, text=b""):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, input=text, capture_output=True, check=True).stdout.decode().strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "base")
    base = git("rev-parse", "HEAD")
    for message in (
        b"\xff\xfe Modelcheck-Accept: net macs: why",
        b"x\n\nModelcheck-Accept: n\xe9t macs: why\n",
        b"y\n\n" + b"z" * 10**6,
    ):
        git("commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", "-", text=message)
    found = trailers_since(tmp_path, base)
    assert not found["problem"]
    assert [parse(entry, REGISTRY).metric for entry in found["found"]] == ["macs"]
    for commit in ("HEAD", "--help", "", "f" * 40, "../..", base[:4]):
        told = trailers_since(tmp_path, commit)
        assert bool(told["problem"]) == bool(commit)
