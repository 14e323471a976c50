"""A call of each public method of ModelCheck, made short."""

from __future__ import annotations

import copy

from pytest_modelcheck import ModelCheck

QUICK = 0.02  # seconds that are timed
CAMS = (
    *("cam", "gradcam", "gradcam_plus_plus", "xgradcam", "hirescam", "layercam", "elementwise_cam"),
    *("eigencam", "eigen_gradcam", "ablation_cam", "score_cam"),
)


def evolution(check):
    states = {name: copy.deepcopy(check.subject.module.state_dict()) for name in ("a", "b")}
    return check.feature_evolution(states, layers=None)


def loop(check):
    with check.profile(steps=1, warmup=0) as step:
        step()
    return step.result


def against(check):
    return check.latency_against(check.subject.module, "50%", cap=QUICK)


CALLS = {
    "complexity": lambda check: check.complexity(),
    "complexity, training": lambda check: check.complexity(phase="training_step"),
    "summary": lambda check: check.summary(),
    "summary, torchstat": lambda check: check.summary(style="torchstat"),
    "shufflenet_mac": lambda check: check.shufflenet_mac(),
    "latency": lambda check: check.latency(cap=QUICK),
    "latency, backward": lambda check: check.latency(phase="backward", cap=QUICK),
    "latency, sizes": lambda check: check.latency(batch_sizes=(1, 2), cap=QUICK),
    "latency_against": against,
    "profile": lambda check: check.profile(),
    "profile, stacks": lambda check: check.profile(stacks=True),
    "profile, loop": loop,
    "peak_memory": lambda check: check.peak_memory(),
    "peak_memory, measured": lambda check: check.peak_memory(phase="training_step", measured=True),
    "structure": lambda check: check.structure(),
    "structure, all": lambda check: check.structure(weights=True, autograd=True),
    "onnx": lambda check: check.onnx(),
    "compile": lambda check: check.compile(),
    "weights": lambda check: check.weights(svd=True),
    **{name: lambda check, name=name: getattr(check, name)() for name in CAMS},
    "deconvnet": lambda check: check.deconvnet(),
    "guided_backprop": lambda check: check.guided_backprop(),
    "guided_gradcam": lambda check: check.guided_gradcam(),
    "invariance": lambda check: check.invariance("translation", values=(0.0, 0.2)),
    "strongest_activations": lambda check: check.strongest_activations(features=1, samples=1),
    "feature_evolution": evolution,
    "faithfulness": lambda check: check.faithfulness(check.eigencam(), steps=2, baselines=False),
    "outputs": lambda check: check.outputs(),
    "drift": lambda check: check.drift(copy.deepcopy(check.subject.module)),
    **{
        f"drift, {variant}": lambda check, variant=variant: check.drift(variant)
        for variant in (
            "bfloat16",
            "float64",
            "autocast",
            "channels_last",
            "one_by_one",
            "repeated",
            "export",
        )
    },
    "drift, compile": lambda check: check.drift("compile"),
    "drift, onnx": lambda check: check.drift("onnx"),
    "name": lambda check: check.name,
    "subject": lambda check: check.subject,
    "show": lambda check: check.show("title", "text"),
}
DEAR = ("drift, compile",)  # a C++ compiler runs
LONG = (*DEAR, "onnx", "drift, onnx", "drift, export", "compile")  # seconds
HEAVY = (
    "weights",
    "score_cam",
)  # a singular value decomposition of each weight, a forward for each channel: minutes
QUICKEST = [name for name in CALLS if name not in LONG]


def public():
    """The names of all public methods and attributes."""
    return sorted(name for name in dir(ModelCheck) if not name.startswith("_"))


def called():
    """Those that `CALLS` calls."""
    return sorted({name.partition(",")[0] for name in CALLS})
