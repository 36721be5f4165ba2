"""What docs/porting.md shows compiles as it stands, and it says what came of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import ltc2neuro

START, *SECTIONS = (Path(__file__).parents[2] / "docs" / "porting.md").read_text().split("\n## ")
SHOWN = [part for part in SECTIONS if "```python" in part]
NEEDS = {"Keras": "keras", "ONNX": "onnx", "A spiking loop, as in snntorch": "snntorch"}


def code(part: str, kind: str = "python") -> str:
    (found,) = re.findall(rf"```{kind}\n(.*?)```", part, re.DOTALL)
    return found


@pytest.mark.filterwarnings("ignore")  # what other packages say on their way; what is compiled is compared below
@pytest.mark.parametrize("part", SHOWN, ids=[part.splitlines()[0] for part in SHOWN])
def test_a_model_compiles_as_it_stands(part, tmp_path, monkeypatch):
    title = part.splitlines()[0]
    if title in NEEDS:
        package = pytest.importorskip(NEEDS[title], reason=f"needs {NEEDS[title]}")
        if title == "Keras":
            package.utils.clear_session()  # layers are numbered over all models of a process
    monkeypatch.chdir(tmp_path)
    names = {}
    for name, text in (("start", code(START)), ("model", code(part))):  # as a reader's files: lines name states
        Path(f"{name}.py").write_text(text)
        exec(compile(text, str(tmp_path / f"{name}.py"), "exec"), names)
    net, model, x = names["net"], names["model"], names["x"]
    states = ", ".join(f"{s.name} ({s.size})" for s in net.float_graph.states)
    assert code(part, "text") == f"answers: {net.signature}\nstates:  {states}\n"
    assert ltc2neuro.verify(net, model, x, min_sqnr=25.0, on=["reference"]).passed


def test_it_shows_a_dozen():
    assert len(SHOWN) >= 12
