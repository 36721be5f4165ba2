"""The notebooks run from top to bottom, show pictures, and what is kept of them is small."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

pytest.importorskip("ncps", reason="the notebooks need the extra torch")
pytest.importorskip("matplotlib", reason="the notebooks need the extra plot")
pytest.importorskip("sklearn", reason="the notebooks need scikit-learn")
pytest.importorskip("nbclient", reason="notebooks are run where they are made")
pytest.importorskip("ipykernel", reason="notebooks are run where they are made")

import nbformat

from ltc2neuro.extras import LAVA

HOME = Path(__file__).parents[2]
SPEC = spec_from_file_location("notebooks", HOME / "scripts" / "notebooks.py")
assert SPEC is not None and SPEC.loader is not None
notebooks = module_from_spec(SPEC)
SPEC.loader.exec_module(notebooks)
BOOKS = sorted(notebooks.FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", BOOKS, ids=[path.stem for path in BOOKS])
def test_a_notebook_runs(path: Path):
    if "lava" in path.stem and LAVA.missing():
        pytest.skip("needs Lava")
    book = notebooks.executed(path, TQDM_DISABLE="1", PYTHONPATH=str(HOME))
    outputs = [o for cell in book.cells for o in cell.get("outputs", [])]
    assert any("image/png" in o.get("data", {}) for o in outputs)
    assert not [o for o in outputs if o.get("name") == "stderr"]  # no warnings
    assert path.stat().st_size < 100_000


def test_there_are_five():
    assert len(BOOKS) == 5


@pytest.mark.parametrize("path", BOOKS, ids=[path.stem for path in BOOKS])
def test_no_file_of_the_machine_is_kept(path: Path):
    assert not notebooks.CELL.search(path.read_text("utf-8"))
    assert notebooks.CELL.sub("a cell", "the model, /tmp/ipykernel_13/170.py, line 7") == "the model, a cell, line 7"


def test_long_work_has_a_bar_in_a_notebook(tmp_path: Path):
    source = """import ltc2neuro
from ltc2neuro.progressing import begin, shown_stages

with shown_stages("work", 2):
    begin("first")
ltc2neuro.progress(False)
with shown_stages("silent"):
    begin("x")
"""
    path = tmp_path / "bar.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), path)
    told = "".join(o.text for o in notebooks.executed(path, PYTHONPATH=str(HOME)).cells[0].outputs)
    assert "work: 1/2" in told and "first" in told and "silent" not in told
