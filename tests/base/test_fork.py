"""Children that are asked over pipes: an answer or an error, in time, whatever they do."""

import os
import time

import pytest

from pytest_modelcheck.worker.timing.fork import Child, ChildError, Hung


def test_answers_come_in_order_and_prints_are_no_part_of_them(capfd):
    def start():
        print("started")
        return lambda question: print('{"garbage": 1}') or {"double": 2 * question["n"]}

    with Child("a child", start) as child:
        child.tell(n=1)
        child.tell(n=2)
        assert [child.hear(20)["double"] for _ in range(2)] == [2, 4]


def dies(question):
    os.kill(os.getpid(), 9)


def exits(question):
    os._exit(3)


def raises(question):
    raise ValueError("no such thing")


def no_dictionary(question):
    return 7


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (dies, "killed by signal 9"),
        (exits, "ended with status 3"),
        (raises, "ValueError: no such thing"),
        (no_dictionary, "answered garbage"),
    ],
)
def test_what_goes_wrong_is_said(answer, words):
    with Child("a child", lambda: answer) as child, pytest.raises(ChildError, match=f"a child.*{words}"):
        child.ask(20, n=1)


def test_a_child_that_hangs_is_given_up_and_ends():
    words = r"a child did not answer within 0\.2 s"
    with Child("a child", lambda: lambda _: time.sleep(600)) as child, pytest.raises(Hung, match=words):
        child.ask(0.2, n=1)
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)
