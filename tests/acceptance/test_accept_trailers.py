"""`Modelcheck-Accept`: an increase that a commit between base and head owns up to, and what else is not accepted."""

import re

import pytest

from .repository import FULL, TESTS, Ran

NODE = "tests/test_net.py::test_net"
BASE_LINE = re.compile(r"to accept +(Modelcheck-Accept: .* <= .*): <why>")


@pytest.fixture
def heavier(repository):
    """The stride that makes the model four times as heavy; `commit(message)` puts it under git."""

    def commit(message: str) -> str:
        repository.git("add", "-A")
        repository.git("commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", message)
        return repository.git("rev-parse", "HEAD").strip()

    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    repository.commit_as = commit
    return repository


@pytest.fixture
def kept(heavier):
    """The same, compared with a report of its base: that is quick. `run()` returns what was said."""

    def run(*arguments: str) -> Ran:
        given = ("-p", "no:cacheprovider", "--modelcheck-report", *arguments)
        result = heavier.pytester.runpytest_inprocess(*given)
        return Ran(int(result.ret), "\n".join([*result.outlines, *result.errlines]))

    heavier.git("stash", "-q")
    run("--modelcheck-output=kept")
    heavier.git("stash", "pop", "-q")
    heavier.write(".git/info/exclude", "kept\n")
    heavier.run = lambda *arguments: run("--modelcheck-base-report=kept", *arguments)
    return heavier


def outcomes(repository):
    return [check["outcome"] for check in repository.record()["checks"]]


def test_the_ready_line_accepts_and_is_told_everywhere(heavier, monkeypatch):
    heavier.commit_as("full resolution")
    failed = heavier.run()
    assert failed.returncode == 1, failed.out
    line = BASE_LINE.search(failed.out)[1]
    assert line == f"Modelcheck-Accept: {NODE} macs <= {FULL / 1000:.4g} kMACs"
    commit = heavier.commit_as(f"own up\n\n{line}: objects of one pixel")
    summary = heavier.path.parent / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    done = heavier.run("--modelcheck-report", "--modelcheck-strict", "--junitxml=junit.xml")
    assert done.returncode == 0, done.out
    assert "1 check: 1 accepted" in done.out
    assert "::error" not in done.out
    (check,) = heavier.record()["checks"]
    assert (check["outcome"], check["value"], check["accepted"]["commit"]) == ("accepted", FULL, commit)
    assert check["accepted"]["reason"] == "objects of one pixel"
    page = (heavier.path / "modelcheck-report/index.html").read_text()
    for told in (done.out, check["message"], summary.read_text(), page):
        assert commit[:12] in told
        assert "objects of one pixel" in told
    assert 'name="modelcheck.macs"' in (heavier.path / "junit.xml").read_text()


ACCEPTING = {
    "a node id": f"Modelcheck-Accept: {NODE} macs: why",
    "a subject": "Modelcheck-Accept: net macs: why",
    "in quotes": f'Modelcheck-Accept: "{NODE}" macs: why',
    "another case": f"modelcheck-accept: {NODE} macs: why",
    "up to a value in another unit": f"Modelcheck-Accept: {NODE} macs <= 28 kFLOPs: why",
    "folded": f"Modelcheck-Accept: {NODE} macs\n  <= 14 kMACs: why",
    "in the middle of a squash merge": "Net (#3)\n\n* wider\n\n"
    f"Modelcheck-Accept: {NODE} macs: why\n\n* typo\n\n---------\n\nCo-authored-by: a <a@b>",
    "carriage returns": f"wider\r\n\r\nModelcheck-Accept: {NODE} macs: why\r\nSigned-off-by: a <a@b>\r\n",
    "one of two": f"Modelcheck-Accept: {NODE} macs <= 1 kMACs: too low\nModelcheck-Accept: {NODE} macs: why",
}


@pytest.mark.parametrize("message", ACCEPTING.values(), ids=ACCEPTING)
def test_a_trailer_accepts(kept, message):
    kept.commit_as(message if "\n\n" in message or "\r" in message else f"wider\n\n{message}")
    done = kept.run("--modelcheck-report")
    assert done.returncode == 0, done.out
    assert kept.record()["checks"][0]["accepted"]["reason"] == "why"
    assert not any("Modelcheck-Accept" in note for note in kept.record()["changes"]["notes"])


REFUSED = {
    "another metric": (f"{NODE} flops: why", "fits no relative limit of this run"),
    "a value that is lower": (f"{NODE} macs <= 13 kMACs: why", "up to 13 kMACs, by commit"),
    "another test": ("tests/test_net.py::test_other macs: why", "fits no relative limit*did you mean"),
    "part of a node id": ("tests/test_net.py macs: why", "did you mean tests/test_net.py::test_net"),
    "no reason": (f"{NODE} macs:", "line 3 *it gives no reason"),
    "nothing after the name": (f"{NODE}", "it is not understood; write Modelcheck-Accept: "),
    "an unknown metric": (f"{NODE} mac: why", "there is no metric 'mac'; did you mean 'macs'?"),
    "no unit": (f"{NODE} macs <= 14000: why", "'14000' has no unit"),
    "another unit": (f"{NODE} macs <= 14 MiB: why", "is an amount of memory, not operations"),
    "a share": (f"{NODE} macs <= 400%: why", "is a share, not operations"),
    "quotes that are not closed": (f"'{NODE} macs: why", "No closing quotation"),
    "removed, and it is not": (f"{NODE} removed: why", "nothing of that name was removed"),
    "options that the limit has not": (f"{NODE} macs(backward): why", "over by"),
}


@pytest.mark.parametrize(("trailer", "words"), REFUSED.values(), ids=REFUSED)
def test_a_trailer_that_accepts_nothing_is_told(kept, trailer, words):
    commit = kept.commit_as(f"wider\n\nModelcheck-Accept: {trailer}")
    done = kept.run("--modelcheck-report")
    assert done.returncode == 1, done.out
    assert outcomes(kept) == ["fail"]
    assert re.search(re.escape(words).replace(r"\*", ".*"), done.out), done.out
    assert commit[:12] in done.out or "over by" in words


OUTSIDE = {
    "a test that is deselected": (f"{NODE} macs: why", ""),
    "its subject": ("net macs: why", ""),
    "one that may have been removed": ("tests/test_net.py::test_old removed: why", ""),
    "another metric of it": (f"{NODE} flops: why", "fits no relative limit of this run"),
    "one that there is not": ("tests/test_net.py::test_old macs: why", "fits no relative limit of this run"),
    "one that is there still": (f"{NODE} removed: why", "nothing of that name was removed"),
}


@pytest.mark.parametrize(("trailer", "words"), OUTSIDE.values(), ids=OUTSIDE)
def test_a_trailer_of_what_this_run_deselects_is_no_misfit(kept, trailer, words):
    second = TESTS.partition("import net\n")[2].replace("model=net", 'model=net, name="other"')
    kept.write("tests/test_net.py", TESTS + second.replace("def test_net", "def test_other"))
    kept.commit_as(f"wider\n\nModelcheck-Accept: {trailer}")
    kept.run("--modelcheck-report", "-k", "test_other")
    told = [note for note in kept.record()["changes"]["notes"] if "Modelcheck-Accept" in note]
    assert [words in note for note in told] == ([True] if words else [])
    assert not any("warning" in note for note in told)


def test_absolute_limits_are_not_accepted(kept):
    kept.edit("tests/test_net.py", "macs_budget(max", 'macs_budget("5 kMACs", max')
    kept.commit_as(f"wider\n\nModelcheck-Accept: {NODE} macs: why")
    done = kept.run("--modelcheck-report")
    assert done.returncode == 1, done.out
    assert outcomes(kept) == ["fail", "accepted"]


def test_nothing_is_accepted_after_the_merge(heavier):
    heavier.commit_as(f"wider\n\nModelcheck-Accept: {NODE} macs: why")
    heavier.git("checkout", "-q", "-b", "next")
    heavier.edit("src/nets/model.py", "nn.Linear(8, 4)", "nn.Linear(8, 4000)")
    heavier.commit_as("much wider")
    done = heavier.run(base="change")
    assert done.returncode == 1, done.out
    assert "1 check: 1 fail" in done.out


def test_a_merge_commit_of_a_pull_request_is_read_on_both_sides(heavier):
    heavier.commit_as(f"wider\n\nModelcheck-Accept: {NODE} macs: why")
    heavier.git("checkout", "-q", "main")
    heavier.write("README", "x")
    heavier.commit_as("meanwhile")
    heavier.git("checkout", "-q", "--detach")
    heavier.git("merge", "-q", "--no-ff", "-m", "Merge change into main", "change")
    done = heavier.run()
    assert done.returncode == 0, done.out
    assert "1 accepted" in done.out


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_a_name_of_several_subjects_is_an_error_with_the_candidates(repository, workers):
    second = TESTS.split("\n\n")[1].replace("test_net", "test_large").replace("8, 8)", "16, 16)")
    repository.git("checkout", "-q", "main")
    repository.write("tests/test_net.py", TESTS + "\n" + second)
    repository.commit()
    repository.git("checkout", "-q", "-b", "wider")
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    repository.commit()
    repository.git("commit", "-q", "--allow-empty", "-m", "x\n\nModelcheck-Accept: net macs: why")
    done = repository.run("--modelcheck-report", *workers)
    assert done.returncode == 1, done.out
    assert outcomes(repository) == ["error", "error"]
    assert "net fits several subjects" in done.out
    assert "'net (1x3x8x8)'" in done.out
    assert "'net (1x3x16x16)'" in done.out
    one = "x\n\nModelcheck-Accept: 'net (1x3x8x8)' macs: why"
    repository.git("commit", "-q", "--amend", "--allow-empty", "-m", one)
    done = repository.run("--modelcheck-report", *workers)
    assert sorted(outcomes(repository)) == ["accepted", "fail"], done.out


def test_a_test_of_several_subjects_is_told_by_subject(repository):
    mark = '@pytest.mark.macs_budget(max_regression="2%")'
    second = TESTS.replace(mark, f"{mark[:-1]}, input_size=(1, 3, 16, 16))\n{mark}")
    repository.git("checkout", "-q", "main")
    repository.write("tests/test_net.py", second)
    repository.commit()
    repository.git("checkout", "-q", "-b", "wider")
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    repository.commit()
    lines = BASE_LINE.findall(repository.run().out)
    assert [line.partition(" <=")[0] for line in lines] == [
        "Modelcheck-Accept: 'net (1x3x16x16)' macs",  # the worse one first
        "Modelcheck-Accept: 'net (1x3x8x8)' macs",
    ]
    repository.git("commit", "-q", "--allow-empty", "-m", f"x\n\nModelcheck-Accept: {NODE} macs: why")
    assert "fits several subjects" in repository.run().out
    repository.git(
        "commit", "-q", "--amend", "--allow-empty", "-m", "x\n\n" + "\n".join(f"{x}: why" for x in lines)
    )
    done = repository.run()
    assert done.returncode == 0, done.out


def test_node_ids_with_brackets_spaces_and_colons(heavier):
    name = "a b::c: [d] é 'e'"
    mark = f"@pytest.mark.parametrize('x', [1], ids=[{name!r}])\ndef test_net(x):"
    heavier.edit("tests/test_net.py", "def test_net():", mark)
    heavier.commit_as("wider")
    line = BASE_LINE.search(heavier.run().out)[1]
    heavier.commit_as(f"x\n\n{line}: why")
    done = heavier.run()
    assert done.returncode == 0, done.out


def test_a_shallow_clone_says_what_to_fetch(heavier, tmp_path):
    heavier.commit_as("wider")
    for number in range(3):
        heavier.commit_as(str(number))
    heavier.git("branch", "near", "HEAD~1")
    heavier.git(
        "clone", "-q", "--depth=3", "--no-single-branch", f"file://{heavier.path}", str(tmp_path / "shallow")
    )
    heavier.path = tmp_path / "shallow"
    done = heavier.run(base="origin/near")
    assert done.returncode == 4, done.out
    assert "fetch-depth: 0" in done.out


def test_a_report_whose_commit_is_not_here_accepts_nothing(kept):
    kept.commit_as(f"wider\n\nModelcheck-Accept: {NODE} macs: why")
    path = kept.path / "kept/report.json"
    text = path.read_text()
    commit = kept.git("rev-parse", "main").strip()
    assert commit in text
    problems = {
        "0" * 40: "there is no commit 000000000000 here",
        "--all": "the base's report does not say which commit it is of",
    }
    for other, words in problems.items():
        path.write_text(text.replace(commit, other))
        done = kept.run()
        assert done.returncode == 1, done.out
        assert f"Modelcheck-Accept trailers could not be read: {words}" in done.out
        assert "to accept" not in done.out
