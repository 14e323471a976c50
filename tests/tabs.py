"""Pages of a browser that are used again: to open another one costs a second of CPU, to go elsewhere in it a tenth."""

from __future__ import annotations

from collections import defaultdict
from typing import Any


class Tabs:
    """Empty pages with `messages`, what the console said and what scripts raised."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self.free: defaultdict[bool, list[Any]] = defaultdict(list)
        self.taken: list[tuple[bool, Any]] = []

    def take(
        self,
        width: int = 1280,
        height: int = 900,
        *,
        color_scheme: str = "light",
        java_script_enabled: bool = True,
    ) -> Any:
        """One that nobody has."""
        free = self.free[java_script_enabled]
        page = free.pop() if free else self._opened(java_script_enabled)
        self.taken.append((java_script_enabled, page))
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(media="null", color_scheme=color_scheme)
        page.messages = []
        return page

    def give_back(self) -> None:
        """All that were taken, as they were."""
        for scripts, page in self.taken:
            page.mouse.move(0, 0)
            page.context.clear_permissions()
            page.goto("about:blank")
            self.free[scripts].append(page)
        self.taken.clear()

    def _opened(self, scripts: bool) -> Any:
        page = self.browser.new_context(java_script_enabled=scripts).new_page()
        page.on("console", lambda message: page.messages.append(message.text))
        page.on("pageerror", lambda error: page.messages.append(str(error)))
        return page
