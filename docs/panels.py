"""Draws the pictures of the checks' pages: the panels of a report of the example project, as files of docs/panels/.

`python docs/panels.py` (a minute; needs the extra `test` and an installed Chromium). README's pictures are made smaller
beside them.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
PANELS = ROOT / "docs/panels"
SUBJECT = "SimpleConv3-4x3x48x48"
WIDTH, HIGHEST = 860, 560  # pixels of the page; what is lower is cut off
SHOWN = {  # file: tab and heading
    "complexity": ("cost", "Complexity"),
    "memory": ("time", "Peak memory"),
    "latency": ("time", "Latency"),
    "profiler": ("time", "Profile"),
    "onnx": ("graph", "ONNX"),
    "compile": ("graph", "torch.compile"),
    "outputs": ("outputs", "Drift"),
    "structure": ("graph", "Structure"),
    "weights": ("weights", "Weights"),
    "explain": ("maps", "Heatmaps"),
}
SMALLER = {"report": ".github/report.png", "cat": ".github/cat.png"}
TEST = """
import pytest
import torch


@pytest.mark.latency_budget("20 ms")
@pytest.mark.onnx_export(dynamic=({0: torch.export.Dim("batch", max=64)},), max_size="8 MB")
def test_panels(modelcheck):
    modelcheck.profile()
    modelcheck.gradcam(target=[0, 1, 2, 3], layer="relu3")
"""
TESTS = ["test_panels.py", "test_compile.py", "test_outputs.py", "test_budgets.py::test_the_trained_network"]


def report(folder: Path) -> Path:
    """The page of a run of the example project."""
    project = folder / "example_project"
    shutil.copytree(ROOT / "example_project", project)
    (project / "tests/test_panels.py").write_text(TEST, "utf-8")
    tests = [f"tests/{name}" for name in TESTS]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "--modelcheck-report", *tests]
    subprocess.run(command, cwd=project, env=environment, check=True)
    return project / "modelcheck-report/index.html"


def draw(page: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        for name, (where, heading) in SHOWN.items():
            tab.goto(f"{page.as_uri()}#{SUBJECT}/{where}")
            tab.wait_for_timeout(800)  # until it is drawn
            panel = tab.locator(
                "section:visible", has=tab.get_by_role("heading", name=heading, exact=True)
            ).last
            picture = Image.open(io.BytesIO(panel.screenshot()))
            save(picture.crop((0, 0, picture.width, min(picture.height, HIGHEST))), name)
        browser.close()


def save(picture: Image.Image, name: str) -> None:
    picture.convert("RGB").save(PANELS / f"{name}.webp", quality=80, method=6)


def main() -> None:
    PANELS.mkdir(exist_ok=True)
    for name, path in SMALLER.items():
        picture = Image.open(ROOT / path)
        picture.thumbnail((WIDTH, 10_000))
        save(picture, name)
    with tempfile.TemporaryDirectory() as folder:
        draw(report(Path(folder)))


if __name__ == "__main__":
    main()
