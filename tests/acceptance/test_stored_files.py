"""Stored files belong to one assertion each, and stay until their test is known not to need them."""

from pathlib import Path

import pytest

from .conftest import FIXTURES, Project

OTHERS = "def test_other(snapshot):\n    assert 1 == snapshot\n"  # syrupy's own, which look through the same folder
SUITE = """
class TestS:
    def test_a(self, modelcheck, complexity_snapshot):
        {before}
        assert modelcheck.complexity() == complexity_snapshot

    {mark}
    def test_b(self, modelcheck, structure_snapshot, heatmap_snapshot):
        {within}
        assert modelcheck.gradcam(target=1, layer="relu") == heatmap_snapshot(name="named")
        assert modelcheck.structure() == structure_snapshot
"""
FAILS = "\n@pytest.fixture\ndef fails():\n    raise RuntimeError\n"
DESELECTS = (
    "\ndef pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if i.name != 'test_b']\n"
)
UNITTEST = """
import unittest

@pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8))
class TestU(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def given(self, modelcheck, complexity_snapshot):
        self.cost, self.stored = modelcheck.complexity, complexity_snapshot

    def test_it(self):
        {within}
        assert self.cost() == self.stored
"""
# How a test can leave its stored files alone: parts of the suite, what is in the conftest, arguments, exit status.
WAYS = {
    "skipped": ({"mark": "@pytest.mark.skip"}, "", (), 0),
    "skipif": ({"mark": "@pytest.mark.skipif(True, reason='elsewhere')"}, "", (), 0),
    "skips itself": ({"within": "pytest.skip('elsewhere')"}, "", (), 0),
    "xfail, not run": ({"mark": "@pytest.mark.xfail(run=False)"}, "", (), 0),
    "xfail": ({"mark": "@pytest.mark.xfail", "within": "assert False"}, "", (), 0),
    "fails": ({"within": "assert False"}, "", (), 1),
    "fails in setup": ({"mark": "@pytest.mark.usefixtures('fails')"}, FAILS, (), 1),
    "-k": ({}, "", ("-k", "test_a or other"), 0),
    "-k, by a marker": ({"mark": "@pytest.mark.slow"}, "", ("-k", "not slow"), 0),
    "-m": ({"mark": "@pytest.mark.slow"}, "", ("-m", "not slow"), 0),
    "--deselect": ({}, "", ("--deselect", "test_it.py::TestS::test_b"), 0),
    "node id": ({}, "", ("test_earlier.py", "test_it.py::TestS::test_a"), 0),
    "deselected by a hook": ({}, DESELECTS, (), 0),
    "-x": ({"before": "assert False"}, "", ("-x",), 1),
    "no such module": ({}, "", (), 2),
    "no such module, others run": ({}, "", ("--continue-on-collection-errors",), 1),
    "a wrong marker": ({"mark": "@pytest.mark.macs_budget('1')"}, "", (), 2),
    "interrupted": ({"within": "pytest.exit('enough')"}, "", (), 2),
    "only collected": ({}, "", ("--co",), 0),
    "xdist: skipped": ({"mark": "@pytest.mark.skip"}, "", ("-n2",), 0),
    "xdist: a wrong marker": ({"mark": "@pytest.mark.macs_budget('1')"}, "", ("-n2",), 1),
}
STORED: dict[str, bytes] = {}


def suite(project: Project, source: str = SUITE, conftest: str = "", **parts: str) -> Project:
    filled = source.format(**({"mark": "", "before": "pass", "within": "pass"} | parts))
    return project.conftest(FIXTURES + conftest).tests(filled, test_earlier=OTHERS)


def stored(project: Project) -> dict[str, bytes]:
    root = project.pytester.path
    files = (path for path in sorted(root.rglob("__snapshots__/**/*")) if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def put(project: Project, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = project.pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def files(project):
    """What the suite stores."""
    if not STORED:
        suite(project).run("--snapshot-update").assert_outcomes(passed=3)
        STORED.update(stored(project))
        assert len(STORED) == 4
    put(project, STORED)
    return STORED


@pytest.mark.parametrize(("parts", "conftest", "arguments", "status"), WAYS.values(), ids=WAYS)
def test_a_test_that_did_not_say_keeps_its_files(project, files, parts, conftest, arguments, status):
    suite(project, conftest=conftest, **parts)
    if (status == 2 and not parts) or "--continue-on-collection-errors" in arguments:
        test = project.pytester.path / "test_it.py"
        test.write_text("import nowhere\n" + test.read_text())
    for more in (), ("--snapshot-update",):
        result = project.run("-W", "ignore::pytest.PytestUnknownMarkWarning", *arguments, *more)
        assert result.ret == status
        assert "unused" not in result.stdout.str()
        assert stored(project) == files


def test_files_of_tests_that_are_gone_are_unused_though_others_are_skipped(project, files):
    gone = {
        name.replace("test_b", "test_gone"): content for name, content in files.items() if "test_b" in name
    }
    put(project, gone)
    suite(project, mark="@pytest.mark.skip")
    result = project.run()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*2 snapshots unused*"])
    project.run("--snapshot-update")
    assert stored(project) == files


def test_a_skipped_method_of_unittest_keeps_its_file(project):
    suite(project, UNITTEST).run("--snapshot-update").assert_outcomes(passed=2)
    before = stored(project)
    suite(project, UNITTEST, within="self.skipTest('elsewhere')")
    assert [project.run(*more).ret for more in ((), ("--snapshot-update",))] == [0, 0]
    assert stored(project) == before


IDS = ("a/b", "ab", "a:b", "x<1", "x>1", "x" * 300 + "1", "x" * 300 + "2", "größe", "模型" * 60)
NAMES = """
@pytest.mark.parametrize("text", {ids})
def test_it(modelcheck, complexity_snapshot, structure_snapshot, text):
    assert modelcheck.complexity() == complexity_snapshot
    assert modelcheck.structure() == structure_snapshot(name="layer/0")
    assert modelcheck.structure() == structure_snapshot(name="layer0")
"""


def test_no_two_assertions_store_under_one_name(project):
    project.conftest(FIXTURES).tests(NAMES.format(ids=IDS))
    result = project.run("--snapshot-update", "-W", "error")
    result.assert_outcomes(passed=len(IDS))
    names = [Path(name).name for name in stored(project)]
    assert len(names) == 3 * len(IDS)
    assert {"test_it[ab].complexity.txt", "test_it[ab][layer0].structure.txt"} <= {*names}
    project.run("-W", "error").assert_outcomes(passed=len(IDS))


def test_a_file_of_an_ambiguous_name_is_told_and_is_no_pass(project):
    project.conftest(FIXTURES).tests(NAMES.format(ids=("a/b",)))
    project.run("--snapshot-update")
    for name, content in stored(project).items():
        if ".complexity" in name:
            path = project.pytester.path / name
            path.with_name("test_it[ab].complexity.txt").write_bytes(content)
            path.unlink()
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*it may be stored as test_it?ab?.complexity.txt*--snapshot-update*"])
    project.run("--snapshot-update").assert_outcomes(passed=1)
    assert not any(name.endswith("[ab].complexity.txt") for name in stored(project))


def test_two_tests_that_meet_in_one_file_are_both_named(project):
    project.conftest(FIXTURES).tests("""
@pytest.mark.parametrize("text", ["ab"])
def test_it(modelcheck, complexity_snapshot, text):
    assert modelcheck.complexity() == complexity_snapshot

@pytest.mark.parametrize("text", [0])
def test_two(modelcheck, complexity_snapshot, request, text, monkeypatch):
    monkeypatch.setattr(request.node, "name", "test_it")
    monkeypatch.setattr(complexity_snapshot, "test_location", type(complexity_snapshot.test_location)(request.node))
    assert modelcheck.complexity() == complexity_snapshot(name="ab")
""")
    for more in ("--snapshot-update",), ():
        result = project.run(*more)
        result.assert_outcomes(passed=1, failed=1)
        result.stdout.fnmatch_lines(
            ["*share one stored file*", "*test_it.py::test_it?ab? (assertion 1)*", "*name='ab'*"]
        )


def test_an_update_does_not_write_one_file_twice_with_other_content(project):
    project.conftest(FIXTURES).tests("""
def test_it(modelcheck, complexity_snapshot):
    assert modelcheck.complexity() == complexity_snapshot(name="one")
    assert modelcheck.complexity() == complexity_snapshot(name="one")
    other = modelcheck(nn.Linear(2, 3), torch.ones(1, 2)).complexity()
    assert other == complexity_snapshot(name="one")
""")
    result = project.run("--snapshot-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*share one stored file*"])


def test_names_that_differ_in_case_meet_where_the_file_system_ignores_it(project, monkeypatch):
    from pytest_modelcheck.snapshots import files

    project.conftest(FIXTURES).tests(NAMES.format(ids=("a", "A")))
    project.run("--snapshot-update").assert_outcomes(passed=2)
    monkeypatch.setattr(files, "_ignores_case", lambda path: True)
    result = project.run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*test_it.py::test_it?a? *", "*test_it.py::test_it?A? *"])


@pytest.mark.parametrize("changed", ["targets", "widths"])
def test_the_second_assertion_of_a_test_is_compared_too(project, changed):
    two = """
def test_it(modelcheck, complexity_snapshot, heatmap_snapshot):
    for target, width in zip({targets}, {widths}):
        assert modelcheck.gradcam(target=target, layer="relu") == heatmap_snapshot
        linear = modelcheck(nn.Linear(2, width), torch.ones(1, 2))
        assert linear.complexity() == complexity_snapshot
"""
    known = {"targets": (1, 2), "widths": (3, 4)}
    project.conftest(FIXTURES).tests(two.format(**known)).run("--snapshot-update")
    project.run().assert_outcomes(passed=1)
    other = known | {changed: (known[changed][0], 0)}
    project.tests(two.format(**other)).run().assert_outcomes(failed=1)


BOTH = """
def test_it(modelcheck, complexity_snapshot):
    assert modelcheck.complexity() == complexity_snapshot

def test_two(modelcheck, heatmap_snapshot):
    assert modelcheck.gradcam(target={target}, layer="relu") == heatmap_snapshot
"""
PLACES = [
    "__snapshots__/test_it/test_it.complexity.txt",
    "__snapshots__/test_it/test_two.png",
]


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_the_new_files_of_missing_snapshots_are_in_the_report(project, workers):
    project.conftest(FIXTURES).tests(BOTH.format(target=1))
    report = project.pytester.path / "modelcheck-report"
    result = project.run("--modelcheck-report", "-vv", *workers)
    for place in PLACES:  # missing
        result.stdout.fnmatch_lines([f"*the new file: modelcheck-report/snapshots/{place}*"])
        assert any(place in check["message"] for check in project.record()["checks"])
    assert (report / "snapshots.sha256").read_text().count("\n") == 2
    new = {place: (report / "snapshots" / place).read_bytes() for place in PLACES}
    put(project, new)
    project.run().assert_outcomes(passed=2)


def test_the_new_files_of_failed_snapshots_are_in_the_report_of_their_run_alone(project):
    project.conftest(FIXTURES).tests(BOTH.format(target=1))
    report = project.pytester.path / "modelcheck-report"
    project.run("--modelcheck-report").assert_outcomes(failed=2)
    new = {place: (report / "snapshots" / place).read_bytes() for place in PLACES}
    project.run("--snapshot-update", "--modelcheck-report").assert_outcomes(passed=2)
    assert stored(project) == new
    assert not (report / "snapshots").exists()  # of the earlier run
    put(project, {PLACES[0]: new[PLACES[0]].replace(b"7,776", b"7,700")})
    (report / "snapshots").mkdir()
    (report / "snapshots" / "mine.txt").write_text("kept")
    project.tests(BOTH.format(target=2)).run("--modelcheck-report").assert_outcomes(failed=2)
    assert (report / "snapshots" / PLACES[0]).read_bytes() == new[PLACES[0]]
    put(project, {place: (report / "snapshots" / place).read_bytes() for place in PLACES})  # dropped in
    project.run("--modelcheck-report").assert_outcomes(passed=2)
    assert [path.name for path in (report / "snapshots").rglob("*")] == ["mine.txt"]


def test_without_a_report_nothing_is_written(project):
    project.conftest(FIXTURES).tests(BOTH.format(target=1))
    result = project.run("-vv")
    assert "the new file" not in result.stdout.str()
    assert not (project.pytester.path / "modelcheck-report").exists()


@pytest.mark.parametrize("change", [False, True], ids=["created", "changed"])
def test_what_an_update_takes_over_is_accepted(project, change):
    project.conftest(FIXTURES)
    if change:
        project.tests(BOTH.format(target=1)).run("--snapshot-update")
        put(
            project, {PLACES[0]: (project.pytester.path / PLACES[0]).read_bytes().replace(b"7,776", b"7,700")}
        )
    project.tests(BOTH.format(target=2))
    result = project.run("--snapshot-update", "--modelcheck-report")
    assert result.ret == 0
    checks = project.record()["checks"]
    assert [check["outcome"] for check in checks] == ["accepted", "accepted"]
    assert [check["headroom"] for check in checks] == [None, None]
    assert all("--snapshot-update" in check["reason"] for check in checks)
    text, heatmap = (check["message"] for check in checks)
    assert ("new snapshot" in text) == ("new snapshot" in heatmap) == (not change)
    assert ("7,700 -> 7,776" in text) == ("expected" in heatmap) == change
    result.stdout.fnmatch_lines(["*heatmap*✓ accepted", "2 checks: 2 accepted"])
    assert " x limit" not in result.stdout.str()
    result = project.run("--snapshot-update", "--modelcheck-report")  # nothing changes
    assert [check["outcome"] for check in project.record()["checks"]] == ["pass", "pass"]
