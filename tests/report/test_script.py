"""The linker: modules in packages become one script that does what they do, or a sentence says why not."""

from __future__ import annotations

import itertools

import pytest

from pytest_modelcheck.drawing.script import Entry, ScriptError, linked, problem

NUMBERS = itertools.count()
PAGE = """
import { double } from "./script/double.js";
export function start(mounts) { globalThis.told = mounts.map(mount => mount(double(2))); }
"""
DOUBLE = "export const FACTOR = 2;\nexport function double(n) {\n  return FACTOR * n;\n}\n"
MOUNT = "export function mount(root) { return root; }\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """`package(files)` makes a package of these files, its name in place of NAME, and returns that name."""
    monkeypatch.syspath_prepend(tmp_path)

    def package(files):
        name = f"scripts_of_another_{next(NUMBERS)}"
        for file, text in {"__init__.py": "", **files}.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("NAME", name), "utf-8")
        return name

    return package


WORKS = {
    "nothing imported": (MOUNT, 4),
    "a name over several lines, and one that is renamed": (
        'import {\n  double,\n  FACTOR as by,\n} from "./script/double.js";\n'
        "export function mount(root) { return double(root) + by; }",
        10,
    ),
    "from the top of a package": (
        'import { double } from "NAME/script/double.js";\nexport const mount = (root) => double(root);',
        8,
    ),
    "an outer folder": (
        'import { FACTOR } from "./script/../script/double.js";\n'
        "class Held { get() { return FACTOR; } }\nexport function mount() { return new Held().get(); }",
        2,
    ),
    "names of its own that others have too": (
        'import { double } from "./script/double.js";\nconst FACTOR = 50;\n'
        "export function mount(root) { return double(root) + FACTOR; }",
        58,
    ),
    "a class": ("export class Held {}\nexport function mount() { return new Held() instanceof Held; }", True),
    "a comment at the very end": (f"{MOUNT}// the end", 4),
}


@pytest.mark.browser
@pytest.mark.parametrize(("panel", "told"), WORKS.values(), ids=WORKS)
def test_modules_do_what_they_did(tab, package, panel, told):
    name = package({"page.js": PAGE, "script/double.js": DOUBLE, "panel.js": panel})
    page = tab()
    page.evaluate(linked(Entry(name, "page.js"), [Entry(name, "panel.js")]))
    assert page.evaluate("globalThis.told") == [told]


@pytest.mark.browser
def test_a_module_that_raises_costs_no_other(tab, package):
    files = {
        "raises.js": "null.x;\nexport function mount() {}",
        "needs.js": 'import { mount as other } from "./raises.js";\n'
        "const made = other.length;\nexport const mount = () => made;",
        "good.js": MOUNT,
    }
    name = package({"page.js": PAGE, "script/double.js": DOUBLE, **files})
    page = tab()
    page.evaluate(linked(Entry(name, "page.js"), [Entry(name, file) for file in files]))
    assert page.evaluate("globalThis.told") == [4]


def test_each_module_is_there_once_and_before_those_that_need_it(package):
    name = package(
        {"page.js": PAGE, "script/double.js": DOUBLE, "panel.js": PAGE.replace("start", "mount") + MOUNT}
    )
    panel = Entry(name, "panel.js")
    script = linked(Entry(f"{name}", "page.js"), [panel, panel])
    places = [script.index(f"// {name}/{file}\n") for file in ("script/double.js", "page.js", "panel.js")]
    assert places == sorted(places)
    assert script.count(f"// {name}/") == 3


REFUSED = {
    "default": ("export default function mount() {}", "panel.js:1: only `export function`"),
    "a list": ("function mount() {}\nexport { mount };", "panel.js:2: only `export function`"),
    "let": ("export let mount = 1;", "only `export function`"),
    "a default import": (
        'import x from "./double.js";',
        'only named imports are linked: import { a, b } from "',
    ),
    "a namespace": ('import * as x from "./double.js";', "only named imports"),
    "an import for its effects": ('import "./double.js";', "only named imports"),
    "indented": (
        f'{MOUNT}{{\n  import {{ a }} from "./double.js";\n}}',
        "panel.js:3: import and export stand",
    ),
    "a later import": ('const x = await import("./double.js");', "import() and import.meta"),
    "meta": ("const x = import.meta.url;", "import() and import.meta"),
    "an end": (f"{MOUNT}// </SCRIPT>", "panel.js:2: </script and <!--"),
    "no such name": (
        'import { half } from "./double.js";\n' + MOUNT,
        "double.js does not export half, which",
    ),
    "no such file": ('import { half } from "./gone.js";\n' + MOUNT, "gone.js, which"),
    "no such package": (
        'import { half } from "no_such_package/x.js";\n' + MOUNT,
        "no_such_package/x.js, which",
    ),
    "outside": ('import { half } from "../../../x.js";\n' + MOUNT, "cannot be read"),
    "no mount": ("export function start() {}", "panel.js does not export mount, which the page needs"),
    "itself": ('import { mount as a } from "./panel.js";\n' + MOUNT, "modules import each other"),
    "a name that is none": ('import { "a b" as c } from "./double.js";\n' + MOUNT, "is no name"),
}


@pytest.mark.parametrize(("panel", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_linked_is_refused_and_says_why(package, panel, reason):
    name = package({"page.js": PAGE.replace("script/", ""), "double.js": DOUBLE, "panel.js": panel})
    assert reason in problem(Entry(name, "panel.js"))
    with pytest.raises(ScriptError):
        linked(Entry(name, "page.js"), [Entry(name, "panel.js")])


def test_a_panel_whose_script_cannot_be_linked_says_so_and_costs_no_other(package, record):
    from dataclasses import replace

    from pytest_modelcheck.checks.registry import default_registry
    from pytest_modelcheck.drawing.panel import Panel
    from pytest_modelcheck.report.page import render

    name = package({"panel.html.j2": "<section>drawn</section>", "panel.js": "export default 1;"})
    registry = default_registry()
    weights = registry.sections["weights"]
    registry.sections["weights"] = replace(weights, panel=Panel(name, "panel.html.j2", script="panel.js"))
    page = render(record, registry)
    assert "<section>drawn</section>" in page
    assert "! This panel has no script: " in page
    assert "class Viewer" in page
