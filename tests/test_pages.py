"""The snippets of the pages run, one after the other in the same program."""

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("page", ["index.md"])
def test_the_snippets_of_a_page_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)
    assert snippets
    names: dict[str, object] = {}
    for snippet in snippets:
        exec(compile(snippet, page, "exec"), names)


def test_what_troubleshooting_quotes_is_said():
    spec = spec_from_file_location("messages", DOCS.parent / "scripts" / "messages.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["messages"] = module
    spec.loader.exec_module(module)
    said = {message.text for message in module.messages()}
    quotes = re.findall(r'"([^"]+)"\*\*', (DOCS / "troubleshooting.md").read_text("utf-8"))
    assert quotes
    for quote in quotes:
        assert any(all(part in text for part in quote.split(" ... ")) for text in said), quote
