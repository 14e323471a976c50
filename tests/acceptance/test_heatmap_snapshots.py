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


def test_the_three_pictures_share_one_scale():
    """The same value has the same colour in all three; the difference of equal maps is cold everywhere."""
    import base64
    import io

    import numpy as np
    from PIL import Image

    from pytest_modelcheck import Heatmap
    from pytest_modelcheck.checks.explain.compare import StoredMap
    from pytest_modelcheck.checks.explain.pictures import compared_pictures

    raw = np.zeros((1, 2, 2), np.float32)
    raw[0, 0, 0] = 2
    image = np.full((1, 3, 8, 8), 0.5, np.float32)
    heatmap = Heatmap(raw, image, "Grad-CAM", "layer", (1,), (0.5,))
    seen = compared_pictures(heatmap, StoredMap(raw * 2, {}))

    def pixels(name):
        picture = Image.open(io.BytesIO(base64.b64decode(seen[name]))).convert("RGB")
        return np.asarray(picture).astype(int)

    assert seen["top"] == 4
    assert np.abs(pixels("actual") - pixels("difference")).max() <= 2  # 2 of 4, and 4 - 2 of 4
    assert np.abs(pixels("expected") - pixels("actual")).max() > 40
    assert compared_pictures(heatmap, StoredMap(np.zeros((1, 3, 3)), {})) is None
