"""`--modelcheck-model`: which texts name a model, what is tested of it without a test file, what mistakes are told."""

from __future__ import annotations

import sys

import pytest

NETS = """
import itertools
import torch
from torch import nn

class Sized(nn.Module):
    def __init__(self, width, depth=1):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(9, 4), nn.Linear(4, 2)

    def forward(self, tokens, x):
        return self.head(self.embedding(tokens)) + x

class Draws(nn.Linear):
    def forward(self, x):
        return super().forward(x) + torch.rand(4)

class Infinite(nn.Linear):
    def forward(self, x):
        return torch.cat([super().forward(x), torch.full((1, 4), float("inf"))])

def refuses():
    raise ValueError("the depth must be even")

COUNT = itertools.count()

class Grows(nn.Linear):
    def forward(self, x):
        for _ in range(next(COUNT)):
            x = super().forward(x)
        return x

def grows(): return Grows(4, 4)
def draws(): return Draws(4, 4)
def infinite(): return Infinite(4, 4)
def a_list(): return [nn.ReLU()]
"""
TIMM = """
import types
from torch import nn
SIZES = {"tiny": (3, 6, 6)}
def is_model(name): return name in SIZES
def list_models(): return list(SIZES)
def get_pretrained_cfg(name): return types.SimpleNamespace(input_size=SIZES[name])
def create_model(name, pretrained, in_chans=3): return nn.Sequential(nn.Conv2d(in_chans, 2, 3), nn.Flatten())
"""
TRANSFORMERS = """
import torch
from torch import nn

class PretrainedConfig:
    def __init__(self, vocab_size=10, hidden_size=4, is_encoder_decoder=False, **more):
        if more:
            raise TypeError(f"unknown {', '.join(more)}")
        self.vocab_size, self.hidden_size, self.is_encoder_decoder = vocab_size, hidden_size, is_encoder_decoder

class TextConfig(PretrainedConfig): pass
class PairConfig(PretrainedConfig):
    def __init__(self, **more):
        super().__init__(**more)
        self.is_encoder_decoder, self.num_mel_bins, self.max_source_positions = True, 5, 6
class OddConfig(PretrainedConfig): pass

class TextModel(nn.Module):
    config_class, main_input_name = TextConfig, "input_ids"
    def __init__(self, config):
        super().__init__()
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
    def forward(self, input_ids, attention_mask=None, pixel_values=None):
        assert pixel_values is None
        return self.embedding(input_ids) * attention_mask[..., None]

class PairModel(nn.Module):
    main_input_name = "input_features"
    def __init__(self, config):
        super().__init__()
        self.sound, self.embedding = nn.Conv1d(5, config.hidden_size, 3), nn.Embedding(config.vocab_size, 4)
    def forward(self, input_features, decoder_input_ids=None):
        return self.sound(input_features).mean(-1) + self.embedding(decoder_input_ids).mean(1)

class AutoModel: _model_mapping = {TextConfig: TextModel}
class AutoModelForSpeech: _model_mapping = {PairConfig: [PairModel]}
"""
SIZE = "--modelcheck-input-size"
QUICK = ("-k", "structure or counts")


@pytest.fixture
def models(project, monkeypatch):
    """`run(spec, …)` checks models of `nets`, and of model zoos that are small."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("timm", "transformers")]:
        monkeypatch.delitem(sys.modules, name)
    project.pytester.makepyfile(nets=NETS, timm=TIMM, transformers=TRANSFORMERS)

    def run(*arguments):
        specs = [a for a in arguments if ":" in a and not a.startswith("-")]
        given = [f"--modelcheck-model={a}" if a in specs else a for a in arguments]
        return project.run(*given)

    run.project = project
    return run


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nets:Sized(4, depth=2)", f"{SIZE}=3,4"], ["Sized(4, depth=2)::counts: 96 MACs, *"]),
        (
            ["nets:Sized(width=4)", "nets:Sized(5)", f"{SIZE}=1,4", f"{SIZE}=1,5"],
            ["*: 16 MACs, *", "*: 25 MACs, *"],
        ),
        (["nets:Sized(4)", "nets:Sized(4, 2)", f"{SIZE}=1,4"], ["*: 16 MACs, *", "*: 32 MACs, *"]),
        (["nets:Tokens", f"{SIZE}=1,7:long;2"], ["Tokens::counts: 56 MACs, *"]),
        (["timm:tiny"], ["tiny::counts: 864 MACs, *"]),
        (["timm:tiny(in_chans=1)"], ["tiny(in_chans=1)::counts: 288 MACs, *"]),
        (
            ["timm:tiny", "nets:Sized(4)", f"{SIZE}=", f"{SIZE}=1,4"],
            ["tiny::*: 864 MACs, *", "Sized(4)::*: 16 MACs, *"],
        ),
        (["transformers:TextConfig(hidden_size=6)"], ["TextConfig(hidden_size=6)::*, 60 parameters"]),
        (["transformers:TextModel(vocab_size=5)"], ["TextModel(vocab_size=5)::*, 20 parameters"]),
        (["transformers:PairConfig(hidden_size=4)"], ["PairConfig(hidden_size=4)::counts: 600 MACs, *"]),
        (
            ["torchvision:squeezenet1_1(num_classes=2)"],
            ["squeezenet1_1(num_classes=2)::counts: * parameters"],
        ),
    ],
    ids=lambda given: given[0] if isinstance(given, list) else "",
)
def test_models_are_named_and_counted(models, arguments, told):
    result = models(*arguments, "-kcounts")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["netz:Sized(4)"], ["*No module named 'netz'; did you mean 'nets'?"]),
        (["nets.py:Tokens"], ["*names a file*", "Write 'nets:Tokens'*"]),
        (["nets:Token"], ["*nets has no 'Token'; did you mean 'Tokens'?"]),
        (["nets:Zzz"], ["*nets has no 'Zzz'; it has Sized, Tokens, *"]),
        (["nets:Sized"], ["*needs arguments to be called with: width.", "*'nets:Sized(width=...)'*"]),
        (["nets:Sized(widht=4)"], ["*'widht'; did you mean 'width'?", "It takes: width, depth=1"]),
        (["nets:Sized(width=nets.N)"], ["*width=nets.N is not a literal*", "Write numbers, *"]),
        (["nets:Sized(width=...)"], ["*width=... is not a literal*", "Write numbers, *"]),
        (["nets:Sized(**dict())"], ["*[*][*]dict() is not a literal*"]),
        (["nets:Sized(width=4"], ["*cannot be read as a call*"]),
        (["nets:Sized(4).half()"], ["*cannot be read as a call: something stands behind*"]),
        (["nets:a_list"], ["*gave a list, not an nn.Module*"]),
        (["nets:refuses"], ["*cannot be built: ValueError: the depth must be even", "at nets.py:*"]),
        (
            ["fails:Net"],
            ["*cannot be imported: it imports 'nowhere', which is not installed", "at fails.py:2: *"],
        ),
        (["quits:Net"], ["*cannot be imported: SystemExit*", "at quits.py:2: *"]),
        (
            ["nets:Sized(4)"],
            ["*no example inputs*", "Its first layer, layers.0 (Linear), would take 1,4.", f"*{SIZE}=1,4 *"],
        ),
        (
            ["nets:Sized(4)", f"{SIZE}=1,5"],
            ["*mat1 and mat2 shapes*", "*wrong: --modelcheck-input-size=1,4, a guess*"],
        ),
        (["nets:Tokens", f"{SIZE}=1,7;2"], ["*", "*wrong: --modelcheck-input-size=1,9:long, *"]),
        (["timm:tinny"], ["timm has no model 'tinny'; did you mean 'tiny'?"]),
        (["transformers:TextConfi"], ["transformers has no 'TextConfi'; did you mean 'TextConfig'*"]),
        (["transformers:TextConfig(layers=2)"], ["*TextConfig refuses that: unknown layers"]),
        (
            ["transformers:OddConfig"],
            ["transformers has no model for OddConfig.", "Name the model's class: *"],
        ),
    ],
    ids=lambda given: " ".join(given) if given[0][0] != "*" else "",
)
def test_a_wrong_spec_is_one_failure_that_says_what_to_do(models, arguments, told):
    models.project.pytester.makepyfile(fails="import sys\nimport nowhere", quits="import sys\nsys.exit(3)")
    result = models(*arguments, *QUICK)
    result.assert_outcomes(failed=1, skipped=1, deselected=4)
    result.stdout.fnmatch_lines(told)
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nets:Sized(4)", f"{SIZE}=1,4", f"{SIZE}=1,5"], "given 2 times, --modelcheck-model 1 time"),
        (["nets:Sized(4)", f"{SIZE}=1,x"], "write for example 1,3,224,224"),
    ],
)
def test_sizes_that_fit_no_model_exit_4(models, arguments, told):
    result = models(*arguments)
    assert result.ret == 4
    assert told in result.stderr.str() + result.stdout.str()


def test_each_check_without_a_limit_is_a_test_and_the_models_are_tested_alone(models):
    models.project.pytester.makepyfile(test_it="def test_it(): assert 0")
    result = models("nets:Sized(4)", f"{SIZE}=1,4", "-v", "--modelcheck-report", "-k", "not export")
    result.assert_outcomes(passed=5, deselected=1)
    names = ("structure", "counts", "compile", "outputs", "no_trace")
    result.stdout.fnmatch_lines([f"Sized(4)::{name} PASSED*" for name in names])
    (subject,) = models.project.record()["subjects"]
    assert subject["name"] == "Sized(4)"
    assert sorted(subject["nodeids"]) == sorted(f"Sized(4)::{name}" for name in names)


def test_paths_are_tested_beside_the_models(models):
    models.project.pytester.makepyfile(test_it="def test_it(): ...")
    models("nets:Sized(4)", f"{SIZE}=1,4", "-kcounts or test_it").assert_outcomes(passed=1, deselected=5)
    result = models.project.run(
        "--modelcheck-model=nets:Sized(4)", f"{SIZE}=1,4", "-kcounts or test_it", "test_it.py"
    )
    result.assert_outcomes(passed=2, deselected=5)


@pytest.mark.parametrize(
    ("spec", "failing", "told"),
    [
        ("draws", "outputs", "*drift against repeated*"),
        ("infinite", "outputs", "*infinite*"),
        ("grows", "structure", "*traced twice, and the structure is another:*"),
    ],
)
def test_what_a_model_must_not_do(models, spec, failing, told):
    result = models(f"nets:{spec}", f"{SIZE}=1,4", f"-k{failing} or no_trace")
    result.assert_outcomes(failed=1, passed=1, deselected=4)
    result.stdout.fnmatch_lines([told, f"FAILED {spec}::{failing}*"])


def test_what_is_not_installed_is_left_out_and_named(models, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    result = models("nets:Sized(4)", f"{SIZE}=1,4", "-kexport or counts")
    result.assert_outcomes(passed=1, skipped=1, deselected=4)
    result.stdout.fnmatch_lines(["left out: export needs onnxscript*", "Install it with: pip install *onnx*"])


def test_models_that_are_called_alike_are_told_apart(models):
    models.project.pytester.makepyfile(other="from nets import Sized")
    result = models("nets:Sized(4)", "other:Sized(4)", f"{SIZE}=1,4", "-kcounts")
    result.assert_outcomes(passed=2, deselected=10)
    result.stdout.fnmatch_lines(["nets:Sized(4)::counts: *", "other:Sized(4)::counts: *"])
    result = models("nets:Sized(4)", "nets:Sized(4)", f"{SIZE}=1,4", f"{SIZE}=2,4", "-kcounts")
    result.stdout.fnmatch_lines(["nets:Sized(4) (1x4)::counts: 16 *", "nets:Sized(4) (2x4)::counts: 32 *"])


@pytest.mark.parametrize(("only", "passed"), [("counts", 1), ("flops", 1), ("structure,outputs", 2)])
def test_only_some(models, only, passed):
    result = models("nets:Sized(4)", f"{SIZE}=1,4", f"--modelcheck-only={only}")
    result.assert_outcomes(passed=passed, skipped=6 - passed)
