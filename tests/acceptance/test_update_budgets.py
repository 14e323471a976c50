"""`--modelcheck-update-budgets`, `--modelcheck-tighten-budgets`: what is written into the source, and what is not.

`Net` (conftest) has 8,928 MACs and 1,380 parameters, `of(n)` n of both. In a source, «a->b» is a where it begins, and
b when limits are written.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

HEAD = """import pytest, functools
from pytest import mark as m
from nets import Net

def _wide(n):
    from torch import nn
    return nn.Linear(n, 1, bias=False)

wide = lambda n: functools.partial(_wide, n)
of = lambda n: {"model": wide(n), "input_size": (1, n)}
net = {"model": Net, "input_size": (1, 3, 8, 8)}
flops = pytest.mark.flops_budget
"""
UPDATE, TIGHTEN = "--modelcheck-update-budgets", "--modelcheck-tighten-budgets"
CHANGE = re.compile("«(.*?)->(.*?)»", re.S)


class Suite:
    """Test files, each with what is to be in it after a run."""

    def __init__(self, project):
        self.project, self.folder = project, Path(project.pytester.path)
        self.files: dict[Path, tuple[bytes, bytes]] = {}

    def write(self, source, name="it", encode=str.encode):
        path = self.folder / f"test_{name}.py"
        before, after = (CHANGE.sub(rf"\{side}", source) for side in (1, 2))
        self.files[path] = encode(before), encode(after)
        path.write_bytes(self.files[path][0])
        return path

    def run(self, *options, **how):
        return self.project.run(*(options or (UPDATE,)), **how)

    def check(self, *, is_written=True):
        """Whether each file is as it should be."""
        there = {path: path.read_bytes() for path in self.files}
        wrong = {path: data for path, data in there.items() if data != self.files[path][is_written]}
        told = {path.stem: data.splitlines() for path, data in wrong.items()}
        assert told == {path.stem: self.files[path][is_written].splitlines() for path in wrong}


@pytest.fixture
def suite(project):
    return Suite(project)


AS_WRITTEN = [  # a decorator's first line; a comment follows, and then the subject
    'flops_budget(«"1.0 kFLOPs"->"17.86 kFLOPs"»,',
    "flops_budget(«'1 kMACs'->'8.928 kMACs'»,",
    'flops_budget(«" 1.00000kMACs"->" 8.92800kMACs"»,',
    "flops_budget(«10->17856» ,",
    "flops_budget(«1_000->17_856»,",
    "flops_budget(«1e3->1.786e4»,",
    'flops_budget(«"1,000 FLOPs"->"17,856 FLOPs"»,',
    "params_budget((«1->1380»),",
    'params_budget( max = «"+1 k"->"+1.38 k"»,',
    'params_budget(max=«None->"1.38 k"»,',
    'params_budget(min=«"2 k"->"1.38 k"»,',
    "params_budget(min=«'2.000 k'->'1.380 k'», max='2 k',",
]


def test_as_it_was_written(suite):
    """Unit, digits, blanks, quotes, comments; each figure passes, and the second run writes nothing."""
    tests = [f"@m.{mark}  # why\n  **net)\ndef test_{i}(): ...\n" for i, mark in enumerate(AS_WRITTEN)]
    suite.write(HEAD + "".join(tests))
    result = suite.run()
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [f"{len(AS_WRITTEN)} limits written, *", '*flops_budget max *"1.0 kFLOPs" -> "17.86 kFLOPs"']
    )
    suite.check()
    again = suite.run()
    assert again.ret == 0
    again.stdout.fnmatch_lines(["no limit to write"])
    suite.check()


K = '«"1 kFLOPs"->"17.86 kFLOPs"»'
SITES = {
    "function": f"@flops({K}, **net)\ndef test(): ...",
    "bare": '@flops«->("17.86 kFLOPs")»\n@m.modelcheck(**net)\ndef test(): ...',
    "bare_alias_on_several": (
        '@m.modelcheck(**of(30))\nclass Test:\n    @flops«->("60 FLOPs")»\n    def test_a(self): ...\n'
        '    @m.modelcheck(**of(40))\n    @flops«->("80 FLOPs")»\n    def test_b(self): ...'
    ),
    "attribute": f"@pytest.mark.flops_budget(max={K}, **net)\ndef test(): ...",
    "begun_before": f'warn = m.flops_budget(level="warn", **net)\n@warn({K})\ndef test(): ...',
    "module": f"pytestmark = [m.modelcheck(**net), flops({K})]\ndef test(): ...",
    "module_one": f"pytestmark = flops({K}, **net)\ndef test(): ...",
    "module_added_up": f"pytestmark = [m.modelcheck(**net)]\npytestmark += [flops({K})]\ndef test(): ...",
    "class": f"@flops({K}, **net)\nclass Test:\n    def test(self): ...",
    "class_pytestmark": (
        f"class Test:\n    pytestmark = [m.modelcheck(**net), flops({K})]\n    def test(self): ..."
    ),
    "inner_class_alias_of_its_own": (
        f"class Test:\n  class Test:\n    mine = flops\n    @mine({K}, **net)\n    def test(self): ..."
    ),
    "defined_twice": (
        '@flops("9 kFLOPs", **net)\nclass Test:\n    def test(self): ...\n'
        f"@flops({K}, **net)\nclass Test:\n    def test(self): ..."
    ),
    "made_by_a_function": (
        'def made(n):\n    @flops(«"1 FLOPs"->"100 FLOPs"», **of(n))\n    def test(): ...\n    return test\n'
        "test_a, test_b = made(30), made(50)"
    ),
    "inherited_largest": (
        '@flops(«"1 FLOPs"->"100 FLOPs"»)\nclass Base:\n    def test(self): ...\n'
        "@m.modelcheck(**of(30))\nclass TestA(Base): ...\n@m.modelcheck(**of(50))\nclass TestB(Base): ..."
    ),
    "inherited_smallest": (
        "@m.params_budget(min=«90->30»)\nclass Base:\n    def test(self): ...\n"
        "@m.modelcheck(**of(30))\nclass TestA(Base): ...\n@m.modelcheck(**of(50))\nclass TestB(Base): ..."
    ),
    "unittest": (
        f"import unittest\nclass Test(unittest.TestCase):\n    @flops({K}, **net)\n    def test(self): ..."
    ),
    "parametrised_largest": (
        '@m.params_budget(«3->7»)\n@m.parametrize("model", [wide(5), wide(7)])\n'
        "@m.modelcheck(inputs=lambda: __import__('torch').ones(1, 7), model=wide(7))\ndef test(model): ..."
    ),
    "param": (
        '@m.modelcheck(**of(30))\n@m.parametrize("n", [1, pytest.param(2, marks='
        '[m.filterwarnings("ignore"), flops(«"1 FLOPs"->"60 FLOPs"»)])])\ndef test(n): ...'
    ),
    "param_in_a_list_of_its_own": (
        'CASES = [pytest.param(2, marks=flops(«"1 FLOPs"->"60 FLOPs"»), id="a"), 1]\n@m.modelcheck(**of(30))\n'
        '@m.parametrize("n", CASES)\nclass Test:\n    def test(self, n): ...'
    ),
    "param_of_each": (
        '@m.modelcheck(**of(30))\n@m.parametrize("n", [pytest.param(n, marks='
        'flops(«"1 FLOPs"->"60 FLOPs"»)) for n in (1, 2)])\ndef test(n): ...'
    ),
    "several_on_one_line": (
        f"pytestmark = [m.modelcheck(**net), flops({K}), m.params_budget(«1->1380»), "
        'flops(«"2 kFLOPs"->"20.16 kFLOPs"», phase="backward")]\ndef test(): ...'
    ),
    "wrapped": (
        "def other(f):\n    @functools.wraps(f)\n    def inner(): return f()\n    return inner\n"
        f"@flops({K}, **net)\n@other\n@m.params_budget(«1->1380», **net)\ndef test(): ..."
    ),
    "twice": f'@flops("20 kFLOPs", **net)\n@flops({K}, **net)\n@flops("21 kFLOPs", **net)\ndef test(): ...',
    "leading": (
        '@m.operator_budget("aten::conv2d", «0->1», **net)\n@m.operator_budget("aten::linear", «->1, »**net)\n'
        '@m.operator_budget(operator="aten::relu",\n    model=Net,\n    input_size=(1, 3, 8, 8),\n«->    max=1,\n»)\n'
        "def test(): ..."
    ),
    "keywords": (
        "@m.compile_budget(model=Net,\n    input_size=(1, 3, 8, 8)«->, graph_breaks=0, recompiles=0»)\n"
        "def test(): ..."
    ),
    "first": "@m.params_budget(  # why\n    «->'1.38 k', »level='warn', **net)\ndef test(): ...".replace(
        "'", '"'
    ),
    "closer_one": (  # which the class's limit does not serve
        '@m.modelcheck(**of(30))\n@flops(«"1 FLOPs"->"60 FLOPs"»)\nclass Test:\n    def test_a(self): ...\n'
        '    @flops("90 FLOPs")\n    @m.skip\n    def test_b(self): ...'
    ),
    "comments_stay": (
        '@m.operator_budget(\n    "aten::conv2d",  # a\n«->    1,\n»)\n@m.operator_budget("aten::linear",  # b\n'
        '    «->1, »level="fail")\n@m.operator_budget(\n    level="fail",  # c\n    operator="aten::relu",  # d\n'
        '    # e\n«->    max=1,\n»)\n@flops(\n    # f\n«->    "17.86 kFLOPs"\n»)\n@m.modelcheck(**net)\n'
        "@m.params_budget(\n    max=(  # g\n        «1->1380»\n    ),\n)\ndef test(): ..."
    ),
    "lists_in_lists": (
        'CASES = [pytest.param(1, marks=flops(«"1 FLOPs"->"60 FLOPs"»))]\nCOMMON = [m.modelcheck(**of(30))]\n'
        'pytestmark = [*COMMON]\n@m.parametrize("n", [*CASES, pytest.param(2, marks=[*COMMON, '
        "m.params_budget(«1->30»)])])\ndef test(n): ...\n"
        '@m.parametrize("n", CASES + [pytest.param(3, marks=m.params_budget(«2->30»))])\ndef test_b(n): ...'
    ),
    "marks_of_a_base": (
        'class Base:\n    pytestmark = [m.modelcheck(**of(30)), flops(«"1 FLOPs"->"60 FLOPs"»)]\n'
        "class Test(Base):\n    pytestmark = Base.pytestmark + [m.params_budget(«1->30»)]\n    def test(self): ..."
    ),
    "values_of_fixtures": (
        '@pytest.fixture(params=[1, pytest.param(2, marks=flops(«"1 FLOPs"->"60 FLOPs"»))])\n'
        "def first(request): ...\n@pytest.fixture\ndef second(first): ...\nclass Test:\n"
        "    @pytest.fixture(autouse=True, params=[pytest.param(n, marks=m.params_budget(«1->30»)) for n in [1]])\n"
        "    def third(self): ...\n    @m.modelcheck(**of(30))\n    def test(self, second): ..."
    ),
    "last_line": f"@flops({K}, **net)\ndef test():\n\tpass",
}


def test_wherever_it_stands(suite):
    for name, source in SITES.items():
        suite.write(HEAD + source, name)
    result = suite.run()
    suite.check()
    assert "left alone" not in result.stdout.str()


HELPERS = """
def helper(n): return flops('1 FLOPs', **of(n))
def two(test): return helper(20)(helper(10)(test))
@flops(«"1 FLOPs"->"60 FLOPs"», **of(30))
@helper(50)
def test_a(): ...
@helper(50)
@flops(«"1 FLOPs"->"60 FLOPs"», **of(30))
def test_b(): ...
@two
@flops("1 FLOPs", **of(30))
def test_c(): ...
"""


def test_equal_limits_of_functions_beside_it(suite):
    """Which decorator made which is told by their order; where it may have been either, nothing is written."""
    suite.write(HEAD + HELPERS)
    result = suite.run()
    suite.check()
    result.stdout.fnmatch_lines(["2 limits written, *", "3 limits left alone:"])


FILES = {
    "latin": ("# -*- coding: latin-1 -*-\n# é\n", lambda text: text.encode("latin-1")),
    "mark": ("", lambda text: b"\xef\xbb\xbf" + text.encode()),
    "windows": ("# é\n", lambda text: text.replace("\n", "\r\n").encode()),
    "mixed": ("# é\r\n", lambda text: text.replace("\nwide", "\r\nwide").encode()),
    "tabs": ("class Other:\n\tdef f(self):\n\t\treturn 1\x0c\n\n", str.encode),
}


def test_a_file_stays_what_it_is(suite):
    modes = {}
    for name, (more, encode) in FILES.items():
        path = suite.write(
            f"{more}{HEAD}é = 1; @flops".replace(
                "é = 1; @flops", f"\n@flops({K}, **net)  # 'é'\ndef test(): ..."
            ),
            name,
            encode,
        )
        path.chmod(0o640)
        modes[path] = 0o640
    suite.run()
    suite.check()
    assert {path: path.stat().st_mode & 0o777 for path in modes} == modes
    assert not list(suite.folder.glob(".*.tmp"))


LEFT = {
    "variable": (
        'LIMIT = "1 kFLOPs"\n@flops(LIMIT, **net)\ndef test(): ...',
        "the limit is held in a variable",
    ),
    "sum": ("@flops(10 * 100, **net)\ndef test(): ...", "the limit is built by an expression"),
    "format": ("@flops(f'{1} kFLOPs', **net)\ndef test(): ...", "the limit is built by an expression"),
    "joined": ("@flops('1 ' 'kFLOPs', **net)\ndef test(): ...", "the limit is built by an expression"),
    "escaped": ("@flops('1\\x20kFLOPs', **net)\ndef test(): ...", "the limit is built by an expression"),
    "starred": ("all = {'max': '1 kFLOPs', **net}\n@flops(**all)\ndef test(): ...", "built by an expression"),
    "arguments": ("all = ['1 kFLOPs']\n@flops(*all, **net)\ndef test(): ...", "built by an expression"),
    "begun": ("small = flops('1 kFLOPs')\n@small(**net)\ndef test(): ...", "built by an expression"),
    "marker": ("small = flops('1 kFLOPs', **net)\n@small\ndef test(): ...", "the marker is not written out"),
    "helper": (
        "def budget(limit): return flops(limit, **net)\n@budget(limit='1 kFLOPs',  # why\n)\ndef test(): ...",
        "the marker is not written out",
    ),
    "expected": ("@m.xfail\n@flops('1 kFLOPs', **net)\ndef test(): ...", "is expected to fail"),
    "unittest": (
        "import unittest\nclass Test(unittest.TestCase):\n  @unittest.expectedFailure\n"
        "  @flops('1 kFLOPs', **net)\n  def test(self): ...",
        "is expected to fail",
    ),
    "body": ("@flops('1 kFLOPs', **net)\ndef test(): assert 0", "failed otherwise"),
    "unittest_body": (
        "import unittest\nclass Test(unittest.TestCase):\n  @flops('1 kFLOPs', **net)\n"
        "  def test(self): self.assertTrue(0)",
        "failed otherwise",
    ),
    "plugin": (  # which has a marker of a variable: not the one that stands elsewhere
        "SAME = flops('1 kFLOPs', **net)\n@pytest.fixture\ndef late(request): request.applymarker(SAME)\n"
        "@m.parametrize('n', [1, pytest.param(2, marks=m.macs_budget('9 kMACs', **net))])\n"
        "def test(n, late): ...",
        "the marker is not written out",
    ),
    "teardown": (
        "@pytest.fixture\ndef late():\n    yield\n    assert 0\n@flops('1 kFLOPs', **net)\ndef test(late): ...",
        "failed otherwise",
    ),
    "error": (
        "@flops('1 kFLOPs', **net)\n@m.params_budget(1, model='nets:missing')\ndef test(): ...",
        "has an error: parameters",
    ),
    "skipped": (
        "@flops('1 kFLOPs', **net)\nclass Test:\n  def test_a(self): ...\n  @m.skip\n  def test_b(self): ...",
        "test_b was skipped",
    ),
    "blank_and_skipped": (
        "@flops(**net)\nclass Test:\n  def test_a(self): ...\n  def test_b(self): pytest.skip()",
        "test_b was skipped",
    ),
    "one_fails": (
        "@flops('1 kFLOPs', **net)\n@m.parametrize('n', [1, 2])\ndef test(n): assert n == 1",
        "test[2] failed otherwise",
    ),
    "changed": (
        "@flops('1 kFLOPs', **net)\ndef test():\n  with open(__file__, 'a') as file: file.write('# more')",
        "its file has changed",
    ),
    "fixture": (
        "@pytest.fixture\ndef late(request): request.applymarker(flops(1000 + 0, **net))\ndef test(late): ...",
        "the limit is built by an expression",
    ),
    "readonly": ("@flops('1 kFLOPs', **net)\ndef test(): ...", "its file is read-only"),
    "link": ("@flops('1 kFLOPs', **net)\ndef test(): ...", "its file is a link"),
}


def test_what_is_left_alone_is_told(suite, tmp_path_factory):
    """With place, figure and reason."""
    paths = {name: suite.write(HEAD + source, name) for name, (source, _) in LEFT.items()}
    paths["readonly"].chmod(0o444)
    elsewhere = suite.folder / "real.txt"
    paths["link"].rename(elsewhere)
    paths["link"].symlink_to(elsewhere)
    result = suite.run()
    changed = paths["changed"]
    suite.files[changed] = (suite.files[changed][0] + b"# more", b"")
    suite.check(is_written=False)
    text = result.stdout.str()
    for name, (_, reason) in LEFT.items():
        told = rf"  test_{name}.py:\d+  flops_budget max \(would be 17.86 kFLOPs\): .*{re.escape(reason)}"
        assert re.search(told, text), name
    assert " written, " not in text


CHOSEN = """
@flops(«"1 kFLOPs"->"17.86 kFLOPs"», **net)
def test_first(): ...

@flops("1 kFLOPs", **net)
class Test:
    @m.params_budget(«1->1380», **net)
    def test_a(self): ...
    def test_b(self): ...
"""


@pytest.mark.parametrize(
    "options",
    [
        ("-k", "first or test_a"),
        ("--deselect", "test_it.py::Test::test_b"),
        ("test_it.py::test_first", "test_it.py::Test::test_a"),
    ],
)
def test_tests_that_were_not_chosen(suite, options):
    suite.write(HEAD + CHOSEN)
    result = suite.run(*options, UPDATE)
    suite.check()
    result.stdout.fnmatch_lines(["1 limit left alone:", "*test_it.py::Test::test_b was not run"])


def test_a_class_that_was_not_chosen(suite):
    source = "@flops('1 FLOPs')\nclass Base:\n  def test(self): ...\n"
    source += "".join(f"@m.modelcheck(**of({n}))\nclass Test{n}(Base): ...\n" for n in (30, 50))
    suite.write(HEAD + source)
    suite.run("test_it.py::Test30", UPDATE).stdout.fnmatch_lines(["*test_it.py::Test50::test was not run"])
    suite.check(is_written=False)


def test_stopped(suite):
    """At the first failure, by an interrupt, and by a file that cannot be collected."""
    suite.write(HEAD + CHOSEN.replace("«1->1380»", "1"))
    suite.run("-x", UPDATE)
    suite.check()
    stops = {
        "interrupt": "import pytest\ndef test_z(): pytest.exit('enough', 1)",
        "broken": "import missing_module",
    }
    for name, source in stops.items():
        suite.write(HEAD + CHOSEN)
        more = suite.write(source, f"z_{name}")
        result = suite.run()
        suite.check(is_written=False)
        result.stdout.fnmatch_lines(["modelcheck: no limit was written: the run did not come to its end"])
        more.unlink()
        del suite.files[more]


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "1"])
def test_stopped_at_the_first_failure(suite, workers):
    """What ran by then is written, under xdist too, which calls that an interrupt."""
    suite.write(HEAD + CHOSEN.replace("«1->1380»", "1"))
    suite.run("-x", f"-n{workers}", "--modelcheck-report", UPDATE, subprocess=True)
    suite.check()
    assert not suite.project.record()["run"]["interrupted"]


def test_stopped_while_it_writes(suite, monkeypatch):
    """What was written by then is told, and so is the rest; no file is left in between."""

    def replace(new, path, known=os.replace):
        if path.name == "test_b.py":
            raise KeyboardInterrupt
        known(new, path)

    suite.write(HEAD + BLANK, "a")
    for name in "bc":
        suite.write(HEAD + BLANK.replace('"1.38 k", ', ""), name)
    monkeypatch.setattr("pytest_modelcheck.updating.write.os.replace", replace)
    result = suite.run()
    result.stdout.fnmatch_lines(
        ["1 limit written, *", "2 limits left alone:", *["*: writing was interrupted"] * 2]
    )
    suite.check()
    assert not list(suite.folder.glob(".*.tmp"))


SHARED = """
from nets import Net
from pytest import mark as m
@m.flops_budget(«1_000->17_856», model=Net, input_size=(1, 3, 8, 8))
class Base:
    def test(self): ...
"""
HOOK = """
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.params_budget(«"1 k"->"1.38 k"», model=Net, input_size=(1, 3, 8, 8)))
"""


def test_what_other_files_may_share_needs_them_all(suite):
    suite.write("from shared import Base\nclass TestA(Base): ...\n", "a")
    suite.write("from shared import Base\nclass TestB(Base): ...\n", "b")
    project = suite.project.conftest(CHANGE.sub(r"\1", HOOK))
    project.pytester.makepyfile(shared=CHANGE.sub(r"\1", SHARED))
    files = {"shared": suite.folder / "shared.py", "conftest": suite.folder / "conftest.py"}
    before = {name: path.read_text() for name, path in files.items()}
    told = suite.run("test_a.py", UPDATE).stdout
    told.fnmatch_lines(
        ["2 limits left alone:", "*tests of files that were not collected may have the marker*"]
    )
    assert {name: path.read_text() for name, path in files.items()} == before
    suite.run(".", UPDATE).stdout.fnmatch_lines(["2 limits written, *"])
    assert "17_856" in files["shared"].read_text()
    assert '"1.38 k"' in files["conftest"].read_text()


BOTH = "from shared import Base\n@m.modelcheck(**of({}))\nclass Test{}(Base): ...\n"


@pytest.fixture
def folders(suite):
    """A base class, of which tests in two folders inherit."""
    path = suite.folder / "shared.py"
    path.write_text(
        "from pytest import mark as m\n@m.flops_budget(1)\nclass Base:\n    def test(self): ...\n"
    )
    for name, size in (("a", 30), ("b", 50)):
        (suite.folder / name).mkdir()
        suite.write(HEAD + BOTH.format(size, name), "it").rename(suite.folder / name / f"test_{name}.py")
    suite.files.clear()
    return path


def test_a_run_of_one_folder_is_no_whole_one(suite, folders, monkeypatch):
    monkeypatch.chdir(suite.folder / "a")
    suite.run(UPDATE, f"--rootdir={suite.folder}").stdout.fnmatch_lines(
        ["*that were not collected may have*"]
    )
    assert "flops_budget(1)" in folders.read_text()


def test_a_folder_is_not_all_that_imports_from_it(suite, folders):
    """Of what lies in the one that was run, tests of another one may have the markers, too."""
    shared = folders.rename(suite.folder / "a" / "shared.py")
    suite.project.pytester.syspathinsert(shared.parent)
    suite.run("a", UPDATE).stdout.fnmatch_lines(["*that were not collected may have*"])
    assert "flops_budget(1)" in shared.read_text()
    (suite.folder / "b" / "test_b.py").unlink()
    suite.run("a", UPDATE).stdout.fnmatch_lines(["1 limit written, *"])
    assert "flops_budget(60)" in shared.read_text()


def test_a_linked_folder_is_the_one_it_leads_to(suite, folders):
    """Tests that are collected twice have one marker."""
    (suite.folder / "again").symlink_to("a")
    result = suite.run(".", UPDATE, "--import-mode=importlib")
    result.stdout.fnmatch_lines(["1 limit written, *", "*shared.py:2*"])
    suite.write(HEAD + "@flops(«1->17856», **net)\ndef test(): ...").rename(suite.folder / "a" / "test_it.py")
    result = suite.run("a/test_it.py", "again/test_it.py", UPDATE, "--import-mode=importlib")
    assert "left alone" not in result.stdout.str()
    assert "flops(17856" in (suite.folder / "a" / "test_it.py").read_text()


def test_a_test_file_that_another_one_imports(suite):
    """Whose tests may have its markers, too: that is seen in the import."""
    suite.write("from test_base import Base\nclass TestB(Base): ...", "b")
    base = suite.write(
        HEAD + f"@flops({K}, **net)\nclass Base:\n  def test(self): ...\nclass TestA(Base): ...", "base"
    )
    suite.run("test_base.py", UPDATE).stdout.fnmatch_lines(["*that were not collected may have*"])
    assert base.read_bytes() == suite.files[base][0]
    suite.run("test_base.py", "test_b.py", UPDATE).stdout.fnmatch_lines(["1 limit written, *"])
    suite.check()


def test_installed_packages_are_never_written(suite, folders, monkeypatch):
    """Of an environment below the root directory, too."""
    installed = suite.folder / ".venv" / "site-packages"
    installed.mkdir(parents=True)
    folders.rename(installed / "shared.py")
    monkeypatch.syspath_prepend(installed)
    suite.run(".", UPDATE).stdout.fnmatch_lines(["*its file belongs to an installed package"])
    assert "flops_budget(1)" in (installed / "shared.py").read_text()


RATCHET = """
@flops(«"20.00 kFLOPs"->"17.86 kFLOPs"», min="1 kFLOPs", **net)
@m.params_budget(1_380, **net)
@m.macs_budget("8.928 kMACs", **net)
def test(): ...

@flops("1 GFLOPs", **net)
class Test:
    def test_a(self): ...
    @m.skip
    def test_b(self): ...
"""


def test_tightened(suite):
    """What has room to spare is lowered; lower limits of costs stay, and so does what is tight already."""
    suite.write(HEAD + RATCHET)
    suite.run(UPDATE).stdout.fnmatch_lines(["no limit to write"])
    result = suite.run(TIGHTEN)
    assert result.ret == 0
    suite.check()
    result.stdout.fnmatch_lines(["1 limit written, *", "1 limit left alone:", "*test_b was skipped"])


NOISY = """
from pytest_modelcheck import Budget, Measurement, Metric
from pytest_modelcheck.verdict.units import RATIO, SECONDS

def pytest_modelcheck_register(registry):
    for name, unit, more, found in (
        ("time", SECONDS, "worse", Measurement(1.0, (0.9, 1.1))),
        ("endless", SECONDS, "worse", Measurement(1.0, (0.9, float("inf")))),
        ("share", RATIO, "better", Measurement(0.5)),
        ("unsteady", SECONDS, "worse", Measurement(1, varies=True)),
    ):
        metric = Metric(name, unit, nature="figure", more=more)
        read = lambda _, found=found: found
        registry.add(Budget(f"{name}_budget", metric, None, "Some.", lambda subject: None, read))
"""
MEASURED = """
@m.time_budget(«->"1.21 s", »**net)
@m.time_budget(«"800 ms"->"1210 ms"», **net)
@m.time_budget(min=«2.0->0.81», **net)
@m.share_budget(min=«"80%"->"45%"», **net)
@m.unsteady_budget(«0.5->1.1», **net)
def test(): ...

@m.endless_budget(0.5, **net)
def test_endless(): ...
"""
ROOM = """
@m.time_budget(«1.4->1.21», **net)
@m.time_budget(1.3, **net)
@m.share_budget(min=«0.3->0.45», **net)
@m.share_budget(min=0.42, **net)
def test(): ...
"""


@pytest.mark.parametrize(("source", "option"), [(MEASURED, UPDATE), (ROOM, TIGHTEN)])
def test_what_is_measured_gets_its_interval_and_a_margin(suite, source, option):
    """And is lowered only where that is more than the margin: what differs from run to run is no room."""
    suite.project.conftest(NOISY)
    suite.write(HEAD + source)
    result = suite.run(option)
    suite.check()
    if source is MEASURED:
        result.stdout.fnmatch_lines(["*endless_budget max: there is no figure, or its interval has no end"])
    assert "written" not in suite.run(option).stdout.str()


def test_another_margin(suite):
    suite.project.conftest(NOISY)
    suite.write(
        HEAD + '@m.time_budget(«->"2.2 s", »**net)\n@m.params_budget(«->"1.38 k", »**net)\ndef test(): ...'
    )
    assert suite.run(UPDATE, "--modelcheck-margin=100%").ret == 0
    suite.check()


EVERY = """
@m.modelcheck(**net)
@m.latency_budget(«1e-9->»)
@m.peak_memory_budget(«->"8.391 KiB"»)
@m.memory_access_budget«->("10.66 KiB")»
@m.activations_budget(«"0.10 k"->"0.292 k"»)
@m.onnx_export(max_size=«"1 kB"->»)
@m.compile_budget(graph_breaks=0, graphs=«0->1»)
@m.operator_budget("aten::*", «1->»)
@m.invariance_budget("translation", target=0, max_feature_shift=«"0.01 %"->», min_probability=«1.0->»)
@m.drift_budget(«"0.00001 %"->», against="bfloat16", min_agreement=1.0)
def test(): ...
"""


def test_every_budget(suite):
    """Each figure of ours, in the registry's own words; the next run passes."""
    path = suite.write(HEAD + EVERY)
    suite.run("-p", "no:terminal", UPDATE)
    written = [line for line in path.read_text().splitlines() if line.startswith("@m.")]
    before = [line for line in suite.files[path][0].decode().splitlines() if line.startswith("@m.")]
    assert [old for old, new in zip(before, written, strict=True) if old == new] == ["@m.modelcheck(**net)"]
    for _, after in CHANGE.findall(EVERY):
        assert after in path.read_text()
    assert suite.run("--modelcheck-only=memory,complexity,profiler,export,explain").ret == 0


WORKERS = """
@m.params_budget(«1->50»)
class Base:
    def test(self): ...
@m.modelcheck(**of(30))
class TestA(Base): ...
@m.modelcheck(**of(50))
class TestB(Base): ...
"""


def test_under_xdist(suite):
    """All workers tell what they measured, and one process writes."""
    suite.write(HEAD + WORKERS)
    suite.run("-n2", "-p", "no:nbmake", "-p", "no:syrupy", UPDATE).stdout.fnmatch_lines(
        ["1 limit written, *"]
    )
    suite.check()


BLANK = '@m.params_budget(«->"1.38 k", »**net)\ndef test(): ...'


def test_a_marker_without_a_limit_is_allowed_where_it_is_written(suite):
    suite.write(HEAD + BLANK)
    result = suite.run("-v")
    assert result.ret == 2
    result.stdout.fnmatch_lines(
        ["*test_it.py:13: params_budget: no limit; give one*, or have it written: *" + UPDATE + "*"]
    )
    result = suite.run(UPDATE, "-v", "--modelcheck-report")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*<= to be written*pass*", '  test_it.py:13  params_budget max  none -> "1.38 k"']
    )
    suite.check()
    assert suite.run(TIGHTEN).ret == 0
    suite.check()


def test_in_the_job_summary(suite, monkeypatch, tmp_path):
    summary = tmp_path / "summary.md"
    for name, value in {
        "ACTIONS": "true",
        "STEP_SUMMARY": str(summary),
        "WORKSPACE": str(suite.folder),
    }.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    suite.write(HEAD + BLANK + "\nA = 1\n@m.params_budget(A, **net)\ndef test_b(): ...")
    suite.run()
    text = summary.read_text()
    assert '| `test_it.py:13` | `params_budget max` | `none` | `"1.38 k"` |' in text
    assert "| `test_it.py:16` | `params_budget max` | 1.38 k | the limit is held in a variable |" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--modelcheck-base=HEAD"], "--modelcheck-base do not go together"),
        (["--modelcheck-base-report=x.json"], "--modelcheck-base-report do not go together"),
        (
            ["--modelcheck-margin=ten"],
            "--modelcheck-margin=ten: 'ten' is not an amount; write for example 10%",
        ),
        (["missing"], 'pip install "pytest-modelcheck[[]update[]]"'),
    ],
)
def test_refused(suite, monkeypatch, options, words):
    """With exit status 4, before anything runs."""
    if options == ["missing"]:
        options = []
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    suite.write(HEAD + BLANK)
    result = suite.run(TIGHTEN, *options)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*{words}*"])
    suite.check(is_written=False)


def test_what_was_left_out_is_not_told(suite):
    suite.write(HEAD + "@m.macs_budget(**net)\n@flops(1, **net)\n" + BLANK)
    suite.run(UPDATE, "--modelcheck-only=params").stdout.fnmatch_lines(["1 limit written, *"])
    suite.check()
