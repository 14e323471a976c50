"""The fixtures that tests ask for; `pytest --fixtures` prints their docstrings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from ..modelcheck import ModelCheck
    from ..records.recorder import Recorder


def _plugin(request: pytest.FixtureRequest) -> Any:
    return request.config.pluginmanager.get_plugin("modelcheck-run")


def _recorder(request: pytest.FixtureRequest) -> Recorder:
    recorder: Recorder = _plugin(request).recorder(request.node)
    return recorder


@pytest.fixture
def modelcheck(request: pytest.FixtureRequest) -> ModelCheck:
    """Measure this test's model: a ModelCheck with complexity(), summary(), gradcam(), weights(), structure(), show().

    The model comes from @pytest.mark.modelcheck(model=...) or the fixtures `model` and `example_inputs`;
    `modelcheck(other_model, inputs)` binds another one.
    """
    from ..errors import SubjectError
    from ..modelcheck import ModelCheck

    plugin = _plugin(request)
    recorder, resolver = plugin.recorder(request.node), plugin.resolver(request.node)
    source = plugin.plan(request.node).source
    try:
        for name in source.fixtures:  # late is good enough for a fixture that another fixture needs
            if name in request.node.fixturenames:
                request.node.funcargs.setdefault(name, request.getfixturevalue(name))
        return ModelCheck._of(resolver(source), recorder)
    except SubjectError as error:
        return ModelCheck._of(None, recorder, error)


@pytest.fixture
def heatmap_snapshot(snapshot: SnapshotAssertion, request: pytest.FixtureRequest) -> SnapshotAssertion:
    """Compare a heatmap with the stored one: `assert modelcheck.gradcam(target=285) == heatmap_snapshot`.

    `heatmap_snapshot(preset="strict" | "default" | "loose", places=, strength=)` chooses the tolerance;
    `--snapshot-update` accepts.
    """
    from ..snapshots.fixtures import make_heatmap_snapshot
    from ..snapshots.verdicts import record_comparison

    recorder = _recorder(request)
    return make_heatmap_snapshot(snapshot, lambda *seen: record_comparison(recorder, *seen))


@pytest.fixture
def complexity_snapshot(snapshot: SnapshotAssertion, request: pytest.FixtureRequest) -> SnapshotAssertion:
    """Compare what each module costs with the stored text: `assert modelcheck.complexity() == complexity_snapshot`.

    Exact; `complexity_snapshot(tolerance="1%")` lets numbers differ by that share. `--snapshot-update` accepts.
    """
    from ..snapshots.assertion import make_snapshot
    from ..snapshots.complexity import ComplexityExtension, ComplexitySnapshot
    from ..snapshots.verdicts import record_text

    recorder = _recorder(request)
    return make_snapshot(
        ComplexitySnapshot, snapshot, ComplexityExtension, lambda *seen: record_text(recorder, *seen)
    )


@pytest.fixture
def structure_snapshot(snapshot: SnapshotAssertion, request: pytest.FixtureRequest) -> SnapshotAssertion:
    """Compare module tree and operators with the stored text: `assert modelcheck.structure() == structure_snapshot`.

    `--snapshot-update` accepts.
    """
    from ..snapshots.assertion import make_snapshot
    from ..snapshots.structure import StructureExtension
    from ..snapshots.text import TextSnapshot
    from ..snapshots.verdicts import record_text

    recorder = _recorder(request)
    return make_snapshot(
        TextSnapshot, snapshot, StructureExtension, lambda *seen: record_text(recorder, *seen)
    )
