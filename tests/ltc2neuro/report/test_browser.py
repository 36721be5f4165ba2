"""The page in a real browser: nothing is asked for, nothing goes wrong, and every section is seen on any screen."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

pytest.importorskip("ncps")
pytest.importorskip("matplotlib")

from networks import classified, sequences

from ltc2neuro.report.writing import SECTIONS

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
LOOK = """<script>
addEventListener("load", () => {
  document.querySelector('svg a[*|href^="#listing"]').dispatchEvent(
    new MouseEvent("click", {bubbles: true, cancelable: true, view: window}));
  setTimeout(() => {
    const boxes = [...document.querySelectorAll("section")].map(s => {
      const b = s.getBoundingClientRect();
      const shown = [...s.querySelectorAll("figure svg")].filter(f => f.checkVisibility());
      const pictures = shown.map(f => f.closest("figure").getBoundingClientRect().width);
      return {id: s.id, width: b.width, height: b.height, pictures};
    });
    const open = [...document.querySelectorAll("details")].filter(d => d.open).length;
    const wide = document.documentElement.scrollWidth;
    document.body.dataset.seen = JSON.stringify({screen: innerWidth, wide, open, boxes});
  }, 200);
});
</script></body>"""

pytestmark = pytest.mark.skipif(not BROWSER, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("browser") / "net.html"
    classified().report(path, x=sequences(), on=["reference"])
    return path


def browse(page: Path, *options: str) -> tuple[str, str]:
    """The page's tree as it came to be, and what the browser has to say."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    command += [f"--user-data-dir={page.parent / 'profile'}", "--virtual-time-budget=3000", *options, page.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout, run.stderr


def test_the_console_is_silent_and_nothing_is_asked_for(page):
    tree, said = browse(page)
    assert "Content-Security-Policy" in tree and tree.count("<section") == len(SECTIONS)
    assert "CONSOLE" not in said


def test_a_request_would_be_refused_on_the_console(page):
    asking = page.with_name("asking.html")
    picture = '<img src="http://127.0.0.1:9/x.png"></body>'
    asking.write_text(page.read_text("utf-8").replace("</body>", picture), "utf-8")
    _, said = browse(asking)
    assert "CONSOLE" in said and "Content Security Policy" in said


@pytest.mark.parametrize("width", [1280, 400])
def test_every_section_is_seen_and_a_link_opens_its_listing(page, width):
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text("utf-8"))
    looking = page.with_name(f"look{width}.html")
    looking.write_text(text.replace("</body>", LOOK), "utf-8")
    tree, said = browse(looking, f"--window-size={width},900")
    found = re.search(r'data-seen="([^"]*)"', tree)
    assert found is not None, said[-2000:]
    seen = json.loads(unescape(found[1]))
    assert seen["wide"] <= seen["screen"] and seen["open"] == 1
    assert abs(seen["screen"] - width) <= 100  # some headless ones have a least width
    assert len(seen["boxes"]) == len(SECTIONS)
    for box in seen["boxes"]:
        assert box["height"] > 60 and 250 < box["width"] <= seen["screen"]
        assert all(200 < picture <= seen["screen"] for picture in box["pictures"])
    assert sum(len(box["pictures"]) for box in seen["boxes"]) >= 7
