"""heatmap_snapshot as syrupy's users know snapshots: created, compared, updated, found unused."""

import pytest

from .conftest import FIXTURES

WORKERS = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
CHANGE = """
@pytest.fixture(autouse=True)
def change(model):
    import pathlib
    if pathlib.Path("change").exists():
        with torch.no_grad():
            model.conv.weight += {amount} * torch.randn(8, 3, 3, 3, generator=torch.Generator().manual_seed(1))
"""
SUITE = """
def test_it(modelcheck, heatmap_snapshot):
    assert modelcheck.gradcam(target=1, layer="relu") == heatmap_snapshot
"""


@pytest.fixture
def snapshots(project):
    folder = project.pytester.path / "__snapshots__" / "test_it"
    return lambda: {path.name: path.read_bytes() for path in sorted(folder.glob("*"))}


def prepare(project, amount: float, suite: str = SUITE):
    project.conftest(FIXTURES + CHANGE.format(amount=amount)).tests(suite)
    project.run("--snapshot-update").assert_outcomes(passed=1)
    (project.pytester.path / "change").touch()


@WORKERS
def test_a_new_snapshot_must_be_created(project, snapshots, workers):
    project.conftest(FIXTURES).tests(SUITE)
    result = project.run(*workers)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*does not exist!*", "*create it: *--snapshot-update*"])
    result.stdout.fnmatch_lines(
        ["* heatmap (default) *not measured *✗ fail"]
    )  # there is no distance to nothing
    assert snapshots() == {}
    project.run("--snapshot-update", *workers).assert_outcomes(passed=1)
    assert list(snapshots()) == ["test_it.png"]
    project.run(*workers).assert_outcomes(passed=1)


@WORKERS
def test_a_change_fails_with_the_two_numbers_and_the_command(project, workers):
    prepare(project, 0.5)
    result = project.run(*workers)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*heatmap differs (preset 'default')*",
            "*1 - Pearson *(at most 0.001)*differs*",
            "*max |change| / max *(at most 0.1)*",
            "*score*expected*measured*",
            "*--snapshot-update*",
        ]
    )


def test_noise_passes_and_an_update_leaves_the_file_byte_identical(project, snapshots):
    prepare(project, 1e-5)
    before = snapshots()
    project.run().assert_outcomes(passed=1)
    project.run("--snapshot-update").assert_outcomes(passed=1)
    assert snapshots() == before


def test_an_update_writes_what_changed(project, snapshots):
    prepare(project, 0.5)
    before = snapshots()
    project.run("--snapshot-update").assert_outcomes(passed=1)
    assert snapshots() != before


@WORKERS
def test_a_test_may_have_a_tolerance_of_its_own(project, snapshots, workers):
    own = SUITE.replace("== heatmap_snapshot", "== heatmap_snapshot(places=1.5, strength=50)")
    prepare(project, 0.5, own)
    before = snapshots()
    project.run(*workers).assert_outcomes(passed=1)
    project.run("--snapshot-update", *workers).assert_outcomes(passed=1)
    assert snapshots() == before
    tight = SUITE.replace("== heatmap_snapshot", '== heatmap_snapshot(preset="loose", places=1e-4)')
    result = project.tests(tight).run(*workers)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*heatmap differs (preset 'loose, places=0.0001')*", "*(at most 0.0001)*", "*(at most 0.25)*"]
    )


def test_a_preset_is_for_one_comparison(project):
    strict = SUITE.replace("== heatmap_snapshot", '== heatmap_snapshot(preset="strict")')
    prepare(project, 2e-3, strict)
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*(preset 'strict')*"])
    project.tests(SUITE).run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("assertion", "words"),
    [
        (
            'assert modelcheck.gradcam() == heatmap_snapshot(preset="sloppy")',
            "'sloppy' is not one of 'strict', 'default'",
        ),
        (
            "assert modelcheck.gradcam() == heatmap_snapshot(places=-1)",
            "heatmap_snapshot: places=-1 is not a number from 0 on",
        ),
        ("assert 3 == heatmap_snapshot", "heatmap_snapshot compares heatmaps, not int"),
    ],
)
def test_mistakes_are_explained(project, assertion, words):
    project.conftest(FIXTURES).tests(f"def test_it(modelcheck, heatmap_snapshot):\n    {assertion}")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{words}*"])


def test_another_target_or_layer_is_named(project):
    prepare(project, 0, SUITE)
    project.tests(SUITE.replace("target=1", "target=2"))
    result = project.run()
    result.stdout.fnmatch_lines(["*target *1* expected, *2* measured*"])


@WORKERS
def test_several_in_one_test_names_parameters_and_classes(project, snapshots, workers):
    project.conftest(FIXTURES).tests("""
class TestIt:
    @pytest.mark.parametrize("target", [1, 2])
    def test_it(self, modelcheck, heatmap_snapshot, target):
        heatmap = modelcheck.gradcam(target=target, layer="relu")
        assert heatmap == heatmap_snapshot
        assert heatmap_snapshot == heatmap
        assert heatmap == heatmap_snapshot(name="again")
""")
    project.run("--snapshot-update", *workers).assert_outcomes(passed=2)
    assert len(snapshots()) == 6
    project.run(*workers).assert_outcomes(passed=2)


def test_unused_snapshots_are_found_and_removed(project, snapshots):
    project.conftest(FIXTURES).tests(SUITE + SUITE.replace("test_it", "test_two"))
    project.run("--snapshot-update").assert_outcomes(passed=2)
    project.tests(SUITE)
    result = project.run()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*1 snapshot unused*"])
    project.run("--snapshot-update")
    assert list(snapshots()) == ["test_it.png"]


@pytest.mark.parametrize("damage", ["not a png", "empty", "stripped", "cut"])
def test_a_damaged_file_is_told(project, snapshots, damage):
    prepare(project, 0)
    path = project.pytester.path / "__snapshots__" / "test_it" / "test_it.png"
    if damage == "stripped":
        from PIL import Image

        Image.open(path).convert("RGB").save(path)
    else:
        content = path.read_bytes()
        path.write_bytes({"not a png": b"hello", "empty": b"", "cut": content[: len(content) // 2]}[damage])
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*--snapshot-update*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    project.run("--snapshot-update").assert_outcomes(passed=1)
    project.run().assert_outcomes(passed=1)


@WORKERS
def test_the_comparison_is_in_the_record_with_its_picture(project, workers):
    prepare(project, 0.5)
    project.run("--modelcheck-report", *workers)
    record = project.record()
    (check,) = record["checks"]
    assert (check["metric"], check["outcome"], check["subject"]) == ("heatmap", "fail", "Net")
    assert "1 - Pearson" in check["message"]
    assert "test_it.py::test_it" in [h["nodeid"] for h in record["subjects"][0]["heatmaps"]]
    (entry,) = [h for h in record["subjects"][0]["heatmaps"] if h["nodeid"]]
    assert set(entry["compared"]) >= {"expected", "actual", "difference", "top"}
    page = (project.pytester.path / "modelcheck-report" / "index.html").read_text("utf-8")
    assert 'alt="expected"' in page
    assert 'alt="difference"' in page


HANDS = """
from pytest_modelcheck import ModelCheck

@pytest.fixture(scope="module")
def heatmap():
    pictures = torch.linspace(0, 1, 192).reshape(1, 3, 8, 8)
    return ModelCheck(net(), pictures, name="by hand").gradcam(target=1, layer="relu")
"""


def test_a_check_of_a_model_that_was_bound_by_hand_has_its_subject_and_pictures(project):
    """The heatmap was made outside the test's fixtures, here once for two tests."""
    tests = """
@pytest.mark.parametrize("change", [0, 1])
def test_it(heatmap, heatmap_snapshot, change):
    assert heatmap == heatmap_snapshot
def test_text(heatmap_snapshot, complexity_snapshot):
    check = ModelCheck(net(), torch.linspace(0, 1, 192).reshape(1, 3, 8, 8), name="by hand")
    assert check.complexity() == complexity_snapshot
"""
    project.conftest(FIXTURES).tests(HANDS + tests)
    result = project.run("--modelcheck-report")
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["*heatmap of by hand == heatmap_snapshot*", "by hand"])
    record = project.record()
    assert {check["subject"] for check in record["checks"]} == {"by hand"}
    (subject,) = record["subjects"]
    assert [h["nodeid"] for h in subject["heatmaps"] if h["nodeid"]] == [
        "test_it.py::test_it[0]",
        "test_it.py::test_it[1]",
    ]


def test_a_hand_made_heatmap_that_differs_shows_both(project):
    project.conftest(FIXTURES).tests(
        HANDS + "def test_it(heatmap, heatmap_snapshot): assert heatmap == heatmap_snapshot"
    )
    project.run("--snapshot-update").assert_outcomes(passed=1)
    project.tests(
        HANDS + "def test_it(heatmap, heatmap_snapshot):\n"
        "    heatmap.raw[:] = heatmap.raw[:, ::-1]\n    assert heatmap == heatmap_snapshot"
    )
    project.run("--modelcheck-report").assert_outcomes(failed=1)
    (entry,) = [h for h in project.record()["subjects"][0]["heatmaps"] if h["nodeid"]]
    assert {"expected", "actual", "difference", "place"} <= set(entry["compared"])


def test_a_record_knows_boxes_names_and_that_a_test_made_the_heatmap(project):
    """What points_at asks comes after the heatmap was kept; the automatic Grad-CAM is not shown beside it."""
    project.conftest(FIXTURES).tests("""
def test_it(modelcheck):
    heatmap = modelcheck.gradcam()
    heatmap.points_at((1, 2, 5, 6), margin=1)
    named = modelcheck.layercam(target=2, classes={2: "a <b>cat</b>"})
    assert "cat" in modelcheck.guided_backprop(target=1, classes=["", "cat"]).names[1]
""")
    project.pytester.makeini(
        "[pytest]\nmodelcheck_heatmaps = always\nmodelcheck_classes =\n  zero\n  one\n  two\n  three\n"
    )
    project.run("--modelcheck-report").assert_outcomes(passed=1)
    (subject,) = project.record()["subjects"]
    automatic, first, named = subject["heatmaps"]
    (asked,) = first["asked"]
    assert (asked["box"], asked["margin"], asked["sample"]) == ([1, 2, 5, 6], 1, 0)
    assert "asked" not in named
    assert first["names"] == automatic["names"] != {}
    assert named["names"] == {"2": "a <b>cat</b>"}
    page = (project.pytester.path / "modelcheck-report" / "index.html").read_text("utf-8")
    assert page.count("data-heat=") == 2
    assert "a &lt;b&gt;cat&lt;/b&gt; (class 2)" in page
    assert '<rect class="edge" x="1" y="2" width="4" height="4"/>' in page


@pytest.mark.parametrize("names", ["labels.txt", "none.txt"])
def test_names_may_stand_in_a_file(project, names):
    project.conftest(FIXTURES).tests("""
def test_it(modelcheck):
    assert modelcheck.gradcam(target=1).names == {0: "tench", 1: "great white", 2: "", 3: "ray"}
""")
    (project.pytester.path / "labels.txt").write_text("tench\ngreat white\n\nray\n\n", "utf-8")
    project.pytester.makeini(f"[pytest]\nmodelcheck_classes = {names}")
    result = project.run()
    if names == "labels.txt":
        result.assert_outcomes(passed=1)
    else:
        assert result.ret == 4
        result.stderr.fnmatch_lines(
            ["*modelcheck_classes: the file none.txt cannot be read*one name a line*"]
        )
