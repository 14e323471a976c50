"""Lines of progress: on a terminal only, and gone afterwards."""

import io

import pytest

from pytest_modelcheck import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(text):
    """What a terminal shows in its last line: a carriage return goes back to its start."""
    line = []
    for piece in text.split("\r"):
        line[: len(piece)] = piece
    return "".join(line).rstrip()


@pytest.fixture
def terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(progress, "terminal", stream)
    return stream


def test_what_goes_on_is_shown_while_it_does(terminal):
    with progress.busy("exporting net to ONNX"):
        assert shown(terminal.getvalue()) == "exporting net to ONNX …"
    assert shown(terminal.getvalue()) == ""


def test_the_line_is_taken_away_when_the_work_fails(terminal):
    with pytest.raises(KeyError), progress.busy("work"):
        raise KeyError
    assert shown(terminal.getvalue()) == ""


def test_counted_work_says_how_far_it_is(terminal, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", -1)
    with progress.progress("ScoreCAM", 4) as step:
        step(3)
        assert shown(terminal.getvalue()) == "ScoreCAM: 3 of 4"
    assert shown(terminal.getvalue()) == ""


def test_a_log_file_gets_nothing(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(progress, "terminal", stream)
    monkeypatch.setattr(progress, "EVERY", -1)
    with progress.busy("work"), progress.progress("more", 2) as step:
        step(1)
    assert stream.getvalue() == ""
