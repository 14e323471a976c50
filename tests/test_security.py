"""What SECURITY.md says that the package never does, read from its source."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_modelcheck

ROOT, PACKAGE = Path(__file__).parents[1], Path(pytest_modelcheck.__file__).parent
# A module -> the files that may import it, and what for.
IMPORTS = {
    "pickle": {
        "model/apart.py",  # what a fork of this very process sends back through a pipe
        "model/state/kinds.py",  # writes, to compare; reads none
    },
    "subprocess": {"base/git.py", "base/process.py", "cli/look.py", "records/environment.py"},
    "socket": {
        "base/asking.py",  # in files, between processes of a run
        "worker/serving.py",
        "cli/looking.py",  # closes the network
        "model/state/kinds.py",  # a kind of object that a model may hold
        "checks/profiler/result.py",  # the machine's name, as torch's profiler writes it
    },
    "urllib": {"drawing/html.py", "report/addresses.py"},  # quotes
    "zipfile": {"records/load.py"},
}
NETWORK = """aiohttp asyncio ftplib http httpx huggingface_hub imaplib poplib requests smtplib ssl telnetlib urllib3
urllib.request urllib.error webbrowser websockets xmlrpc"""
CODE = "cloudpickle code dill joblib marshal runpy shelve tarfile yaml"
FORBIDDEN = {*NETWORK.split(), *CODE.split()}
# A call -> the files that may make it.
CALLS = {
    "eval": set(),
    "exec": set(),
    "compile": set(),
    "pickle.load": set(),
    "pickle.loads": {"model/apart.py"},
    "pickle.Unpickler": set(),
    "os.system": set(),
    "os.popen": set(),
    "torch.hub.load": set(),
    "torch.hub.load_state_dict_from_url": set(),
    "torch.jit.load": {"checks/explain/scripted.py"},  # from memory, what it has just written there
    "torch.package.PackageImporter": set(),
    "np.load": set(),
    "numpy.load": set(),
    "socket.create_connection": set(),
    "socket.socket": {"base/asking.py", "worker/serving.py"},
}
TEMPLATES = sorted(PACKAGE.rglob("*.j2"))


@functools.cache
def trees() -> dict[str, ast.AST]:
    return {p.relative_to(PACKAGE).as_posix(): ast.parse(p.read_text("utf-8")) for p in PACKAGE.rglob("*.py")}


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules, with all that are around them; also the names that are taken out of one."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:n]) for n in range(1, len(parts) + 1))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call, by what is called as it is written."""
    yield from ((ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call))


def keywords(call: ast.Call) -> dict[str | None, str]:
    return {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}


def found(what: str, where: dict[str, set[str]]) -> set[str]:
    return {path for path, names in where.items() if what in names}


@functools.cache  # not at the import, which every worker pays for
def all_imported() -> dict[str, set[str]]:
    return {path: set(imported(tree)) for path, tree in trees().items()}


@functools.cache
def all_calls() -> dict[str, list[tuple[str, ast.Call]]]:
    return {path: list(calls(tree)) for path, tree in trees().items()}


@pytest.mark.parametrize(("module", "where"), IMPORTS.items(), ids=IMPORTS)
def test_who_imports_what_could_do_harm(module, where):
    assert found(module, all_imported()) == where


def test_nobody_imports_what_asks_the_network_or_runs_what_it_reads():
    assert {path: names & FORBIDDEN for path, names in all_imported().items() if names & FORBIDDEN} == {}


@pytest.mark.parametrize(("call", "where"), CALLS.items(), ids=CALLS)
def test_who_calls_what_runs_what_it_is_given(call, where):
    assert found(call, {path: {name for name, _ in made} for path, made in all_calls().items()}) == where


def test_dangerous_calls_are_written_in_full():
    """So that the test above sees them: no `from pickle import loads`."""
    assert (
        set().union(*all_imported().values()) & {*CALLS, "subprocess.run", "subprocess.Popen", "torch.load"}
        == set()
    )


def test_weights_are_read_without_code_and_commands_without_a_shell():
    read = 0
    for path, (name, call) in ((path, found) for path, made in all_calls().items() for found in made):
        given, where = keywords(call), f"{path}:{call.lineno}"
        assert name != "torch.load" or given.get("weights_only") == "True", where
        assert not {"shell", "allow_pickle"} & set(given), where
        assert name.rpartition(".")[2] not in ("extractall", "unpack_archive"), where
        read += name == "torch.load"
    assert read >= 4


def test_sockets_are_files():
    made = [
        (path, call) for path, found in all_calls().items() for name, call in found if name == "socket.socket"
    ]
    assert [ast.unparse(call.args[0]) for _, call in made] == ["socket.AF_UNIX"] * 2


def test_all_templates_escape_all_but_our_own_style_and_script():
    made = [call for found in all_calls().values() for name, call in found if name.endswith("Environment")]
    assert [keywords(call)["autoescape"] for call in made] == ["True"]
    assert len(TEMPLATES) > 20
    raw = [
        f"{template.name} {line.strip()}"
        for template in TEMPLATES
        for line in re.findall(r".*(?:\bsafe\b|autoescape|Markup).*", template.read_text("utf-8"))
    ]
    assert raw == [
        "history.html.j2 <style>{{ style | safe }}",
        "page.html.j2 <style>{{ style | safe }}</style>",
        "page.html.j2 <script>{{ script | safe }}</script>",
    ]


def test_the_tests_that_keep_a_promise_are_there():
    told = [(ROOT / name).read_text("utf-8") for name in ("SECURITY.md", "docs/trust.md")]
    named = {name for text in told for name in re.findall(r"`((?:tests|\.ci|\.github)/[\w./-]+)`", text)}
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
