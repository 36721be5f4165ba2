"""What the shell says is in the shell's words: errors, warnings and findings of the real commands."""

import re
import warnings

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra torch")

from ltc2neuro.cli.advice import in_shell
from ltc2neuro.cli.main import main

SCRIPT = """
import torch

def build():
    torch.manual_seed(0)
    return torch.nn.GRU(3, 4, batch_first=True)

def time_first():
    return torch.nn.GRU(3, 4)

class Lost(torch.nn.Module):
    def forward(self, x):
        return torch.tanh(x[..., :1]) - 2 * torch.sigmoid(2 * x[..., :1]) + 1 + 1e-5 * x[..., 1:]

def lost():
    return Lost()

class Wide(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(6000, 2)

    def forward(self, x):
        return self.layer(torch.tanh(x.repeat(1, 1, 2000) + self.layer.weight[0]))

def wide():
    return Wide()
"""
PYTHON = re.compile(
    r"\b(?:compile|check|run|verify|cost)\(|\b(?:chip|precision|timespans|dt|max_clipped)=|Say so.* with batch_first="
    r"|ltc2neuro\.(?:compile|check|verify)\b|net\.\w+\(|UserWarning"
)


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """A folder with a script, samples and a network, and what a command says there."""
    folder = tmp_path_factory.mktemp("words")
    (folder / "train.py").write_text(SCRIPT)
    x = np.random.default_rng(0).normal(size=(3, 12, 3)).astype(np.float32)
    np.save(folder / "x.npy", x)
    np.save(folder / "far.npy", 50 * x)
    np.save(folder / "still.npy", np.ones_like(x))
    assert main(_placed(folder, "compile train.py:build --calibration x.npy -o m.l2n")) == 0
    return folder


def _placed(folder, command):
    files = r"\b(train\.py:\w+|\w+\.npy|\w+\.l2n)"
    return re.sub(files, rf"{folder}/\1", command).split()


def said(shell, capsys, command):
    """What is printed on standard error, and as findings."""
    capsys.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        main(_placed(shell, command))
    out, err = capsys.readouterr()
    return err + (out if command.startswith("check") else "")


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("compile train.py:build --calibration still.npy -o n.l2n", "ltc2neuro: warning: the calibration is poor"),
        ("compile train.py:lost --calibration x.npy -o n.l2n", "ltc2neuro verify shows where"),
        ("compile train.py:build --calibration x.npy -o n.l2n --precision smal", "ltc2neuro.Precision(...) in Python"),
        ("compile train.py:time_first --calibration x.npy -o n.l2n", "Say so: --time-first"),
        ("check train.py:time_first --calibration x.npy", "An .npz file of (time, features) arrays needs neither"),
        ("check train.py:build --calibration x.npy --time-first", "Leave out --time-first, and"),
        ("run m.l2n far.npy", "a wider ltc2neuro.Precision(margin=...) in Python"),
        ("run m.l2n far.npy --strict", "a wider ltc2neuro.Precision(margin=...) in Python"),
        ("run m.l2n x.npy --timespans x.npy", "Compile it with --timespans"),
        ("compile train.py:wide --calibration x.npy -o n.l2n --precision small", "Use --precision accurate"),
        ("check train.py:wide --calibration x.npy --precision small", "Use --precision accurate"),
    ],
)
def test_advice_is_in_words_of_the_shell(shell, capsys, command, wanted):
    text = said(shell, capsys, command)
    assert wanted in text
    assert not PYTHON.search(text), text
    assert "n the shell" not in text


def test_warnings_of_others_stay_as_they_are(shell, capsys):
    (shell / "train.py").write_text(SCRIPT + "\nimport warnings\nwarnings.warn('of my own: dt=1')\n")
    with pytest.warns(UserWarning, match="of my own: dt=1"):
        main(_placed(shell, "compile train.py:build --calibration x.npy -o n.l2n"))
    assert "of my own" not in capsys.readouterr().err


def test_an_argument_of_python_is_an_option():
    assert in_shell("Leave real=False out.") == "Leave --integers out."
    assert in_shell("Write net.to_onnx(path, graph='float').").endswith("--float).")
