"""What a run against a base says of a change, to those who review it: in the terminal, in Markdown, on the page."""

import pytest

from .repository import FULL, NET, STRIDED, TESTS, GitRepository


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The record of a run with three models, each of which changed in its own way; and its `page`."""
    repository = GitRepository(tmp_path_factory.mktemp("changes"))
    for name in ("renamed", "functional", "added"):
        named = NET.replace("net()", f"{name}()")
        repository.write(f"src/nets/{name}.py", named)
        test = TESTS.replace("nets.model import net", f"nets.{name} import {name}")
        repository.write(f"tests/test_{name}.py", test.replace("model=net", f"model={name}"))
    absolute = TESTS.replace("nets.model", "nets.renamed").replace("import net", "import renamed as net")
    repository.write("tests/test_absolute.py", absolute.replace('max_regression="2%"', "4000"))
    repository.write("pytest.ini", "[pytest]\npythonpath = src\nmodelcheck_heatmaps = always\n")
    repository.edit("src/nets/functional.py", "self.fc =", "self.act = nn.ReLU()\n        self.fc =")
    repository.edit("src/nets/functional.py", "self.conv(x)", "self.act(self.conv(x))")
    repository.commit()
    repository.edit("src/nets/renamed.py", "self.conv", "self.stem")
    repository.edit("src/nets/renamed.py", "STRIDE = 2", "STRIDE = 1")
    repository.edit("src/nets/functional.py", "self.act = nn.ReLU()", "pass")
    repository.edit("src/nets/functional.py", "self.act(self.conv(x))", "torch.relu(self.conv(x))")
    repository.edit("src/nets/added.py", "self.fc =", "self.more = nn.Conv2d(8, 8, 1)\n        self.fc =")
    repository.edit("src/nets/added.py", "self.conv(x)", "self.more(self.conv(x)).relu()")
    record = repository.against("HEAD", "--modelcheck-github=off")
    page = (repository.path / "modelcheck-report/index.html").read_text()
    return {**record, "page": page}


def change_of(ran, name):
    return next(one for one in ran["changes"]["subjects"] if one["name"] == name)


def test_a_renamed_layer_that_costs_more(ran):
    assert ran["status"] == 1, ran["out"]
    block = ran["out"][ran["out"].index("changes since the base") :]
    words = (
        "a checkpoint of the base does not load: 2 keys renamed (first: conv.weight -> stem.weight)",
        f"stem: module Conv2d moved: conv -> stem, stride 2 -> 1 (+{(FULL - STRIDED) / 1000:.4g} kMACs)",
    )
    assert all(line in block for line in words), block
    assert "removes" not in block
    assert change_of(ran, "renamed")["checkpoint"]["first"]["renamed"][1]["head"] == "stem.bias"
    assert "a checkpoint of the base does not load: 2 keys renamed" in ran["page"]


def test_a_breach_of_an_absolute_limit_says_what_changed(ran):
    check = next(c for c in ran["checks"] if "test_absolute" in c["nodeid"])
    assert check["outcome"] == "fail"
    lines = [" ".join(line.split()) for line in check["message"].splitlines()]
    assert f"base {STRIDED:,} MACs" in lines
    assert f"changed stem new -> {(FULL - 32) / 1000:.4g} kMACs" in lines
    assert not any(line.startswith("heaviest") for line in lines)


def test_a_function_instead_of_a_module(ran):
    assert "functional: the same operators in the same order; 1 path differs" in ran["out"]
    assert "a checkpoint of the base loads: yes" in ran["out"]
    assert change_of(ran, "functional")["checkpoint"]["loads"]


def test_base_and_head_are_one_picture_in_the_report(ran):
    assert "added: adds 2 nodes to the graph" in ran["out"]
    assert "more: module added" in ran["out"]
    subject = next(one for one in ran["subjects"] if one["name"] == "added")
    nodes = subject["structure"]["diff"]["graph"]["nodes"]
    assert [n["operator"] for n in nodes if n["status"] == "added"] == ["conv2d", "relu"]
    change = change_of(ran, "added")
    counts = {"added": 2, "removed": 0, "changed": 0}
    assert {how: change["graph"][how] for how in counts} == counts
    (heatmap,) = change["heatmaps"]
    assert heatmap["moved"]
    assert len(heatmap["pictures"]) == 2
    assert next(m for m in change["metrics"] if m["metric"] == "peak_memory")["share"] > 0
    assert "adds 2 nodes to the graph" in ran["page"]
    assert "heatmap moved" in ran["page"] or "heatmap is of another" in ran["page"]
