"""What the pages show runs: Python from top to bottom of each page, commands of the shell one by one.

A page's source says what its readers need not see: `<!-- setup: ... -->` is run before a snippet, and
`<!-- not run: why -->` stands above what needs a cluster, a chip, or a file of the reader's.
"""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import numpy as np
import torch
from ncps.torch import LTC
from ncps.wirings import FullyConnected

import ltc2neuro
from compiler.running.extra import LAVA, NATIVE
from ltc2neuro.cli.main import main, parser
from ltc2neuro.extras import PLOT

HOME = Path(__file__).parents[1]
DOCS = HOME / "docs"
PAGES = {page.relative_to(DOCS).as_posix(): page.read_text("utf-8") for page in sorted(DOCS.rglob("*.md"))}
PAGES["../README.md"] = (HOME / "README.md").read_text("utf-8")
ELSEWHERE = {"onnx.md", "nir.md", "keras.md", "porting.md"}
"""Pages whose snippets run beside the tests of what they show"""
NEEDS = {"lava.md": LAVA, "native.md": NATIVE, "report.md": PLOT}
SNIPPET = re.compile(r"(?:<!-- (setup|not run): *(.*?) *-->\n)?^```python\n(.*?)^```", re.M | re.S)
BLOCK = re.compile(r"(<!-- not run: .*? -->\n)?^```(?:sh)?\n(.*?)^```", re.M | re.S)
QUICK = {
    r"(min_sqnr=55, )?budget_s=60": "budget_s=0.5",
    r"((?:verify|report)\((?:[^()]|\[[^]]*\])*)\)": r'\1, on=["reference"])',
}
"""What is as good with less: searches end sooner, and executors are compared by other tests"""
RUN = {"run", "evaluate", "inspect", "export", "check", "cost", "chips"}
"""Commands that are run; of those that take long it is only looked at whether they are written as they are read"""


class Model(torch.nn.Module):
    """What snippets call `model`."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = LTC(3, FullyConnected(4, 2), return_sequences=False, ode_unfolds=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0]


@pytest.fixture(scope="module")
def names() -> dict[str, object]:
    """What snippets find."""
    torch.manual_seed(0)
    model, rng = Model(), np.random.default_rng(0)
    x = rng.normal(size=(12, 4, 3)).astype(np.float32)
    found = {"x": x, "x_train": x[:8], "x_test": x[8:], "y_test": rng.integers(0, 2, 4), "y_train": None}
    found |= {"model": model, "net": ltc2neuro.compile(model, x[:8]), "np": np, "torch": torch, "ltc2neuro": ltc2neuro}
    return found


@pytest.fixture
def folder(names: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where they run, with the files that they read."""
    monkeypatch.chdir(tmp_path)
    net, x, y = names["net"], names["x_test"], names["y_test"]
    assert isinstance(net, ltc2neuro.Network) and isinstance(x, np.ndarray)
    net.save("m.l2n")
    np.save("x.npy", x)
    np.save("y.npy", y)
    (tmp_path / "data").mkdir()
    np.savez("data/0.npz", x=x, targets=y)
    return tmp_path


def snippets(page: str) -> list[tuple[str, str, str]]:
    return SNIPPET.findall(PAGES[page])


@pytest.mark.filterwarnings("ignore")  # random networks, on a few random samples
@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE and snippets(page)])
def test_the_snippets_of_a_page_run(page: str, names: dict[str, object], folder: Path) -> None:
    if page in NEEDS and NEEDS[page].missing():
        pytest.skip(f"needs {NEEDS[page].name}")
    space = dict(names)
    if "ax" in PAGES[page]:
        figure = pytest.importorskip("matplotlib.figure", reason="needs the extra plot").Figure()
        space["ax"] = figure.subplots()
    for kind, aside, snippet in snippets(page):
        if kind == "setup":
            exec(aside, space)
        if kind != "not run":
            for long, quick in QUICK.items():
                snippet = re.sub(long, quick, snippet)
            exec(compile(snippet, page, "exec"), space)


COMMANDS = [
    (page, line)
    for page, text in PAGES.items()
    for aside, block in BLOCK.findall(text)
    for line in block.splitlines()
    if not aside and line.startswith("ltc2neuro ") and "COMMAND" not in line
]


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[line for _, line in COMMANDS])
def test_the_commands_of_a_page_run(page: str, line: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = shlex.split(line, comments=True)[1:]
    parser().parse_args(arguments)
    if arguments[0] in RUN and "--dask" not in arguments and not ("lava" in arguments and LAVA.missing()):
        status = main(arguments)
        assert status in (0, 1), capsys.readouterr().err


def test_what_troubleshooting_quotes_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(HOME / "scripts")
    cures = {message.text: message.advice for message in import_module("messages").messages()}
    said = {*cures}
    assert {"the node ... is in training mode", "NIR's neurons start at 0"} <= said  # each raised through a helper
    local = {"a mask leaves out samples", "NIR has no tokens", "this picture is of a ...", "not an array, but pairs"}
    assert {*local, "[sums] it has more sums than a neuron can have in one tick"} <= said  # texts that names stand for
    assert any(text.startswith("[refusal] ") for text in said)  # of a chip's file
    assert {"no precision ...", "no executor ...", "no solver ..."} <= said and "no ... ..." not in said
    assert "numpy.argmax" in cures["the operation sort is not supported"]
    assert all("Keep running sums" in advice for text, advice in cures.items() if "attention" in text)
    below = import_module("sources").subclasses()
    assert {"MixedStepsError", "TakenApartError"} <= {*below["TraceError"]}
    assert "TakenApartError" in below["MixedStepsError"]
    quotes = re.findall(r'"([^"]+)"\*\*', (DOCS / "troubleshooting.md").read_text("utf-8"))
    assert quotes
    for quote in quotes:
        assert any(all(part in text for part in quote.split(" ... ")) for text in said), quote
