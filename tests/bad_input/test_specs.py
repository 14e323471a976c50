"""Models as texts, and what else names a subject: there is one, or an error in our words says why not."""

import sys

import pytest
from hypothesis import strategies as st
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.cli import main
from pytest_modelcheck.errors import ModelCheckError, SubjectError
from pytest_modelcheck.model.factory import build_model
from pytest_modelcheck.model.spec import read_spec

from .properties import holds, said
from .values import ANY

PACKAGES = ["torch.nn", "torch", "torch.nn.functional", "torchvision", "timm", "transformers", "nowhere", "nowhere.at.all", "json", "sys", "", " ", ".",
            "..", ".relative", "a/b.py", "a\\b", "\0", "\ud800", "torch.nn.", "tests.bad_input.values", "__main__", "x" * 5_000, "a b", "net.pt", "1"]  # fmt: skip
NAMES = ["Linear", "Identity", "Module", "relu", "resnet18", "resnet1", "dumps", "version", "", "Linear.weight", "__doc__", "no such", "Rude", "deep",
         "\ud800", "BertConfig", "x" * 5_000, ":", "Linear:2", "ReLU", "Sequential", "Conv2d"]  # fmt: skip
ARGUMENTS = ["", "()", "(2, 3)", "(2, 3", "2, 3)", "(2, 3))", "(2)(3)", "(x)", "(lambda: 1)", "(*[1, 2])", "(**{'a': 1})", "(2, 3, bias=False)", "(bias=1, bias=2)",
             "(2, 3, nothing=1)", "(-1, 2)", "(0, 0)", "(1e999)", "('a', 'b')", "(None)", "(...)", "(2,\n3)", "(2, 3) + 1", "(f'{1}')", "(2, 3)  # why", "(in_features=2)",
             "(10000000000, 10000000000)", "(" + "9" * 5_000 + ")", "(" + "[" * 500 + "]" * 500 + ")", "(" + "(" * 5_000, "(" + "-" * 5_000 + "1)", "(\0)", "(\ud800)", "(a=b=c)",
             "(__import__('os'))", "(2 if 1 else 3)", "(2, 3); 1", "[0]"]  # fmt: skip
WRITTEN = st.builds(
    "{}{}{}{}".format, *map(st.sampled_from, (PACKAGES, [":", "", "::", " : ", "."], NAMES, ARGUMENTS))
)
SPECS = WRITTEN | st.text(max_size=12) | st.text("ab:(),.='\"[]{}*1 ", max_size=20)


@holds(150, 15_000, text=SPECS)
def test_a_text_is_a_spec_or_says_what_to_write(text):
    try:
        spec = read_spec(text)
    except SubjectError as error:
        said(error)
        return
    assert spec.package
    assert spec.name
    assert spec.title is not None


@holds(50, 3_000, text=WRITTEN)
def test_a_spec_gives_a_model_or_an_error_of_ours(text):
    known = {*sys.modules}
    try:
        assert isinstance(build_model(text), nn.Module)
    except ModelCheckError as error:
        said(error)
    assert "tests.bad_input.values" in known


MODELS = [nn.Identity(), nn.Linear, "torch.nn:Identity"]


@holds(
    200,
    20_000,
    model=st.sampled_from(MODELS) | ANY,
    keywords=st.dictionaries(
        st.sampled_from(["inputs", "input_size", "dtype", "device", "name"]), ANY, max_size=3
    ),
)
def test_a_subject_is_made_or_refused(model, keywords):
    given = {key: one.value for key, one in keywords.items()}
    try:
        check = ModelCheck(getattr(model, "value", model), **given)
    except ModelCheckError as error:
        said(error)
        return
    except RuntimeError as error:
        told = said(error)
        assert "not to be asked" in told or "no name" in told  # the user's own function
        return
    assert isinstance(check.subject.module, nn.Module)
    assert check.name


@pytest.mark.parametrize(
    "text",
    [
        "nowhere:Net",
        "torch.nn:Linear",
        "torch.nn:Linear(x)",
        "torch.nn",
        "torch.nn:Linear(-1, 2)",
        "torch:ones",
        "\0",
        "a/b.py:Net",
        "json:dumps",
        "torch.nn:Linear(10000000000, 10000000000)",
    ],
)
def test_a_test_file_is_not_begun_with_it(text, capsys):
    assert main(["init", text, "--input-size=1,2"]) == 2
    told = capsys.readouterr()
    assert not told.out
    assert "Traceback" not in told.err
    assert "unexpected" not in told.err


@pytest.mark.parametrize("text", ["x" * 50_000, "x/" * 50_000 + ":net", "x" * 50_000 + ".pt"])
def test_a_long_text_that_is_no_spec_is_told_short(text):
    with pytest.raises(SubjectError) as caught:
        build_model(text)
    assert len(said(caught.value)) < 2_000
