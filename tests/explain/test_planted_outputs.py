"""The logits are found in any output or their candidates are named; probabilities are the model's own."""

import ast
import dataclasses
import re

import numpy as np
import pytest
import torch

from pytest_modelcheck import ExplanationError, ModelCheck

from .planted import METHODS, by_hand, far, made, told
from .planted_outputs import LOGITS, NONE, PROBABILITIES, SEVERAL, Boxed, X


def logits(m, f, y):
    return y


@pytest.fixture
def right():
    """Grad-CAM of class 1 where the output is the logits."""
    return by_hand(made(lambda: Boxed(logits)), X, "features")


@pytest.mark.parametrize("wrap", LOGITS.values(), ids=LOGITS.keys())
def test_the_logits_are_found(wrap, right):
    subject = ModelCheck(made(lambda: Boxed(wrap)), X)
    assert far(subject.gradcam(target=1).raw, right) < 1e-5
    assert subject.gradcam().target == ModelCheck(made(lambda: Boxed(logits)), X).gradcam().target
    seen = subject.invariance("translation", values=[0.0, 0.2], target=1)
    want = made(lambda: Boxed(logits))(X)
    assert seen.probability[0] == pytest.approx(want.softmax(1)[:, 1].tolist(), abs=1e-5)


@pytest.mark.parametrize(("wrap", "words"), SEVERAL.values(), ids=SEVERAL.keys())
@pytest.mark.parametrize("ask", ["gradcam", "invariance"])
def test_several_candidates_are_named_with_their_shapes(wrap, words, ask):
    subject = ModelCheck(made(lambda: Boxed(wrap)), X)
    said = told(lambda: subject.gradcam(target=1) if ask == "gradcam" else subject.invariance("scale"))
    for word in words:
        assert word in said or word.replace("x", ", ") in said


@pytest.mark.parametrize(("wrap", "words"), NONE.values(), ids=NONE.keys())
def test_an_output_without_classes_is_told(wrap, words):
    subject = ModelCheck(made(lambda: Boxed(wrap)), X)
    said = told(lambda: subject.gradcam(target=1))
    for word in words:
        assert word in said or word.replace("x", ", ") in said


HINTED = [LOGITS["loss, logits"], SEVERAL["tuple"][0], NONE["a scalar"][0], SEVERAL["nested"][0]]


@pytest.mark.parametrize("wrap", HINTED)
def test_no_hint_about_segmentation_where_there_is_none(wrap):
    """`output['out'][:, 3].sum((1, 2))` is advice for maps."""
    try:
        ModelCheck(made(lambda: Boxed(wrap)), X).gradcam(target=1)
    except Exception as error:
        assert "(1, 2)" not in str(error)  # noqa: PT017


ADVISED = {**{name: wrap for name, (wrap, _) in SEVERAL.items()}, "a map": NONE["a map"][0]}


@pytest.mark.parametrize("wrap", ADVISED.values(), ids=ADVISED.keys())
def test_the_advice_of_gradcam_can_be_followed(wrap):
    """What the message writes as `target=lambda …` runs as it stands."""
    subject = ModelCheck(made(lambda: Boxed(wrap)), X)
    said = told(lambda: subject.gradcam(target=1))
    advice = re.search(r"target=(lambda .*)", said)
    assert advice, said
    assert subject.gradcam(target=evaluated(advice[1]), layer="features.0").raw.shape[0] == 2


@pytest.mark.parametrize("wrap", [w for name, w in ADVISED.items() if name != "a map"])
@pytest.mark.parametrize("ask", ["invariance", "faithfulness"])
def test_the_advice_of_what_asks_for_a_probability_can_be_followed(wrap, ask):
    subject = ModelCheck(made(lambda: Boxed(wrap)), X)
    heatmap = ModelCheck(made(lambda: Boxed(logits)), X).gradcam(target=1)

    def asked(**options):
        if ask == "invariance":
            return subject.invariance("translation", values=[0.1], target=1, **options)
        return subject.faithfulness(heatmap, steps=1, **options)

    said = told(asked)
    advice = re.search(r"probability=(lambda .*)", said)
    assert advice, said
    assert "target=lambda" not in said
    asked(probability=evaluated(advice[1]))


def evaluated(text):
    """The longest beginning of `text` that is an expression."""
    for end in range(len(text), 0, -1):
        try:
            ast.parse(text[:end], mode="eval")
        except SyntaxError:
            continue
        return eval(text[:end], {"torch": torch})
    raise AssertionError(text)


BEYOND = [4, 99, -5, [0, 4], [True, False], [0, 1, 2], 1.0, "1", True, {0: 1}]
BEYOND += [np.int64(7), np.array([0.5, 1.0]), torch.tensor(4), torch.tensor([1, 9]), torch.tensor(1.0)]


@pytest.mark.parametrize("target", BEYOND, ids=repr)
@pytest.mark.parametrize("ask", ["gradcam", "score_cam", "guided_backprop", "invariance"])
def test_a_target_that_is_no_class_is_refused(target, ask):
    subject = ModelCheck(made(lambda: Boxed(logits)), X)
    ask = subject.invariance if ask == "invariance" else getattr(subject, ask)
    options = {"transform": "scale", "values": [1.1]} if ask == subject.invariance else {}
    assert "target" in told(lambda: ask(target=target, **options))


GIVEN = [1, [1, 1], (1, 1), np.int64(1), np.uint8(1), np.array([1, 1]), torch.tensor(1), torch.tensor([1, 1])]


@pytest.mark.parametrize("target", GIVEN, ids=repr)
def test_a_class_may_be_given_in_many_ways(target, right):
    heatmap = ModelCheck(made(lambda: Boxed(logits)), X).gradcam(target=target)
    assert heatmap.target == (1, 1)
    assert far(heatmap.raw, right) < 1e-5


@pytest.mark.parametrize("target", [1, -2])
def test_one_column_has_one_class(target):
    """A second class of a single logit is not there."""
    subject = ModelCheck(made(lambda: Boxed(logits, 1)), X)
    assert "target" in told(lambda: subject.gradcam(target=target))
    assert subject.gradcam(target=0).raw.shape == (2, 8, 8)


@pytest.mark.parametrize("probable", [False, True])
def test_one_number_for_each_sample_is_one_logit_or_the_advice_can_be_followed(probable):
    """(N,): `gradcam`, `invariance` and `faithfulness` answer alike."""
    model = made(lambda: Boxed(lambda m, f, y: y[:, 0].sigmoid() if probable else y[:, 0] * 30, 1))
    subject = ModelCheck(model, X)
    want = (model(X) if probable else model(X).sigmoid()).tolist()

    def followed(ask, word):
        try:
            return ask()
        except ExplanationError as error:
            advice = re.search(rf"{word}=(lambda .*)", str(error))
            assert advice, error  # noqa: PT017
            return ask(**{word: evaluated(advice[1])})

    heatmap = followed(lambda **o: subject.gradcam(**o), "target")
    seen = followed(lambda **o: subject.invariance("translation", values=[0.0, 0.2], **o), "probability")
    assert seen.probability[0] == pytest.approx(want, abs=1e-5)
    if all(isinstance(t, int) for t in heatmap.target):
        curves = followed(lambda **o: subject.faithfulness(heatmap, steps=1, **o), "probability")
        np.testing.assert_allclose(curves.deletion_curve[:, 0], want, atol=1e-5)


@pytest.mark.parametrize("answered", PROBABILITIES, ids=repr)
def test_a_probability_is_what_the_model_says(answered):
    subject = ModelCheck(made(answered.build, answered.name), X)
    bare = made(answered._replace(wrap=lambda y: y, module=None).build, answered.name)
    want = answered.probability(bare(X)).detach()
    target = want.shape[1] - 1
    seen = subject.invariance("translation", values=[0.0, 0.2], target=target, **answered.options)
    assert seen.probability[0] == pytest.approx(want[:, target].tolist(), abs=1e-4)
    assert answered.said in str(seen.to_dict())
    likeliest = subject.invariance("translation", values=[0.0, 0.2], **answered.options)
    assert list(likeliest.target) == want.argmax(1).tolist()
    heatmap = ModelCheck(bare, X).gradcam(target=min(target, answered.classes - 1), layer="features.0")
    heatmap = dataclasses.replace(heatmap, target=(target,) * 2)
    curve = subject.faithfulness(heatmap, steps=1, **answered.options)
    np.testing.assert_allclose(curve.deletion_curve[:, 0], want[:, target], atol=1e-4)
    assert answered.said in str(curve.to_dict())


@pytest.mark.parametrize("answered", [a for a in PROBABILITIES if "callable" not in a.name], ids=repr)
def test_the_likeliest_classes_stand_in_the_heatmap(answered):
    subject = ModelCheck(made(answered.build, answered.name), X)
    bare = made(answered._replace(wrap=lambda y: y, module=None).build, answered.name)
    want = answered.probability(bare(X)).detach()
    heatmap = subject.eigencam(layer="features.0", **answered.options)
    assert heatmap.probability == answered.said
    for sample, row in enumerate(heatmap.top):
        best = want[sample].sort(descending=True).values[:5].tolist()
        assert [p for _, p in row] == pytest.approx(best, abs=1e-4)
        assert want[sample][[c for c, _ in row]].tolist() == pytest.approx(best, abs=1e-4)
    assert len(heatmap.top) == 2


def test_a_group_of_classes_with_sigmoids_is_not_summed():
    """Sigmoids of several classes may add up to more than one: no probability of a group."""
    model = made(lambda: Boxed(lambda m, f, y: y + 5))
    subject = ModelCheck(model, X)
    try:
        seen = subject.invariance("translation", values=[0.0, 0.2], target={0, 1, 2}, probability="sigmoid")
    except Exception as error:
        assert "group" in str(error) or "set" in str(error) or "classes" in str(error)  # noqa: PT017
    else:
        assert all(0 <= p <= 1 for p in seen.probability[0])
    softmax = subject.invariance("translation", values=[0.0, 0.2], target={0, 1})
    assert softmax.probability[0] == pytest.approx(model(X).softmax(1)[:, :2].sum(1).tolist(), abs=1e-5)


NO_PROBABILITY = {
    "a word that is none": "soft",
    "capitals": "Softmax",
    "a number": 1,
    "a flag": True,
    "a list": ["softmax"],
    "raises": lambda out: out["no"],
    "another batch": lambda out: out[:1],
    "beyond one": lambda out: out.abs() * 7 + 1,
    "below zero": lambda out: -out.softmax(1),
    "no tensor": lambda out: "x",
}


@pytest.mark.parametrize("probability", NO_PROBABILITY.values(), ids=NO_PROBABILITY.keys())
@pytest.mark.parametrize("ask", ["invariance", "faithfulness"])
def test_a_probability_that_is_none_is_refused(probability, ask):
    subject = ModelCheck(made(lambda: Boxed(lambda m, f, y: y * 9)), X)
    heatmap = subject.gradcam(target=1)
    said = told(
        lambda: (
            subject.invariance("translation", values=[0.1], probability=probability)
            if ask == "invariance"
            else subject.faithfulness(heatmap, steps=1, probability=probability)
        )
    )
    assert "probabilit" in said


def test_given_probabilities_beyond_one_are_refused():
    """`probability="given"` of logits: an error, not a probability of 7."""
    subject = ModelCheck(made(lambda: Boxed(lambda m, f, y: y * 50)), X)
    assert "probabilit" in told(
        lambda: subject.invariance("translation", values=[0.0, 0.2], probability="given")
    )


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_one_column(method):
    heatmap = getattr(ModelCheck(made(lambda: Boxed(logits, 1)), X), method)()
    assert heatmap.raw.shape == (2, 8, 8)
