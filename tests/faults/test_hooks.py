"""Another plugin raises in a hook that we use, before us, after us or around us: record and exit status tell, and
nothing passes that was not measured.
"""

from __future__ import annotations

import json

import pytest

from ..acceptance.conftest import MACS

HOOKS = {
    "pytest_configure": "config",
    "pytest_sessionstart": "session",
    "pytest_pycollect_makeitem": "collector, name, obj",
    "pytest_make_collect_report": "collector",
    "pytest_collectreport": "report",
    "pytest_collection_modifyitems": "items",
    "pytest_collection_finish": "session",
    "pytest_runtest_protocol": "item",
    "pytest_runtest_setup": "item",
    "pytest_fixture_setup": "fixturedef",
    "pytest_runtest_call": "item",
    "pytest_runtest_teardown": "item",
    "pytest_runtest_makereport": "item",
    "pytest_runtest_logreport": "report",
    "pytest_report_teststatus": "report",
    "pytest_sessionfinish": "session",
    "pytest_terminal_summary": "terminalreporter",
    "pytest_modelcheck_register": "registry",
}
RAISE = "pathlib.Path('raised').touch()\n    raise OSError('theirs')\n"
WAYS = {
    "first": f"@pytest.hookimpl(tryfirst=True)\ndef {{name}}({{given}}):\n    {RAISE}",
    "last": f"@pytest.hookimpl(trylast=True)\ndef {{name}}({{given}}):\n    {RAISE}",
    "before": f"@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef {{name}}({{given}}):\n    {RAISE}    yield\n",
    "behind": f"@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef {{name}}({{given}}):\n    yield\n    {RAISE}",
    "within": f"@pytest.hookimpl(wrapper=True, trylast=True)\ndef {{name}}({{given}}):\n    yield\n    {RAISE}",
    "interrupts": "@pytest.hookimpl(tryfirst=True)\ndef {name}({given}):\n    raise KeyboardInterrupt\n",
}
SUITE = f"""
@pytest.mark.macs_budget({MACS}, model=net, input_size=(1, 3, 8, 8))
def test_checked(tmp_path): ...
"""
QUICK = {(hook, list(WAYS)[number % len(WAYS)]) for number, hook in enumerate(HOOKS)}  # each hook in one way


def cases():
    return [
        pytest.param(
            hook,
            way,
            marks=[] if (hook, way) in QUICK else [pytest.mark.slow],
            id=f"{hook.removeprefix('pytest_')}-{way}",
        )
        for hook in HOOKS
        for way in WAYS
    ]


@pytest.mark.parametrize(("hook", "way"), cases())
def test_a_run_in_which_a_hook_raised_is_red_for_all(project, hook, way):
    """Nothing in it fails by itself."""
    project.tests(SUITE)
    plugin = WAYS[way].format(name=hook, given=HOOKS[hook])
    project.pytester.makepyfile(theirs=f"import pathlib, pytest\n{plugin}")
    path = project.pytester.path
    try:
        status = int(project.run("--modelcheck-report", "-p", "theirs").ret)
    except (OSError, KeyboardInterrupt):  # out of pytest itself: python ends with an error
        status = 1
    report = path / "modelcheck-report" / "report.json"
    record = json.loads(report.read_text("utf-8")) if report.exists() else None
    if (
        way == "interrupts" or (path / "raised").exists()
    ):  # pytest's own came first where one answer is enough
        assert status != 0
    if record is not None:
        assert (record["run"]["exit_status"] != 0) == (status != 0)
        assert all(check["outcome"] != "pass" or check["value"] == MACS for check in record["checks"])
    assert [str(file) for file in path.rglob(".modelcheck-*")] == []
