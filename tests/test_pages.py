"""The snippets of the pages run, one after the other in the same program."""

import re
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
