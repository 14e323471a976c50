"""`Modelcheck-Accept`: an increase that a commit between base and head owns up to, and what else is not accepted.

A merged branch has a commit and a test for each trailer, and is compared with a report; the lines that a run prints are
committed and tried in another repository.
"""

import json
import re
from xml.etree import ElementTree

import pytest

from .repository import FULL, NET, GitRepository

FILE = "tests/test_net.py"
HEAD = "import pytest\nfrom nets.model import net\n"
TEST = """
@pytest.mark.modelcheck(model=net, input_size=(1, 3, {size}, {size}), name="{name}")
@pytest.mark.macs_budget({limit}max_regression="2%")
def test_{test}(): ...
"""
BASE_LINE = re.compile(r"to accept +(Modelcheck-Accept: .* <= .*): <why>")


def a_test(name, test="", size=8, limit=""):
    return TEST.format(name=name, test=test or name, size=size, limit=limit)


def begin(repository, *tests):
    """Write these tests and their model; nothing is committed."""
    repository.write("src/nets/__init__.py", "")
    repository.write("src/nets/model.py", NET)
    repository.write(FILE, HEAD + "".join(tests))
    repository.write("pytest.ini", "[pytest]\npythonpath = src\n")
    repository.write(".gitignore", "__pycache__\nmodelcheck-report\nkept\n")


def widen(repository):
    """On a branch: the stride that makes the model four times as heavy."""
    repository.git("checkout", "-q", "-b", "change")
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")


def node(test):
    return f"{FILE}::test_{test}"


def check_of(record, test):
    (check,) = (c for c in record["checks"] if c["nodeid"] == node(test))
    return check


def outcomes(record, *tests):
    return [c["outcome"] for test in tests for c in record["checks"] if c["nodeid"] == node(test)]


def notes_of(record, commit):
    return [note for note in record["changes"]["notes"] if commit[:12] in note]


ACCEPTING = {
    "a_node_id": "Modelcheck-Accept: {node} macs: why",
    "a_subject": "Modelcheck-Accept: {name} macs: why",
    "in_quotes": 'Modelcheck-Accept: "{node}" macs: why',
    "another_case": "modelcheck-accept: {node} macs: why",
    "up_to_a_value_in_another_unit": "Modelcheck-Accept: {node} macs <= 28 kFLOPs: why",
    "folded": "Modelcheck-Accept: {node} macs\n  <= 14 kMACs: why",
    "in_the_middle_of_a_squash_merge": "Net (#3)\n\n* wider\n\n"
    "Modelcheck-Accept: {node} macs: why\n\n* typo\n\n---------\n\nCo-authored-by: a <a@b>",
    "carriage_returns": "wider\r\n\r\nModelcheck-Accept: {node} macs: why\r\nSigned-off-by: a <a@b>\r\n",
    "one_of_two": "Modelcheck-Accept: {node} macs <= 1 kMACs: too low\nModelcheck-Accept: {node} macs: why",
}
REFUSED = {
    "another_metric": ("{node} flops: why", "fits no relative limit of this run"),
    "a_value_that_is_lower": ("{node} macs <= 13 kMACs: why", "up to 13 kMACs, by commit"),
    "another_test": ("{node}_other macs: why", "fits no relative limit*did you mean"),
    "part_of_a_node_id": (f"{FILE} macs: why", f"did you mean {FILE}::test_a_node_id"),
    "no_reason": ("{node} macs:", "line 3 *it gives no reason"),
    "nothing_after_the_name": ("{node}", "it is not understood; write Modelcheck-Accept: "),
    "an_unknown_metric": ("{node} mac: why", "there is no metric 'mac'; did you mean 'macs'?"),
    "no_unit": ("{node} macs <= 14000: why", "'14000' has no unit"),
    "another_unit": ("{node} macs <= 14 MiB: why", "is an amount of memory, not operations"),
    "a_share": ("{node} macs <= 400%: why", "is a share, not operations"),
    "quotes_that_are_not_closed": ("'{node} macs: why", "No closing quotation"),
    "removed_and_it_is_not": ("{node} removed: why", "nothing of that name was removed"),
    "options_that_the_limit_has_not": ("{node} macs(backward): why", "over by"),
    "after_the_merge": ("", "over by"),
}


OUTSIDE = {
    "a_test_that_is_deselected": ("{node} macs: why", ""),
    "its_subject": ("{name} macs: why", ""),
    "one_that_may_have_been_removed": ("{node}_old removed: why", ""),
    "another_metric_of_it": ("{node} flops: why", "fits no relative limit of this run"),
    "one_that_there_is_not": ("{node}_old macs: why", "fits no relative limit of this run"),
    "one_that_is_there_still": ("{node} removed: why", "nothing of that name was removed"),
}
EVIL = "<img src=x> ::error::evil \x1b[31m\x07 [link](https://evil.example) @everyone {{{{ 7*7 }}}}"
MESSAGES = {
    **ACCEPTING,
    **{
        name: f"Modelcheck-Accept: {trailer}" for name, (trailer, _) in (REFUSED | OUTSIDE).items() if trailer
    },
    "absolute": "Modelcheck-Accept: {node} macs: why",
    "hostile": "Modelcheck-Accept: {node} macs: " + EVIL,
}


class Merged(GitRepository):
    """The merge of a branch with a commit for each case, and a report of its base: runs in this process are quick."""

    def __init__(self, path):
        super().__init__(path)
        names = (*ACCEPTING, *REFUSED, *OUTSIDE)
        begin(self, *map(a_test, names), a_test("absolute", limit='"5 kMACs", '), a_test("hostile"))
        self.base = self.commit(f"merged earlier\n\nModelcheck-Accept: {node('after_the_merge')} macs: why")
        self.report = path / "kept/report.json"
        self.whole = None  # the record of a run of all tests

    def change(self):
        widen(self)
        self.commits = {name: self.commit(message_of(name, text)) for name, text in MESSAGES.items()}
        self.git("checkout", "-q", "main")
        self.write("README", "x")
        self.commit("meanwhile")
        self.git("checkout", "-q", "--detach")
        self.git("merge", "-q", "--no-ff", "-m", "Merge change into main", "change")

    def compared(self, pytester, *arguments):
        """The record of a run against the report, with `status`, `out` and the `page`."""
        result = run(pytester, "--modelcheck-base-report=kept", *arguments)
        folder = self.path / "modelcheck-report"
        record = json.loads((folder / "report.json").read_text())
        page = (folder / "index.html").read_text()
        return {**record, "status": int(result.ret), "out": result.stdout.str(), "page": page}


def message_of(name, text):
    message = text if "\n\n" in text or "\r" in text else f"wider\n\n{text}"
    return message.format(node=node(name), name=name)


def run(pytester, *arguments):
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "--modelcheck-report", *arguments)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Merged(tmp_path_factory.mktemp("merged"))


@pytest.fixture
def merged(made, project, monkeypatch):
    """The repository, when the report was made and all tests ran."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(made.path)
    if made.whole is None:
        run(project.pytester, "--modelcheck-output=kept")
        made.change()
        made.whole = made.compared(project.pytester)
    return made


@pytest.mark.parametrize("name", ACCEPTING)
def test_a_trailer_accepts(merged, name):
    """In a commit on the second side of a merge, which is how a pull request is tried."""
    record, commits = merged.whole, merged.commits
    check = check_of(record, name)
    assert check["outcome"] == "accepted", record["out"]
    assert (check["accepted"]["reason"], check["accepted"]["commit"]) == ("why", commits[name])
    assert notes_of(record, commits[name]) == []


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, (_, words) in REFUSED.items()])
def test_a_trailer_that_accepts_nothing_is_told(merged, name, words):
    """Nor does any of what was merged before."""
    record, commits = merged.whole, merged.commits
    check = check_of(record, name)
    assert check["outcome"] == "fail"
    notes = notes_of(record, commits.get(name, "never"))
    told = "\n".join([check["message"], *notes])
    assert re.search(re.escape(words).replace(r"\*", ".*"), told), told
    assert commits.get(name, "")[:12] in told or words == "over by"
    assert all(note in record["out"] for note in notes)


def test_absolute_limits_are_not_accepted(merged):
    assert merged.whole["status"] == 1
    assert outcomes(merged.whole, "absolute") == ["fail", "accepted"]


def test_a_trailer_is_text_and_nothing_else(merged):
    """Whoever opens a pull request writes it."""
    record = merged.whole
    check = check_of(record, "hostile")
    assert check["outcome"] == "accepted"
    assert check["accepted"]["reason"].startswith("<img src=x> ::error::evil")
    assert "::error::evil" in record["out"]
    assert [line for line in record["out"].splitlines() if line.lstrip().startswith("::")] == []
    assert "\x1b" not in record["out"]
    assert "\x07" not in record["out"]
    assert "::error::evil" in record["page"]
    assert "<img src=x>" not in record["page"]


ODD = "a b::c: [d] é 'e'"
SIZES = '@pytest.mark.macs_budget(max_regression="2%", input_size=(1, 3, 16, 16))\ndef test'
DOUBTFUL = """x

Modelcheck-Accept: pair macs: why
Modelcheck-Accept: 'one (1x3x8x8)' macs: why
Modelcheck-Accept: tests/test_net.py::test_doubt macs: why
"""
SURE = """x

Modelcheck-Accept: tests/test_net.py::test_pair macs: why
Modelcheck-Accept: 'pair (1x3x16x16)' macs: why
Modelcheck-Accept: 'one (1x3x8x8)' macs: why
Modelcheck-Accept: 'doubt (1x3x8x8)' macs: why
Modelcheck-Accept: 'doubt (1x3x16x16)' macs: why
"""


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Names of several subjects, and such as have to be quoted: `first`, before the lines that a run prints are
    committed; and `second`, on GitHub and strict.
    """
    repository = GitRepository(tmp_path_factory.mktemp("ready"))
    begin(
        repository,
        a_test("net"),
        a_test("odd").replace(
            "def test_odd():", f"@pytest.mark.parametrize('x', [{ODD!r}])\ndef test_odd(x):"
        ),
        a_test("two").replace("def test", SIZES),
        a_test("doubt").replace("def test", SIZES),
        *(a_test(name) + a_test(name, f"{name}_large", 16) for name in ("pair", "one")),
    )
    repository.commit()
    widen(repository)
    repository.commit(DOUBTFUL)
    first = repository.against("main")
    lines = BASE_LINE.findall(first["out"])
    repository.git("commit", "-q", "--amend", "--allow-empty", "-m", SURE)
    trailers = "\n".join(f"{line}: objects of one pixel" for line in lines)
    commit = repository.commit(f"own up\n\n{trailers}")
    summary = repository.path.parent / "summary.md"
    told = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    second = repository.against("main", "--modelcheck-strict", "--junitxml=junit.xml", **told)
    return {"first": first, "lines": lines, "second": second, "commit": commit, "path": repository.path}


def test_the_ready_lines_name_what_has_to_be_accepted(ready):
    """A test of several subjects by subject, the worse one first."""
    assert ready["first"]["status"] == 1
    by_test = [f"Modelcheck-Accept: {name} macs" for name in (node("net"), node("one_large"))]
    by_subject = [f"Modelcheck-Accept: 'two (1x3x{size})' macs" for size in ("16x16", "8x8")]
    begun = [line.partition(" <=")[0] for line in ready["lines"]]
    assert {*by_test, *by_subject} <= {*begun}
    assert [line for line in begun if "two" in line] == by_subject
    assert f"{by_test[0]} <= {FULL / 1000:.4g} kMACs" in ready["lines"]
    assert len(begun) == 5  # and the one in quotes


def test_the_ready_lines_accept_and_are_told_everywhere(ready):
    second, commit = ready["second"], ready["commit"]
    assert second["status"] == 0, second["out"]
    assert "10 checks: 10 accepted" in second["out"]
    assert "::error" not in second["out"]
    check = check_of(second, "net")
    assert (check["outcome"], check["value"], check["accepted"]["commit"]) == ("accepted", FULL, commit)
    assert check["accepted"]["reason"] == "objects of one pixel"
    page = (ready["path"] / "modelcheck-report/index.html").read_text()
    summary = (ready["path"].parent / "summary.md").read_text()
    for told in (second["out"], check["message"], summary, page):
        assert commit[:12] in told
        assert "objects of one pixel" in told
    names = {one.get("name") for one in ElementTree.parse(ready["path"] / "junit.xml").iter("property")}
    assert "modelcheck.macs" in names


def test_a_name_of_several_subjects_is_an_error_with_the_candidates(ready):
    first = ready["first"]
    assert outcomes(first, "pair", "pair_large") == ["error", "error"]
    assert "pair fits several subjects" in first["out"]
    assert "'pair (1x3x8x8)'" in first["out"]
    assert "'pair (1x3x16x16)'" in first["out"]
    assert outcomes(first, "one", "one_large") == ["accepted", "fail"]
    assert f"{node('doubt')} fits several subjects" in first["out"]


def test_a_trailer_of_what_this_run_deselects_is_no_misfit(merged, project):
    record = merged.compared(project.pytester, "-k", "test_a_node_id")
    assert record["status"] == 0, record["out"]
    assert [check["outcome"] for check in record["checks"]] == ["accepted"]
    for name, (_, words) in OUTSIDE.items():
        told = notes_of(record, merged.commits[name])
        assert [words in note for note in told] == ([True] if words else []), name
        assert not any("warning" in note for note in told)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("0" * 40, "there is no commit 000000000000 here"),
        ("--all", "the base's report does not say which commit it is of"),
    ],
)
def test_a_report_whose_commit_is_not_here_accepts_nothing(merged, project, named, words):
    text = merged.report.read_text()
    assert merged.base in text
    merged.report.write_text(text.replace(merged.base, named))
    try:
        record = merged.compared(project.pytester, "-k", "test_a_node_id")
    finally:
        merged.report.write_text(text)
    assert record["status"] == 1, record["out"]
    assert f"Modelcheck-Accept trailers could not be read: {words}" in record["out"]
    assert "to accept" not in record["out"]


def test_a_shallow_clone_says_what_to_fetch(repository, tmp_path):
    for message in ("wider", "0", "1", "2"):
        repository.commit(message)
    repository.git("branch", "near", "HEAD~1")
    place = f"file://{repository.path}"
    repository.git("clone", "-q", "--depth=3", "--no-single-branch", place, str(tmp_path / "shallow"))
    repository.path = tmp_path / "shallow"
    done = repository.run(base="origin/near")
    assert done.returncode == 4, done.out
    assert "fetch-depth: 0" in done.out
