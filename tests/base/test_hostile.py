"""A report.json from a fork: whatever stands in it, all commands end in words, their pages hold no foreign markup."""

import copy
import json

import pytest
from torch import nn

from pytest_modelcheck.cli import main
from pytest_modelcheck.records.plain import plain

from ..catalogue import Base
from .conftest import make_record, stack

EVIL = "</script></title><img src=x onerror=alert(1)><script>alert(2)</script>"
ODD = {"markup": EVIL, "huge": 10**25, "nothing": None, "mapping": {"a": EVIL}}


@pytest.fixture(scope="module")
def record(base):
    head = make_record(net=stack(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()), fresh=stack())
    Base(base).tell(head)
    return json.loads(json.dumps(plain(head)))


def places(value, path=()):
    """Each kind of place once: of a list its first item stands for all."""
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*path, 0))


def spoiled(record, place, value):
    made = copy.deepcopy(record)
    part = made
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    return made


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_no_place_for_a_hostile_value(record, value, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.json").write_text(json.dumps(record))
    commands = (["merge", "good.json"], ["compare", "good.json"], ["history", "--format=html"], ["summary"])
    for number, place in enumerate(places(record)):
        (tmp_path / "odd.json").write_text(json.dumps(spoiled(record, place, value)))
        for command in (
            commands[0],
            commands[1 + number % 3],
        ):  # all three in turns: the suite is long enough
            assert main([*command, "odd.json"]) in (0, 1, 2), (command, place)
            told = capsys.readouterr()
            assert command[0] != "history" or "<img" not in told.out
            assert "Traceback" not in told.err
        page = tmp_path / "modelcheck-report/index.html"
        if page.exists():
            text = page.read_text()
            assert "<img src=x" not in text, place
            assert text.count("<script") == text.count("</script>"), place
            page.unlink()
    assert {p.name for p in tmp_path.iterdir()} <= {"good.json", "odd.json", "modelcheck-report"}


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "a\0b", "C:\\evil"])
def test_names_are_no_paths(record, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evil = copy.deepcopy(record)
    for subject in evil["subjects"]:
        subject["name"] = name + subject["name"]
        subject["onnx"] = [{"name": name, "operators": {}, "file": f"{name}.onnx", "reason": "none"}]
    (tmp_path / "odd.json").write_text(json.dumps(evil))
    main(["merge", "odd.json", "--output", "out"])
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert found <= {"odd.json", "out/.gitignore", "out/index.html", "out/report.json"}
