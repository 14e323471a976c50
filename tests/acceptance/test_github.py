"""In GitHub Actions: annotations, the job summary, the action's and the workflows' own scripts."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from .conftest import FIXTURES, MACS

GITHUB = Path(__file__).parents[2] / ".github"
SUITE = f"""
@pytest.mark.parametrize("odd", ["50%, a:b"])
@pytest.mark.macs_budget(1)
def test_fails(odd): ...

@pytest.mark.macs_budget(1, level="warn")
@pytest.mark.macs_budget({MACS})
def test_warns(): print("x" * 5, end="")
"""


@pytest.fixture
def actions(project, monkeypatch):
    """A project in a job of GitHub Actions, in a folder of the workspace."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.pytester.path.parent))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.pytester.path / "summary.md"))
    for name, value in (("SERVER_URL", "https://github.com"), ("REPOSITORY", "o/r"), ("RUN_ID", "7")):
        monkeypatch.setenv(f"GITHUB_{name}", value)
    return project.conftest(FIXTURES).tests(SUITE)


@pytest.mark.parametrize("options", [(), ("-q",), ("-v",), ("-s",), ("-n2",)], ids=str)
def test_annotations_stand_on_their_own_lines_at_the_marker(actions, options):
    out = actions.run(*options).stdout.str()
    lines = [line for line in out.splitlines() if "::error" in line or "::warning" in line]
    where = f"file={actions.pytester.path.name}/test_it.py,line="
    assert [line.split(",title")[0] for line in lines] == [f"::error {where}6", f"::warning {where}9"]
    assert "title=Net%3A MACs::Net: MACs%0A  measured     8.928 kMACs" in lines[0]
    assert "%25" in lines[0]  # of the share by which it is missed


def test_the_job_summary_tells_failures_first(actions):
    actions.run()
    text = (actions.pytester.path / "summary.md").read_text()
    assert text.startswith("## ✗ Model check: 1 of 3 checks failed")
    assert "(https://github.com/o/r/actions/runs/7#artifacts)" in text
    assert text.index("✗ fail") < text.index("! warn")
    actions.run()
    assert (actions.pytester.path / "summary.md").read_text().count("## ✗ Model check") == 2


@pytest.mark.parametrize("how", ["option", "ini", "elsewhere"])
def test_it_can_be_off(actions, how, monkeypatch):
    if how == "ini":
        actions.pytester.makeini("[pytest]\nmodelcheck_github = off")
    elif how == "elsewhere":
        monkeypatch.setenv("GITHUB_ACTIONS", "false")
    out = actions.run(*(["--modelcheck-github=off"] if how == "option" else [])).stdout.str()
    assert "::error" not in out
    assert not (actions.pytester.path / "summary.md").exists()


def test_more_failures_than_github_shows_are_counted(actions):
    actions.tests(
        '@pytest.mark.parametrize("n", range(14))\n@pytest.mark.macs_budget(1)\ndef test_it(n): ...'
    )
    lines = [line for line in actions.run().stdout.str().splitlines() if line.startswith("::error")]
    assert len(lines) == 10
    assert lines[-1].endswith("::and 5 more, in the job summary")


def test_the_summary_stays_below_one_mebibyte(actions):
    actions.tests(
        "@pytest.mark.modelcheck(model=net, name='x' * 3000)\n@pytest.mark.parametrize('n', range(200))\n"
        "@pytest.mark.params_budget(1)\ndef test_it(n): ..."
    )
    (actions.pytester.path / "summary.md").write_text("y" * 990_000)
    actions.run()
    assert 990_000 < (actions.pytester.path / "summary.md").stat().st_size < 2**20


def test_the_actions_script_passes_hostile_inputs_as_they_are(project, tmp_path, monkeypatch):
    (tmp_path / "python").write_text(
        f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n"
    )
    (tmp_path / "python").chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "MODELCHECK_BASE": "origin/$(touch x); y",
        "MODELCHECK_ARGUMENTS": "tests with space\n-k\n`touch z` or $HOME\n\n",
    }
    script = GITHUB / "actions/modelcheck/run.sh"
    done = subprocess.run([script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [
        "-m",
        "pytest",
        "--modelcheck-report",
        "--modelcheck-output=modelcheck-report",
        "--modelcheck-base=origin/$(touch x); y",
        "tests with space",
        "-k",
        "`touch z` or $HOME",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["python"]


def test_the_actions_step_measures_a_pull_request(repository, tmp_path):
    """The step of action.yml as GitHub runs it: bash, the inputs' defaults, a base branch of the remote."""
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    repository.commit()
    repository.git("clone", "-q", str(repository.path), str(tmp_path / "work"))
    action = yaml.safe_load((GITHUB / "actions/modelcheck/action.yml").read_text())
    step, _ = action["runs"]["steps"]
    given = {"base": "origin/main", "arguments": "-q\n-k\ntest_net"}
    inputs = {name: given.get(name, facts["default"]) for name, facts in action["inputs"].items()}
    environment = {
        **os.environ,
        **{key: inputs[value.strip("${} ").removeprefix("inputs.")] for key, value in step["env"].items()},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GITHUB_ACTION_PATH": str(GITHUB / "actions/modelcheck"),
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(tmp_path / "work"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    (tmp_path / "step.sh").write_text(step["run"])
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(tmp_path / "step.sh")]
    done = subprocess.run(command, cwd=tmp_path / "work", env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("::error")]
    assert line.startswith("::error file=tests/test_net.py,line=6,title=net%3A MACs::")
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("## ✗ Model check: 1 of 1 check failed")
    assert "- **net**: `conv` stride 2 → 1  \n  MACs +297 % (limit +2 %)" in summary
    assert "| `net` | `conv` | stride 2 → 1 |" in summary
    assert (tmp_path / "work" / inputs["output"] / "index.html").exists()


GH = """#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
call = sys.argv[1:]
with (here / "calls").open("a") as file:
    file.write(json.dumps(call) + "\\n")
address = next(part for part in call if part.startswith("repos/"))
if address.endswith("/zip"):
    sys.stdout.buffer.write((here / "artifact.zip").read_bytes())
elif "artifacts" in address:
    names = ["$(touch evil)", "modelcheck-report\\n7 1", "modelcheck-report"]
    found = [{{"name": name, "id": 3 + i, "size_in_bytes": {size}}} for i, name in enumerate(names)]
    print(json.dumps({{"artifacts": found}}))
elif address.endswith("/pulls"):
    print(json.dumps([{{"number": 3, "head": {{"sha": "other"}}}}, {{"number": 4, "head": {{"sha": "abc"}}}}]))
elif "comments?" in address:
    print(json.dumps({comments}))
else:
    body = next(part for part in call if part.startswith("body=@"))
    (here / "body").write_text(pathlib.Path(body[6:]).read_text())
"""
OURS = {"id": 9, "user": {"type": "Bot"}, "body": "<!-- pytest-modelcheck -->\nold"}
FORGED = {"id": 8, "user": {"type": "User"}, "body": "<!-- pytest-modelcheck -->\nforged"}


@pytest.mark.skipif(not shutil.which("jq"), reason="jq, which GitHub's machines have, is not installed")
@pytest.mark.parametrize(
    ("comments", "size", "report", "expected"),
    [
        ([FORGED], 1000, None, "POST repos/o/r/issues/4/comments"),
        ([FORGED, OURS], 1000, None, "PATCH repos/o/r/issues/comments/9"),
        ([], 10**9, None, "error"),
        ([], 1000, "garbage", "error"),
    ],
)
def test_the_comment_script(actions, tmp_path, comments, size, report, expected):
    actions.run("--modelcheck-report")
    folder = tmp_path / "bin"
    folder.mkdir()
    with zipfile.ZipFile(folder / "artifact.zip", "w") as archive:
        text = report or (actions.pytester.path / "modelcheck-report/report.json").read_text()
        archive.writestr("report.json", text)
        archive.writestr("../evil", "x")
    (folder / "gh").write_text(GH.format(python=sys.executable, size=size, comments=comments))
    (folder / "gh").chmod(0o755)
    facts = {"GH_TOKEN": "t", "REPOSITORY": "o/r", "RUN_ID": "7", "HEAD_SHA": "abc", "HEAD_OWNER": "fork"}
    environment = {**os.environ, **facts, "HEAD_BRANCH": "a b&c=$(x)"}
    environment.pop("GITHUB_SERVER_URL", None)
    environment["PATH"] = f"{folder}:{Path(sys.executable).parent}:{environment['PATH']}"
    script = GITHUB / "actions/modelcheck/comment.sh"
    done = subprocess.run([script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    calls = [json.loads(line) for line in (folder / "calls").read_text().splitlines()]
    assert not list(tmp_path.rglob("*evil"))
    if expected == "error":
        assert done.returncode not in (0, 1) or "more than 20000000" in done.stdout
        assert (size < 10**6) == any(
            call[1].endswith("/zip") for call in calls
        )  # weighed before it is fetched
        assert not (folder / "body").exists()
        return
    assert done.returncode == 0, done.stderr
    assert " ".join(calls[-1][2:4]) == expected
    assert calls[2][-2:] == ["-f", "head=fork:a b&c=$(x)"]
    body = (folder / "body").read_text()
    assert body.startswith("<!-- pytest-modelcheck -->\n## ✗ Model check: 1 of 3")
    assert "](https://github.com/o/r/actions/runs/7/artifacts/5): `index.html`" in body


def test_a_summary_that_cannot_be_written_is_a_warning(actions, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/nowhere/summary.md")
    result = actions.run("--modelcheck-report")
    assert result.ret == 1
    assert "the job summary was not written" in result.stdout.str()
    assert "modelcheck report:" in result.stdout.str()


@pytest.mark.parametrize(
    "name", ["::error title=x::evil", "  ::warning::evil", "a ##[error]evil", "x\\n::error::evil"]
)
def test_names_are_no_commands_in_the_log(project, monkeypatch, name):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.tests(f"""
class Evil(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)
    def forward(self, x):
        return self.fc(x)[:, :1].expand(0, 1)

@pytest.mark.params_budget(1, model=Evil, name={name!r})
@pytest.mark.macs_budget(1, model=Evil, input_size=(1, 2), name={name!r})
def test_it(modelcheck): ...

@pytest.mark.modelcheck(model=Evil, input_size=(1, 2), name={name!r})
def test_body(modelcheck):
    modelcheck.gradcam(layer={name!r})
""")
    lines = project.run("--modelcheck-github=off", "--tb=line").outlines
    assert [line for line in lines if line.lstrip().startswith("::") or "##[" in line] == []
