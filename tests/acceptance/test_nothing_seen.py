"""What a measurement did not see is an error, never a pass: each marker with models that hide their work from it."""

import pytest

HEAD = """
import subprocess, threading, time
import numpy as np
from concurrent.futures import ThreadPoolExecutor

class Base(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(4, 4)
        self.eval()

"""

# each a forward of a model with one layer, which takes two rows of four numbers
FORWARDS = {
    "gives back its input": "return x",
    "numpy": "return torch.from_numpy(x.numpy() @ np.ones((4, 4), np.float32))",
    "views": "return x.view(4, 2).t()",
    "an operator without formula": "return torch.ops.hidden.op(x)",
    "without formula, and an addition": "return torch.ops.hidden.op(x) + 1",
    "another thread": "with ThreadPoolExecutor(1) as pool: return pool.submit(self.linear, x).result() + 1",
    "a profiler of its own": "with torch.profiler.profile(): return self.linear(x) * 2",
    "an older profiler": "with torch.autograd.profiler.profile(): return self.linear(x) * 2",
    "sleep": "time.sleep(0.03); return self.linear(x)",
    "a process": "subprocess.run(['sleep', '0.03']); return self.linear(x)",
    "a lock": "threading.Event().wait(0.03); return self.linear(x)",
    "work on a thread": """
        out = []
        def work():
            for _ in range(40): torch.ones(400, 400) @ torch.ones(400, 400)
            out.append(self.linear(x))
        thread = threading.Thread(target=work); thread.start(); thread.join()
        return out[0]""",
    "additions": "return x + x",
    "its layer": "return self.linear(x)",
}

CUSTOM = """
lib = torch.library.Library("hidden", "FRAGMENT")
try:
    lib.define("op(Tensor x) -> Tensor")
    lib.impl("op", lambda x: x.clone(), "CompositeExplicitAutograd")
except RuntimeError:
    pass
"""

LOST = [
    ("gives back its input", "flops_budget('1 GFLOPs')", "saw no operator that counts: none at all ran"),
    ("gives back its input", "memory_access_budget('1 GB')", "saw no operator that counts"),
    ("gives back its input", "peak_memory_budget('1 GB')", "saw no operator that makes or writes"),
    ("gives back its input", "operator_budget('aten::mul', 0)", "recorded no operator"),
    ("numpy", "macs_budget('1 GMACs')", "saw no operator that counts"),
    (
        "numpy",
        "macs_budget('1 GMACs')",
        "left torch, and what is computed there is not counted: the model itself, at",
    ),
    ("numpy", "peak_memory_budget('1 GB')", "saw no operator that makes or writes"),
    ("views", "activations_budget('1 G')", "saw no operator that counts: there ran aten::view (1)"),
    ("views", "memory_access_budget('1 GB')", "saw no operator that counts"),
    ("an operator without formula", "macs_budget('1 GMACs')", "hidden::op, no formula known (1)"),
    ("without formula, and an addition", "flops_budget(max_regression='2%')", "register_formula"),
    ("another thread", "macs_budget('1 GMACs', phase='training_step')", "'linear' ran on another thread"),
    ("another thread", "peak_memory_budget('1 GB')", "'linear' ran on another thread"),
    ("another thread", "operator_budget('aten::linear', 0)", "'linear' ran on another thread"),
    ("another thread", "forbid_host_sync", "'linear' ran on another thread"),
    ("a profiler of its own", "operator_budget('aten::mul', 0)", "opens a profiler itself"),
    ("an older profiler", "forbid_host_sync", "opens a profiler itself"),
    ("its layer", "operator_budget('aten::lineer', 0)", "did you mean 'aten::linear'"),
    ("its layer", "operator_budget('aten::lineer*', 0)", "torch has no operator"),
]


def project_of(project, forward, marker):
    source = f"{HEAD}{CUSTOM}\nclass It(Base):\n    def forward(self, x):\n        {FORWARDS[forward]}\n"
    source += "\n@pytest.mark.modelcheck(model=It, inputs=torch.arange(8.0).view(2, 4))\n"
    return project.tests(f"{source}@pytest.mark.{marker}\ndef test_it(): ...")


def verdict(project, *arguments):
    """Exit status, and the one check of the record."""
    result = project.run("--modelcheck-report", *arguments)
    result.stdout.no_fnmatch_line("*Traceback*")
    (check,) = project.record()["checks"]
    return result.ret, check


@pytest.mark.parametrize(("forward", "marker", "words"), LOST)
def test_hidden_work_is_an_error(project, forward, marker, words):
    status, check = verdict(project_of(project, forward, marker))
    assert (status, check["outcome"]) == (1, "error")
    assert words in check["message"]


@pytest.mark.parametrize("forward", ["sleep", "a process", "a lock", "work on a thread"])
@pytest.mark.parametrize("statistic", ["median", "p90"])
def test_waiting_is_time(project, forward, statistic):
    status, check = verdict(project_of(project, forward, f"latency_budget('2 ms', statistic='{statistic}')"))
    assert (status, check["outcome"]) == (1, "fail")
    assert "wall time (not thread CPU time: it computes" in check["message"]


SEEN = [
    ("another thread", "macs_budget('32 MACs', min='32 MACs')"),
    ("additions", "macs_budget(0)"),
    ("additions", "flops_budget('1 GFLOPs', min=0)"),
    ("its layer", "params_budget(0, trainable=False)"),
    ("its layer", "operator_budget('aten::mul', 0)"),
    ("its layer", "operator_budget('aten::conv*', 0)"),
    ("its layer", "forbid_host_sync"),
]


@pytest.mark.parametrize(("forward", "marker"), SEEN)
def test_a_zero_that_was_seen_is_a_figure(project, forward, marker):
    assert verdict(project_of(project, forward, marker))[1]["outcome"] == "pass"


PARAMETERS = {
    "none": ("nn.ReLU()", "pass"),
    "in a list": ("hidden([nn.Linear(4, 4)])", "error"),
    "in a dictionary of lists": ("hidden({'a': [torch.zeros(3, requires_grad=True)]})", "error"),
    "constants in a list": ("hidden([torch.zeros(3)])", "pass"),
}


@pytest.mark.parametrize(("model", "outcome"), PARAMETERS.values(), ids=PARAMETERS.keys())
def test_parameters_out_of_sight(project, model, outcome):
    source = "def hidden(held):\n    model = nn.Identity()\n    model.held = held\n    return model\n"
    project.tests(f"{source}\n@pytest.mark.params_budget('1 M', model=lambda: {model})\ndef test_it(): ...")
    status, check = verdict(project)
    assert (status, check["outcome"]) == (int(outcome == "error"), outcome)
    assert ("held, where torch does not look" in check["message"]) == (outcome == "error")


IMAGES = "torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))"
DEAF = [
    ("head.weight.data.zero_()", IMAGES, "min_probability=0.0", "of the target is the same for any image"),
    (
        "head.weight.data.mul_(1e-12)",
        IMAGES,
        "min_probability=0.1",
        "of the target is the same for any image",
    ),
    ("head.weight.data.fill_(torch.nan)", IMAGES, "min_probability=0.0", "NaN or infinite"),
    ("conv.weight.data.zero_()", IMAGES, "max_feature_shift=1.0", "what layer 'conv' gives is the same"),
    ("conv.weight.data.fill_(torch.inf)", IMAGES, "max_feature_shift=1.0", "NaN or infinite"),
    ("head", "torch.ones(1, 3, 8, 8)", "max_feature_shift=1.0", "changes the images"),
    ("head", IMAGES, "max_feature_shift=1.0, values=[0.0]", "changes the images"),
]


@pytest.mark.parametrize(("change", "images", "limit", "words"), DEAF)
def test_a_model_that_answers_to_no_image_is_not_invariant(project, change, images, limit, words):
    project.tests(f"""
class Looks(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(3, 2, 3), nn.Linear(72, 4)
        self.{change}

    def forward(self, x):
        return self.head(self.conv(x).flatten(1))

@pytest.mark.invariance_budget("translation", {limit}, model=Looks, inputs={images})
def test_it(): ...
""")
    status, check = verdict(project)
    assert (status, check["outcome"]) == (1, "error")
    assert words in check["message"]


def test_a_model_that_does_not_mind_is_invariant(project):
    project.tests(f"""
class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.AdaptiveMaxPool2d(1)

    def forward(self, x):
        return self.pool(x).flatten(1)

@pytest.mark.invariance_budget(
    "rotation", max_feature_shift=1e-5, layers=["pool"], values=[0, 90], model=Mean, inputs={IMAGES}
)
def test_it(): ...
""")
    assert verdict(project)[1]["outcome"] == "pass"


def test_an_own_check_that_measures_nothing(project):
    project.conftest("""
from pytest_modelcheck import Budget, Measurement

def pytest_modelcheck_register(registry):
    registry.add(Budget("nan_budget", "nan", "calls", "NaN.", lambda s: float("nan"), Measurement))
    open_ended = lambda value: Measurement(value, (0.0, float("inf")))
    registry.add(Budget("open_budget", "open", "calls", "No end.", lambda s: 1.0, open_ended))
""").tests("""
@pytest.mark.nan_budget(1, model=net)
def test_nan(): ...

@pytest.mark.open_budget(1, model=net)
def test_open(): ...
""")
    project.run("--modelcheck-report").assert_outcomes(failed=2)
    nan, open_ended = project.record()["checks"]
    assert (nan["outcome"], open_ended["outcome"]) == ("error", "error")
    assert "nothing was measured" in nan["message"]
    assert "the interval has no upper end" in open_ended["message"]


READ = {
    "None": "`read` returned None, not a Measurement",
    "3": "`read` returned 3, not a Measurement",
    "Measurement(None)": "its value is None, which is no number",
    "Measurement('3')": "its value is '3', which is no number",
    "Measurement(3j)": "its value is 3j, which is no number",
    "Measurement(torch.ones(2))": "its value is tensor([1., 1.]), which is no number",
    "Measurement(torch.tensor(torch.nan))": "nothing was measured",
    "Measurement(float('-inf'))": "nothing was measured",
    "Measurement(1, (float('nan'), 2))": "nothing was measured",
    "Measurement(1, (None, 2))": "an end of its interval is None, which is no number",
    "Measurement(1, (2, 0))": "its interval begins at 2 and ends at 0",
    "Measurement(9, contributors=[('conv', 3)])": "('conv', 3) among its contributors is no Contributor",
    "Measurement(9, contributors=[Contributor('conv', None)])": "the part of 'conv' is None",
}


def test_what_an_own_check_reads_is_a_measurement_or_an_error(project):
    """Said in a line, without a traceback; numbers of any kind are numbers."""
    budgets = "".join(
        f"    registry.add(Budget('odd_{i}', 'odd{i}', 'calls', 'Odd.', lambda s: 0, lambda seen: {read}))\n"
        for i, read in enumerate([*READ, "Measurement(torch.ones(()))", "Measurement(numpy.float32(2))"])
    )
    project.conftest(
        "import numpy\nfrom pytest_modelcheck import Budget, Contributor, Measurement\n"
        f"def pytest_modelcheck_register(registry):\n{budgets}"
    )
    markers = "".join(f"@pytest.mark.odd_{i}(5, model=net)\n" for i in range(len(READ) + 2))
    project.tests(f"{markers}def test_it(): ...")
    result = project.run("--modelcheck-report")
    assert result.ret == 1
    assert "Traceback" not in result.stdout.str()
    checks = {int(check["metric"].removeprefix("odd")): check for check in project.record()["checks"]}
    for i, words in enumerate(READ.values()):
        assert (checks[i]["outcome"], words in checks[i]["message"]) == ("error", True), checks[i]["message"]
    assert [checks[len(READ) + i]["outcome"] for i in (0, 1)] == ["pass", "pass"]
