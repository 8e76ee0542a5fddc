"""Every explorer of every lesson in a real browser: a moved control changes the picture, without an error anywhere.

JupyterLab is what `make lab` starts, on a copy of the notebooks. Of each lesson the bootstrap cell and the explorer
cells run. MMSNET_SCREENSHOTS names a folder for pictures of each explorer at both widths.
"""

import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from lab import TOKEN, ask, clean_environment, served
from lessons import FOLDER, LESSONS, named, read
from playwright.sync_api import TimeoutError as NothingSeen
from playwright.sync_api import sync_playwright

ROOT = FOLDER.parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
OFFLINE = ("quic", "background-networking", "component-update", "sync", "gpu")  # a test asks our server alone
WIDTHS = (1280, 800)  # pixels
PATIENCE = 120  # seconds, for a cell or a drawing that trains a small network on a busy machine
ERRORS = "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"

# The picture below the controls once it differs from `before`, or the error that stands in its place.
REDRAWN = """([cell, before]) => {
    const error = cell.querySelector('.widget-html pre'), picture = cell.querySelector('.widget-html img');
    return error ? error.innerText : picture?.complete && picture.src != before && picture.src;
}"""
# Pictures that did not load, and pictures and words that reach beyond a box that cuts off what reaches beyond it.
CUT_OFF = """cell => [...cell.querySelectorAll('.jp-OutputArea img, .widget-label, .widget-readout')].filter(shown => {
    if (shown.naturalWidth === 0 || shown.scrollWidth > shown.clientWidth) return true;
    for (let box = shown.parentElement; box != cell; box = box.parentElement)
        if (getComputedStyle(box).overflowX != 'visible'
            && shown.getBoundingClientRect().right > box.getBoundingClientRect().right + 1) return true;
}).map(shown => shown.innerText || shown.alt)"""


def chromium():
    """The browser; without one the test is skipped, or fails where MMSNET_BROWSER_REQUIRED is set."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        refuse = pytest.fail if os.environ.get("MMSNET_BROWSER_REQUIRED") else pytest.skip
        refuse("no Chromium on the PATH: install it (`apt-get install chromium` on Debian), then run the test again")
    return found


class Lesson:
    """A notebook open in JupyterLab, and the errors that its console has shown."""

    def __init__(self, browser, url, path):
        self.ids = [cell.id for cell in read(path).cells]
        self.page = browser.new_page(viewport={"width": WIDTHS[0], "height": 1400})
        self.complaints = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        self.page.goto(f"{url}/lab/tree/notebooks/{path.name}?reset&token={TOKEN}")
        self.page.get_by_text("| Idle").wait_for(timeout=PATIENCE * 1000)

    def run(self, number):
        """Run a cell as a reader does, with Shift+Enter; returns its place on the page."""
        cell = self.page.locator(".jp-Notebook .jp-Cell").nth(number)
        cell.locator(".cm-content").focus()
        self.page.keyboard.press("Shift+Enter")
        return cell


def move(lesson, cell, slider, before, patience):
    """Move a slider by one position; returns the picture that this draws, and its failure is an AssertionError."""
    slider.focus()
    at_the_end = slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
    lesson.page.keyboard.press("ArrowLeft" if at_the_end else "ArrowRight")
    arguments = [cell.element_handle(), before]
    try:
        drawn = lesson.page.wait_for_function(REDRAWN, arg=arguments, timeout=patience * 1000).json_value()
    except NothingSeen:
        raise AssertionError(f"the picture is the same after {patience} s") from None
    assert drawn.startswith("data:image/png;base64,"), drawn
    return drawn


def check_explorer(lesson, cell_id, screenshots, patience=PATIENCE):
    """Run an explorer's cell, move each of its controls, look at it at each width."""
    cell = lesson.run(lesson.ids.index(cell_id))
    sliders = cell.get_by_role("slider")
    sliders.or_(cell.locator(ERRORS)).first.wait_for(timeout=PATIENCE * 1000)
    assert cell.locator(ERRORS).all_inner_texts() == []
    picture = cell.locator(".jp-RenderedImage img").evaluate("picture => picture.src")
    moved = 0
    while moved < sliders.count():  # the later ones may still be on their way at first
        picture = move(lesson, cell, sliders.nth(moved), picture, patience)
        moved += 1
    for width in WIDTHS:
        lesson.page.set_viewport_size({"width": width, "height": 1400})
        cell.evaluate("cell => cell.scrollIntoView()")
        lesson.page.screenshot(path=screenshots / f"{cell_id}-{width}.png")
        assert cell.evaluate(CUT_OFF) == [], f"cut off at {width} px"
    lesson.page.set_viewport_size({"width": WIDTHS[0], "height": 1400})
    assert cell.locator(ERRORS).all_inner_texts() == []
    assert lesson.complaints == []


@pytest.fixture(scope="module")
def browser():
    """One headless Chromium with a fresh profile. It ends with this module: its event loop would disturb others."""
    flags = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in OFFLINE)]
    path = chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=flags)
        yield started
        started.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory, browser):
    """A folder where `make lab` finds the course installed, and the address of its server."""
    folder = tmp_path_factory.mktemp("lab")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(FOLDER, folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (folder / ".venv/.installed-lab").touch()
    environment = {name: value for name, value in clean_environment().items() if name != "MMSNET_STATIC"}
    environment |= {"OMP_NUM_THREADS": "1", "JUPYTER_CONFIG_DIR": str(folder / "config")}  # a new user's settings
    with served(folder, folder / "make-lab.log", environment=environment) as url:
        yield folder, url


@contextmanager
def opened(browser, url, path):
    """A `Lesson` whose bootstrap cell has run; in the end its kernel is shut down."""
    lesson = Lesson(browser, url, path)
    try:
        lesson.run(1)
        yield lesson
    finally:
        lesson.page.close()
        for session in ask(f"{url}/api/sessions"):
            ask(f"{url}/api/sessions/{session['id']}", method="DELETE")


@pytest.mark.slow
@pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])
def test_a_moved_control_changes_the_picture(browser, lab, path, tmp_path):
    screenshots = Path(os.environ.get("MMSNET_SCREENSHOTS", tmp_path)) / path.stem
    screenshots.mkdir(parents=True, exist_ok=True)
    with opened(browser, lab[1], path) as lesson:
        for cell in named(read(path), "explorer"):
            check_explorer(lesson, cell.id, screenshots)


PLANTED = """from IPython.display import Javascript, display
from mmsnet_lite.course.explore import Choice, Explorer
from mmsnet_lite.course.plot import blank

def draw(n):
    {body}

Explorer(draw, n=Choice({label!r}, (1, 2), 1))"""
FINE = "return blank(n, n), 'a figure'"
FAULTS = {
    "explorer-1": (f"if n == 2: raise ArithmeticError('planted')\n    {FINE}", "n", "ArithmeticError: planted"),
    "explorer-2": ("return blank(1, 1), 'a figure'", "n", "the picture is the same"),
    "explorer-3": (FINE, "a label far longer than the page is wide " * 3, "cut off at 1280 px"),
    "explorer-4": ("1 / 0", "n", "ZeroDivisionError"),
    "explorer-5": (f"display(Javascript('console.error(\"planted\")'))\n    {FINE}", "n", "planted"),
}


@pytest.mark.slow
def test_each_planted_fault_is_caught(browser, lab, tmp_path):
    folder, url = lab
    cells = [nbformat.v4.new_markdown_cell("# Planted"), nbformat.v4.new_code_cell("import mmsnet_lite")]
    for cell_id, (body, label, _) in FAULTS.items():
        cells.append(nbformat.v4.new_code_cell(PLANTED.format(body=body, label=label), id=cell_id))
    path = folder / "notebooks/planted.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=read(LESSONS[0]).metadata), path)
    with opened(browser, url, path) as planted:
        for cell_id, (_, _, message) in FAULTS.items():
            with pytest.raises(AssertionError, match=message):
                check_explorer(planted, cell_id, tmp_path, patience=5)


def test_a_missing_browser_is_a_failure_where_it_is_required(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("MMSNET_BROWSER_REQUIRED", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium"):
        chromium()
    monkeypatch.setenv("MMSNET_BROWSER_REQUIRED", "1")
    with pytest.raises(pytest.fail.Exception, match="no Chromium"):
        chromium()
