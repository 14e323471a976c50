"""Who asks a base's models waits once, and no longer than it was told."""

import json
import socket
import tempfile
import threading
import time
from pathlib import Path

import pytest

from pytest_modelcheck.base.asking import LONGEST, Asking, socket_in
from pytest_modelcheck.errors import MeasurementError, ModelCheckError

QUESTION = ("test_it.py::test_it", "Net", "answers", {})


@pytest.fixture
def address():
    with tempfile.TemporaryDirectory() as folder:
        yield str(Path(folder) / "ask")


def test_who_does_not_answer_is_not_asked_again(address):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        asking = Asking(address, 0.3)
        started = time.monotonic()
        for _ in range(3):
            with pytest.raises(
                MeasurementError, match=r"did not answer within 0.3 s, asked of test_it.py::test_it"
            ):
                asking(*QUESTION)
        assert time.monotonic() - started < 0.8


@pytest.mark.parametrize("said", [b"", b"\n", b"[1]\n", b"{", json.dumps({"error": "no"}).encode() + b"\n"])
def test_garbage_and_silence_are_errors(address, said):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()

        def answer():
            line, _ = server.accept()
            with line:
                line.recv(10_000)
                line.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(
            MeasurementError, match=r"^at the base: (its process died|it answered garbage|no)"
        ):
            Asking(address, 5)(*QUESTION)


def test_nobody_else_reaches_a_socket_that_has_a_folder_of_its_own(tmp_path):
    with socket_in(tmp_path / ("x" * LONGEST)) as path:
        assert Path(path).parent.stat().st_mode & 0o077 == 0
    assert not Path(path).parent.exists()


def test_who_cannot_be_started_is_started_once():
    def start():
        times.append(1)
        raise ModelCheckError("no git")

    times = []
    asking = Asking("", 5, start)
    for _ in range(2):
        asking.reach()
        with pytest.raises(MeasurementError, match="at the base: no git"):
            asking(*QUESTION)
    assert len(times) == 1
