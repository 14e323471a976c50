"""Options and ini values: there are settings that can be used, or a usage error names the option."""

import math
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import strategies as st

from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.cli import main
from pytest_modelcheck.plugin.options import OPTIONS, refuse_unknown, settings
from pytest_modelcheck.settings import Settings

from .properties import holds, said

TEXTS = ["", " ", "0", "1", "-1", "1.5", "nan", "inf", "-inf", "1e999", "1e99999999999", "9" * 400, "9" * 5000, "True", "true", "yes", "auto", "always",
         "none", "all", "10%", "-10%", "1e999%", "10 MB", "10 mb", "-1 MB", "1,3,8,8", "1,,3", "1;2", ";", ",", "1,3:long", "1:nope", "1,16:\ud800", "1 3 8",
         "１,３", "1_0,3", "9" * 30 + ",3", "\0", "a\0b", "\ud800", "../..", "/dev/zero", "/proc/self/mem", "/", "~", "flops", "flops,,macs", "FLOPS",
         "cuda:99", "cpu", "meta", "cpu:-1", "x" * 10_000, "a\nb", "${HOME}", "%s", "{}"]  # fmt: skip
TEXT = st.sampled_from(TEXTS) | st.text(max_size=8)


class Config:
    """What pytest would hand over."""

    def __init__(self, folder, options, ini):
        self.rootpath, self.invocation_params = Path(folder), SimpleNamespace(dir=Path(folder))
        self.options, self.ini = options, ini

    def getoption(self, name, default=None):
        return self.options.get(name, default)

    def getini(self, name):
        value = self.ini.get(name)
        kind = next(option.kind for option in OPTIONS if option.dest == name)
        if value is None:
            return None
        if kind == "bool":
            if value.lower() not in ("true", "false", "1", "0", "yes", "no"):
                raise ValueError(f"invalid truth value {value!r}")
            return value.lower() in ("true", "1", "yes")
        return [line for line in value.split("\n") if line.strip()] if kind == "linelist" else value


@st.composite
def given(draw):
    chosen = draw(st.lists(st.sampled_from(OPTIONS), min_size=1, max_size=4))
    options, ini = {}, {}
    for option in chosen:
        if option.help and (not option.is_ini or draw(st.booleans())):
            value = True if option.is_flag else draw(TEXT)
            options[option.dest] = [value, *draw(st.lists(TEXT, max_size=1))] if option.many else value
        elif option.is_ini:
            ini[option.dest] = draw(TEXT)
    return options, ini


@holds(100, 10_000, drawn=given())
def test_there_are_settings_or_a_usage_error(tmp_path, drawn):
    try:
        made = settings(Config(tmp_path, *drawn))
        refuse_unknown(made.only, lambda: default_registry().names)
    except pytest.UsageError as error:
        text = said(error, most=2_000)
        assert "modelcheck" in text
        return
    assert isinstance(made, Settings)
    assert made.threads is None or 1 <= made.threads < 2**31
    assert made.base_timeout > 0
    assert math.isfinite(made.base_timeout)
    assert 0 <= made.margin <= 1e6
    assert made.onnx_keep >= 0
    assert all(0 <= size < 2**63 for one in made.input_size for shape in one.shapes for size in shape)
    for path in (made.output, made.base_report):
        assert path is None or "\0" not in str(path)


COMMANDS = ("compare", "merge", "summary", "history", "init", "schema")
ARGUMENTS = st.sampled_from(
    [
        "--format",
        "--max-bytes",
        "--max-output",
        "--max-regression",
        "--output",
        "--marker",
        "--input-size",
        "--snapshots",
        "-h",
        "--",
        "--help=",
    ]
)


@holds(
    150,
    10_000,
    words=st.tuples(
        st.sampled_from([*COMMANDS, "x"]),
        st.lists(ARGUMENTS | TEXT.map(lambda text: text or "."), max_size=4),
    ),
)
def test_a_command_ends_in_words(tmp_path, monkeypatch, capfd, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pytest_modelcheck.cli.look.found_here", str)  # that starts a process
    command, rest = words
    try:
        status = main([command, *(word for word in rest if not word.startswith("/"))])
    except SystemExit as error:
        status = error.code
    told = capfd.readouterr()
    assert status in (0, 1, 2)
    assert (status != 2) or told.err.strip()
    assert "Traceback" not in told.err


NAMES = ("pipe", "zero", "folder", "missing", "itself", "latin", "huge")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and devices are POSIX")
@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_classes_that_is_none(tmp_path, name):
    path = tmp_path / name
    if name == "pipe":
        os.mkfifo(path)
    elif name in ("zero", "itself"):
        path.symlink_to("/dev/zero" if name == "zero" else name)
    elif name == "folder":
        path.mkdir()
    elif name == "latin":
        path.write_bytes(b"caf\xe9")
    elif name == "huge":
        with path.open("wb") as file:
            file.truncate(2**31)
    with pytest.raises(
        pytest.UsageError, match=f"ini key modelcheck_classes: the file {name} cannot be read"
    ):
        settings(Config(tmp_path, {}, {"modelcheck_classes": name}))
