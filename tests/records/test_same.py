"""Who is who in two records, and what each is called. Cases and answers by hand."""

import pytest

from pytest_modelcheck.records.match import (
    Ambiguous,
    CheckKey,
    find_check,
    find_subject,
    given_options,
    matched,
)
from pytest_modelcheck.records.subjects import SubjectTable, distinct_names

from .conftest import check, panel, place, subject


def key(**facts):
    asked = {"nodeid": "t.py::test", "place": place(), "metric": "macs", "options": {}, "source": "a"}
    return CheckKey(**{**asked, **facts})


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, True),
        ({"nodeid": "t.py::other"}, False),
        ({"metric": "flops"}, False),
        ({"options": {"phase": "backward"}}, False),
        ({"options": {"phase": "forward", "trainable": None}}, True),  # defaults say nothing
        ({"place": place("t.py")}, True),
        ({"source": "b"}, True),  # it says something else than it did
        ({"source": "b", "others": frozenset({"a"})}, False),  # what it says of another one
        ({"others": frozenset({"a"})}, True),
    ],
)
def test_a_check_is_known_by_its_test_metric_and_options(asked, found):
    one = check(source="a")
    assert find_check([one], key(**asked)) == (one if found else None)


def test_options_in_any_order_are_the_same():
    assert given_options({"b": 1, "a": (2, None)}) == given_options(
        {"a": [2, None], "phase": "forward", "b": 1}
    )
    assert given_options({"trainable": False}) != given_options({})


@pytest.mark.parametrize(
    ("others", "wanted"),
    [
        ({"source": "z"}, {"source": "a"}),
        ({"place": place("t.py")}, {}),
        ({"place": place(marker="flops_budget")}, {}),
        ({"source": "z"}, {"source": "a", "place": place("t.py", "else", 7)}),  # the words before the place
        ({"place": place("t.py", index=0)}, {"place": place(index=3)}),  # node and marker before the index
    ],
)
def test_of_several_the_most_alike_is_meant(others, wanted):
    other = check(**{"source": "a", "signature": "other", **others})
    one = check(**{"source": "a", "signature": "one", **wanted})
    assert find_check([other, one], key()) is one
    assert find_check([one, other], key()) is one


def test_the_order_of_markers_tells_them_apart_in_the_very_same_test_alone():
    one, other = check(source="a", signature="one"), check(source="a", signature="2", place=place(index=1))
    assert find_check([other, one], key(same_code=True)) is one
    with pytest.raises(Ambiguous, match="name="):
        find_check([other, one], key())


def test_two_that_are_as_much_alike_are_none_unless_of_one_subject():
    one, two = check(source="a", signature="one"), check(source="a", signature="two")
    with pytest.raises(Ambiguous, match="which of them it is here cannot be told"):
        find_check([one, two], key())
    assert find_check([one, {**one, "value": 2}], key()) is one
    nameless = check(source="a", signature="", subject="x")
    with pytest.raises(Ambiguous, match=r"x [(]a[)], y [(]a[)]"):
        find_check([nameless, {**nameless, "subject": "y"}], key())
    assert find_check([nameless, {**nameless}], key()) is nameless
    assert find_check([], key()) is None


TWINS = {  # what the base's test says of its subjects, what this tree's says, and who is whose base
    "unchanged": ("a b", "a b", {"a": "a", "b": "b"}),
    "in another order": ("a b", "b a", {"a": "a", "b": "b"}),
    "one more before them": ("a b", "c a b", {"a": "a", "b": "b", "c": None}),
    "one less": ("a b c", "c a", {"a": "a", "c": "c"}),
    "one is another model": ("a b", "a c", {"a": "a", "c": "b"}),
    "one changed": ("N#1 N#2", "N#1 N#3", {"N#1": "N#1", "N#3": "N#2"}),
    "one changed, one more of another class": ("N#1 N#2", "M#9 N#1 N#3", {"M#9": None, "N#3": "N#2"}),
    "one changed, one more of its class": (
        "N#1 N#2",
        "N#9 N#1 N#3",
        {"N#1": "N#1", "N#3": Ambiguous, "N#9": Ambiguous},
    ),
    "both changed, named": ("N#1,name=x N#2,name=y", "N#4,name=y N#3,name=x", {"N#3,name=x": "N#1,name=x"}),
    "both changed": ("N#1 N#2", "N#3 N#4", {"N#3": Ambiguous, "N#4": Ambiguous}),
    "both changed, of two classes": ("N#1 M#2", "M#4 N#3", {"N#3": "N#1", "M#4": "M#2"}),
}


@pytest.mark.parametrize(("base", "head", "wanted"), TWINS.values(), ids=TWINS.keys())
def test_two_markers_of_one_metric_never_swap_their_bases(base, head, wanted):
    checks = [
        check(source=source, signature=source, subject=source, place=place(index=i))
        for i, source in enumerate(base.split())
    ]
    said = head.split()
    for source, base_of in wanted.items():
        others = frozenset(said) - {source}
        asked = key(source=source, place=place(index=said.index(source)), others=others, rivals=others)
        if base_of is Ambiguous:
            with pytest.raises(Ambiguous):
                find_check(checks, asked)
        else:
            assert (find_check(checks, asked) or {}).get("source") == base_of


def test_where_the_same_test_ran_its_markers_stand_where_they_stood():
    checks = [check(source=f"N#{i}", signature=str(i), place=place(index=i)) for i in range(2)]
    for i in range(2):
        asked = key(
            source=f"N#{i + 7}", place=place(index=i), rivals=frozenset({"N#7", "N#8"}), same_code=True
        )
        assert find_check(checks, asked) is checks[i]


def demand(source, nodeid="t.py::test"):
    return {"nodeid": nodeid, "source": source}


def test_the_subject_of_a_check():
    said, other = subject(signature="1", demands=[demand("a")]), subject(signature="2", demands=[demand("b")])
    far = subject(signature="3", nodeids=["t.py::far"], demands=[demand("a", "t.py::far")])
    assert find_subject([far, other, said], key()) is said
    assert find_subject([far], key()) is None
    assert find_subject([said], key(source="new")) is said
    assert find_subject([said, other], key(source="new")) is None
    assert find_subject([said, other], key(source="new", others=frozenset({"b"}))) is said
    assert find_subject([said], key(source="new", others=frozenset({"a"}))) is None
    also = subject(signature="4", nodeids=["t.py::test", "t.py::far"], demands=[demand("b", "t.py::far")])
    assert find_subject([also], key(source="new", others=frozenset({"b"}))) is also


def names(base, head):
    return {signature: entry["signature"] for signature, entry in matched(base, head).items()}


def test_subjects_of_which_the_most_tests_say_the_same_are_one():
    both = [demand("x", "t.py::1"), demand("x", "t.py::2")]
    few, many = subject("a", "few", demands=both[:1]), subject("b", "many", demands=both)
    assert names([few, many], [subject("a", "new", demands=both)]) == {"new": "many"}
    heads = [subject("a", "1", demands=both[:1]), subject("b", "2", demands=both)]
    assert names([few, many], heads) == {"1": "few", "2": "many"}
    assert names([many], heads) == {"2": "many"}  # the base's subject is taken once


def test_equally_alike_ones_go_by_signature_then_by_name():
    said = [demand("x")]
    base = [subject("a", "1", demands=said), subject("b", "2", demands=said)]
    assert names(base, [subject("a", "2", demands=said), subject("b", "1", demands=said)]) == {
        "2": "2",
        "1": "1",
    }
    assert names(base, [subject("b", "8", demands=said), subject("a", "9", demands=said)]) == {
        "8": "2",
        "9": "1",
    }


def test_a_test_that_says_nothing_says_not_the_same():
    empty = [demand("")]
    base = [subject("a", "1", nodeids=["t.py::gone"], demands=empty)]
    assert names(base, [subject("b", "2", nodeids=["t.py::new"], demands=empty)]) == {}


def test_else_the_subjects_of_the_same_tests_are_one():
    base = [subject("a", "1", nodeids=["t.py::1"]), subject("b", "2", nodeids=["t.py::2", "t.py::3"])]
    head = [subject("b", "8", nodeids=["t.py::1"]), subject("a", "9", nodeids=["t.py::3", "t.py::2"])]
    assert names(base, head) == {"8": "1", "9": "2"}


def test_what_tests_say_comes_before_which_tests():
    said = [demand("x")]
    base = [
        subject("a", "1", demands=said),
        subject("b", "2", nodeids=["t.py::test", "t.py::2", "t.py::3"], demands=[demand("y")]),
    ]
    head = [subject("b", "9", nodeids=["t.py::test", "t.py::2", "t.py::3"], demands=said)]
    assert names(base, head) == {"9": "1"}


def test_a_name_is_enough_where_the_tests_of_both_are_gone():
    old = subject("net", "1", nodeids=["t.py::old"])
    new = subject("net", "2", nodeids=["t.py::new"])
    assert names([old], [new]) == {"2": "1"}
    assert names([old], [{**new, "name": "other"}]) == {}
    lives = subject("third", "3", nodeids=["t.py::old"])
    assert names([old], [lives, new]) == {"3": "1"}
    twin = subject("net", "4", nodeids=["t.py::older"])
    assert names([old, twin], [new]) == {}  # which one?
    busy = [subject("x", "5", nodeids=["t.py::new"]), subject("y", "6", nodeids=["t.py::new"])]
    assert "2" not in names([old, *busy], [new, *[{**b} for b in busy]])  # its test spoke of others before


def test_a_name_is_not_enough_where_its_old_test_speaks_of_another():
    said = [demand("x")]
    base = [subject("net", "1"), subject("more", "2", demands=said)]
    head = [subject("more", "8", demands=said), subject("net", "9", nodeids=["t.py::new"])]
    assert names(base, head) == {"8": "2"}


def test_each_subject_of_the_head_has_its_own_in_the_base():
    base = [subject("net", "1", nodeids=["t.py::a"])]
    head = [subject("net", "8", nodeids=["t.py::b"]), subject("net", "9", nodeids=["t.py::c"])]
    assert list(names(base, head).values()) == ["1"]


def called(*entries, **origins):
    return list(distinct_names(entries, origins).values())


def test_no_name_is_given_twice():
    entries = subject(signature="1", type="A"), subject(signature="2", type="B"), subject("net (A)", "3")
    assert called(*entries) == ["net (A) (1)", "net (B)", "net (A) (3)"]


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        ({"inputs": ["1×3", "2"]}, {"inputs": ["1×4"]}, ("1×3, 2", "1×4")),
        ({"inputs": ["1x3 float32", "x: 2 int64"]}, {"inputs": ["1x4 float32"]}, ("1x3, x: 2 int64", "1x4")),
        ({"inputs": ["1x3 float32"]}, {"inputs": ["1x3 float16"]}, ("1x3 float32", "1x3 float16")),
        ({"type": "A"}, {"type": "B"}, ("A", "B")),
        ({"inputs": []}, {"type": "B"}, ("Net", "B")),  # who has no inputs is not told apart by them
        ({"nodeids": ["t.py::t[x]"]}, {"nodeids": ["t.py::t[y[1]]"]}, ("x", "y[1]")),
        ({"nodeids": ["t.py::t[x]"]}, {"nodeids": ["t.py::u"]}, ("t[x]", "u")),
        ({"nodeids": ["t.py::C::t"]}, {"nodeids": ["t.py::D::u"]}, ("t", "u")),
        ({"nodeids": ["x/a.py::t"]}, {"nodeids": ["y/b.py::t"]}, ("a.py", "b.py")),
        ({"nodeids": ["x/a.py::t"]}, {"nodeids": ["y/a.py::t"]}, ("x/a.py::t", "y/a.py::t")),
        ({}, {}, ("linux", "macos")),
        ({"nodeids": []}, {"nodeids": []}, ("linux", "macos")),
        ({"inputs": ["a"], "type": "A"}, {"inputs": ["b"], "type": "B"}, ("a", "b")),
    ],
)
def test_what_tells_two_of_one_name_apart(one, two, words):
    entries = subject(signature="1", **one), subject(signature="2", **two)
    origins = {"1": "linux", "2": "macos"}
    assert list(distinct_names(entries, origins).values()) == [f"net ({word})" for word in words]


def test_where_nothing_else_does_the_signature_tells_them_apart():
    entries = subject(signature="0123456789"), subject(signature="abcdefghij"), subject("other", "9")
    assert called(*entries) == ["net (01234567)", "net (abcdefgh)", "other"]


def test_of_three_all_must_differ():
    entries = [
        subject(signature=s, inputs=[i], type=t)
        for s, i, t in (("1", "a", "A"), ("2", "a", "B"), ("3", "b", "C"))
    ]
    assert called(*entries) == ["net (A)", "net (B)", "net (C)"]


def test_what_two_tests_say_of_one_subject_is_one_entry():
    table = SubjectTable()
    first = subject(demands=[demand("a")], definitions={"x": 2}, weights={"error": "no"}, onnx=[{"n": 1}])
    table.add(first)
    second = {"nodeids": ["t.py::test", "t.py::2"], "demands": [demand("a"), demand("b")]}
    second |= {"definitions": {"x": 1, "y": 3}, "onnx": [{"n": 1}, {"n": 2}], "weights": {"tensors": []}}
    table.add(subject(type="Other", inputs=["2"], **second, memory=[5]))
    (entry,) = table.entries
    assert entry["nodeids"] == ["t.py::test", "t.py::2"]
    assert entry["demands"] == [demand("a"), demand("b")]
    assert entry["definitions"] == {"x": 2, "y": 3}
    assert (entry["type"], entry["inputs"]) == ("Net", ["1×3"])  # the first one's
    assert (entry["onnx"], entry["memory"], entry["weights"]) == ([{"n": 1}, {"n": 2}], [5], {"error": "no"})
    assert (first["nodeids"], first["demands"], first["onnx"]) == (["t.py::test"], [demand("a")], [{"n": 1}])


def test_a_list_takes_the_place_of_an_error():
    table = SubjectTable()
    table.add(subject(memory={"error": "no"}))
    table.add(subject(memory=[1]))
    assert table.entries[0]["memory"] == [1]


def test_checks_and_panels_get_the_name_that_tells_apart():
    table = SubjectTable()
    table.add(subject(signature="1"), "linux")
    table.add(subject(signature="2"), "macos")
    table.add(subject(signature="2"), "linux")  # told by two: the first counts
    checks = [
        check(signature="2"),
        check(signature="", subject="old"),
        check(signature="gone", subject="gone"),
    ]
    panels = [panel(signature="1"), {"subject": ""}]
    table.name(checks, panels)
    assert [entry["name"] for entry in table.entries] == ["net (linux)", "net (macos)"]
    assert [entry["subject"] for entry in (*checks, *panels)] == [
        "net (macos)",
        "old",
        "gone",
        "net (linux)",
        "",
    ]
