"""What a test asks of explanations and weights is in the record and on the page."""

import pytest

from .conftest import FIXTURES

RESULTS = {
    "weight_changes": """
def test_it(modelcheck):
    other = net()
    with torch.no_grad():
        other.conv.weight[0] += 1
    (change,) = modelcheck.weights(against=other).comparison.changes
    assert change.name == "conv.weight"
""",
    "evolution": """
def test_it(modelcheck):
    states = {"first": net().state_dict(), "last": net().state_dict()}
    states["first"]["conv.weight"] = states["first"]["conv.weight"].clone()
    states["first"]["conv.weight"][0] += 1
    seen = modelcheck.feature_evolution(states, layers=["conv"])
    assert seen.settled("conv") == "last"
""",
    "faithfulness": """
def test_it(modelcheck):
    seen = modelcheck.faithfulness(modelcheck.hirescam(target=1, layer="conv"), steps=4)
    assert seen.insertion.shape == (1,)
""",
    "projections": """
def test_it(modelcheck):
    assert modelcheck.deconvnet(target=1).relus == 1
    assert len(modelcheck.strongest_activations(layers=["conv"], features=2).layers) == 1
""",
    "invariance": """
def test_it(modelcheck):
    assert modelcheck.invariance("translation", values=[0, 0.1]).max_feature_shift > 0
""",
}
WORDS = {
    "weight_changes": ["Weights, compared", "3 tensors equal", "conv.weight"],
    "evolution": ["Evolution of features", "<polyline", "first", "last"],
    "faithfulness": ["Faithfulness", "insertion", "average drop"],
    "projections": ["Deconvnet", "feature"],
    "invariance": ["vertical shift", "<polyline"],
}


@pytest.mark.parametrize("section", RESULTS)
def test_a_result_is_in_the_record_and_on_the_page(project, section):
    project.conftest(FIXTURES).tests(RESULTS[section])
    project.run("--modelcheck-report").assert_outcomes(passed=1)
    (subject,) = project.record()["subjects"]
    assert any("test_it" in str(entry["nodeid"]) for entry in subject[section])
    page = (project.pytester.path / "modelcheck-report" / "index.html").read_text("utf-8")
    for word in WORDS[section]:
        assert word.lower() in page.lower()
