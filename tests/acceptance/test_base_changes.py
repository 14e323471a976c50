"""What a run against a base says of a change, to those who review it: in the terminal, in Markdown, on the page."""

from .repository import FULL, STRIDED


def test_a_renamed_layer_that_costs_more(repository):
    repository.edit("src/nets/model.py", "self.conv", "self.stem")
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    done = repository.run("--modelcheck-report")
    assert done.returncode == 1, done.out
    block = done.out[done.out.index("changes since the base") :]
    words = (
        "a checkpoint of the base does not load: 2 keys renamed (first: conv.weight -> stem.weight)",
        f"stem: module Conv2d moved: conv -> stem, stride 2 -> 1 (+{(FULL - STRIDED) / 1000:.4g} kMACs)",
    )
    assert all(line in block for line in words), block
    assert "removes" not in block
    (subject,) = repository.record()["changes"]["subjects"]
    assert subject["checkpoint"]["first"]["renamed"][1]["head"] == "stem.bias"
    page = (repository.path / "modelcheck-report/index.html").read_text()
    assert "a checkpoint of the base does not load: 2 keys renamed" in page


def test_a_function_instead_of_a_module(repository):
    repository.git("checkout", "-q", "main")
    repository.edit("src/nets/model.py", "self.fc =", "self.act = nn.ReLU()\n        self.fc =")
    repository.edit("src/nets/model.py", "self.conv(x)", "self.act(self.conv(x))")
    repository.commit()
    repository.git("checkout", "-q", "-b", "functional")
    repository.edit("src/nets/model.py", "self.act = nn.ReLU()", "pass")
    repository.edit("src/nets/model.py", "self.act(self.conv(x))", "torch.relu(self.conv(x))")
    done = repository.run()
    assert done.returncode == 0, done.out
    assert "net: the same operators in the same order; 1 path differs" in done.out
    assert "a checkpoint of the base loads: yes" in done.out
