"""Panels: what a section looks like on the page, made of a template, or by a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from .html import asset, environment
from .script import Entry

if TYPE_CHECKING:
    from markupsafe import Markup

Functions = Callable[[], Mapping[str, Callable[..., object]]]
Given: TypeAlias = "Panel | Callable[[Any, Mapping[str, Any]], object] | str | Path"


class Panel:
    """A panel: autoescaped HTML from a section's content (`section` in the template) and the `context` around it.

    The context: `s`, the subject (its entry, with `id` and its `checks`), `thin` (how much is left out of a
    page that must stay small: 0 nothing, 1 histograms and deep rows, 2 further pictures too, 3 interactive ones too),
    `costs` (module -> MACs, where known). `style` and `script` are files in `package`, put once into the page.
    The script is an ES module that exports `mount(root)`, called with each part of the page (`script`).
    """

    def __init__(
        self,
        package: str,
        template: str,
        *,
        functions: Functions = dict,
        style: str = "",
        script: str = "",
    ) -> None:
        self.package, self.template, self.functions = package, template, functions
        self.style, self.script = style, script

    @property
    def styles(self) -> Sequence[str]:
        """The style sheet, where it has one."""
        return [asset(self.package, self.style)] if self.style else []

    @property
    def scripts(self) -> Sequence[Entry]:
        """The script's module, where it has one."""
        return [Entry(self.package, self.script)] if self.script else []

    def render(self, data: Any, context: Mapping[str, Any]) -> Markup:
        """The panel. Raises what its template or its functions raise."""
        from markupsafe import Markup

        template = environment().get_template(f"{self.package}:{self.template}")
        return Markup(template.render(section=data, **self.functions(), **context))


class TextPanel:
    """A panel from the text of a template."""

    styles: Sequence[str] = ()
    scripts: Sequence[Entry] = ()

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, data: Any, context: Mapping[str, Any]) -> Markup:
        """The panel."""
        from markupsafe import Markup

        return Markup(environment().from_string(self.text).render(section=data, **context))


class FunctionPanel:
    """A panel from `function(content, context)`: what it returns is escaped, unless it is HTML-safe markup."""

    styles: Sequence[str] = ()
    scripts: Sequence[Entry] = ()

    def __init__(self, function: Callable[[Any, Mapping[str, Any]], object]) -> None:
        self.function = function

    def render(self, data: Any, context: Mapping[str, Any]) -> Markup:
        """The panel, in a box of its own."""
        from markupsafe import Markup, escape

        return Markup("<section>{}</section>").format(escape(self.function(data, context)))


def as_panel(given: Given) -> Panel | TextPanel | FunctionPanel:
    """A panel from what a third party gives: a Jinja template as text or as a file's path, or a function."""
    if isinstance(given, Path):
        return TextPanel(given.read_text("utf-8"))
    if isinstance(given, str):
        return TextPanel(given)
    if isinstance(given, (Panel, TextPanel, FunctionPanel)):
        return given
    return FunctionPanel(given)
