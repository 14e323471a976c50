"""The fixtures that tests ask for; `pytest --fixtures` prints their docstrings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .state import run_of, state_of

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from ..modelcheck import ModelCheck
    from ..records.recorder import Recorder
    from ..snapshots.complexity import ComplexitySnapshot
    from ..snapshots.heatmap import HeatmapSnapshot
    from ..snapshots.outputs import OutputSnapshot
    from ..snapshots.structure import StructureSnapshot


def _recorder(request: pytest.FixtureRequest) -> Recorder:
    run_of(request.config).wake()  # where a fixture asked for it late
    recorder: Recorder = state_of(request.node).recorder
    return recorder


def _skip_left_out(request: pytest.FixtureRequest, *names: str) -> None:
    """Skip a test whose fixture an option leaves out."""
    reason = run_of(request.config).settings.left_out(*names)
    if reason:
        pytest.skip(f"{request.fixturename} is {reason}")


@pytest.fixture
def modelcheck(request: pytest.FixtureRequest) -> ModelCheck:
    """Measure this test's model: a ModelCheck with complexity(), summary(), gradcam(), weights(), structure(), show().

    The model comes from @pytest.mark.modelcheck(model=...) or the fixtures `model` and `example_inputs`;
    `modelcheck(other_model, inputs)` binds another one.
    """
    from ..errors import SubjectError
    from ..modelcheck import ModelCheck

    if run_of(request.config).settings.off:
        _skip_left_out(request)
    recorder, state = _recorder(request), state_of(request.node)
    source = state.plan.source
    try:
        for name in source.fixtures:  # late is good enough for a fixture that another fixture needs
            if name in request.node.fixturenames:
                request.node.funcargs.setdefault(name, request.getfixturevalue(name))
        return ModelCheck._of(state.resolver(source), recorder)
    except SubjectError as error:
        return ModelCheck._of(None, recorder, error)


@pytest.fixture
def heatmap_snapshot(snapshot: SnapshotAssertion, request: pytest.FixtureRequest) -> HeatmapSnapshot:
    """Compare a heatmap with the stored one: `assert modelcheck.gradcam(target=285) == heatmap_snapshot`.

    `heatmap_snapshot(preset="strict" | "default" | "loose", places=, strength=)` chooses the tolerance;
    `--snapshot-update` accepts.
    """
    _skip_left_out(request, "heatmap_snapshot", "heatmap", "explain")
    from ..snapshots.assertion import make_snapshot
    from ..snapshots.heatmap import HeatmapExtension, HeatmapSnapshot
    from ..snapshots.verdicts import record_heatmap

    recorder = _recorder(request)
    return make_snapshot(
        HeatmapSnapshot, snapshot, HeatmapExtension, lambda *seen: record_heatmap(recorder, *seen)
    )


@pytest.fixture
def complexity_snapshot(snapshot: SnapshotAssertion, request: pytest.FixtureRequest) -> ComplexitySnapshot:
    """Compare what each module costs with the stored text: `assert modelcheck.complexity() == complexity_snapshot`.

    Exact; `complexity_snapshot(tolerance="1%")` lets numbers differ by that share. `--snapshot-update` accepts.
    """
    _skip_left_out(request, "complexity_snapshot", "complexity")
    from ..snapshots.assertion import make_snapshot
    from ..snapshots.complexity import ComplexityExtension, ComplexitySnapshot
    from ..snapshots.verdicts import record_nothing, record_text

    recorder = _recorder(request)
    made = make_snapshot(
        ComplexitySnapshot, snapshot, ComplexityExtension, lambda *seen: record_text(recorder, *seen)
    )
    made.on_nothing = lambda *seen: record_nothing(recorder, ComplexityExtension, *seen)
    return made


@pytest.fixture
def structure_snapshot(snapshot: SnapshotAssertion, request: pytest.FixtureRequest) -> StructureSnapshot:
    """Compare module tree and operators with the stored text: `assert modelcheck.structure() == structure_snapshot`.

    `--snapshot-update` accepts.
    """
    _skip_left_out(request, "structure_snapshot", "structure")
    from ..snapshots.assertion import make_snapshot
    from ..snapshots.structure import StructureExtension, StructureSnapshot
    from ..snapshots.verdicts import record_text

    recorder = _recorder(request)
    return make_snapshot(
        StructureSnapshot, snapshot, StructureExtension, lambda *seen: record_text(recorder, *seen)
    )


@pytest.fixture
def output_snapshot(snapshot: SnapshotAssertion, request: pytest.FixtureRequest) -> OutputSnapshot:
    """Compare what the model answers with the stored values: `assert modelcheck.outputs() == output_snapshot`.

    `output_snapshot(rtol=1e-3, atol=1e-5)`: by which share of itself, and by how much, a value may be off.
    `--snapshot-update` accepts.
    """
    _skip_left_out(request, "output_snapshot", "outputs")
    from ..snapshots.assertion import make_snapshot
    from ..snapshots.outputs import OutputExtension, OutputSnapshot, record_outputs
    from ..snapshots.verdicts import record_nothing

    recorder = _recorder(request)
    made = make_snapshot(
        OutputSnapshot, snapshot, OutputExtension, lambda *seen: record_outputs(recorder, *seen)
    )
    made.on_nothing = lambda *seen: record_nothing(recorder, OutputExtension, *seen)
    return made
