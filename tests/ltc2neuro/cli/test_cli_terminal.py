"""What the command line does on a terminal, and with a reader that leaves."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

from ncps.torch import LTC
from ncps.wirings import FullyConnected

import ltc2neuro

SCRIPT = """
from ncps.torch import LTC
from ncps.wirings import FullyConnected
model = LTC(2, FullyConnected(4, 1))
"""
CLI = [sys.executable, "-m", "ltc2neuro.cli.main"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("terminal")
    x = np.random.default_rng(0).normal(size=(130, 4, 2)).astype(np.float32)
    ltc2neuro.compile(LTC(2, FullyConnected(4, 1)), x).save(folder / "m.l2n")
    np.save(folder / "x.npy", x)
    (folder / "train.py").write_text(SCRIPT)
    return folder


def on_a_terminal(arguments: list[str], folder: Path) -> str:
    """What a command writes to standard error, where that is a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    try:
        subprocess.run(arguments, cwd=folder, stdout=subprocess.DEVNULL, stderr=theirs, check=True, timeout=60)
        os.write(theirs, b"\nend")
        text = ""
        while not text.endswith("end"):
            text += os.read(ours, 65536).decode("utf-8", "ignore")
        return text
    finally:
        os.close(ours)
        os.close(theirs)


LONG = [
    (["compile", "train.py:model", "--calibration", "x.npy", "-o", "n.l2n"], "ranges, formats, integers"),
    (["verify", "m.l2n", "x.npy", "--on", "reference"], "running the float network"),
    (["run", "m.l2n", "x.npy", "-o", "y.npy"], "130"),
    (["evaluate", "m.l2n", "x.npy"], "/130 ["),
]


@pytest.mark.parametrize(("arguments", "shown"), LONG, ids=lambda a: a[0] if isinstance(a, list) else "")
def test_long_work_has_a_bar_on_a_terminal_only(arguments, shown, folder):
    text = on_a_terminal([*CLI, *arguments], folder)
    assert "\r" in text and "|" in text and shown in text
    assert "|" not in on_a_terminal([*CLI, *arguments, "--json"], folder)
    piped = subprocess.run([*CLI, *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    assert "|" not in piped.stderr


LIBRARY = """
import numpy, ltc2neuro
net, x = ltc2neuro.load("m.l2n"), numpy.load("x.npy")[:4]
ltc2neuro.attribute(net, x)
ltc2neuro.progress(False)
ltc2neuro.verify(net, None, x, on=["reference"])
"""


def test_so_has_the_librarys_until_it_is_silenced(folder):
    text = on_a_terminal([sys.executable, "-c", LIBRARY], folder)
    assert "attribute: 1/10 |" in text and ", lifting clipping" in text and "verify" not in text


def test_a_reader_that_leaves_is_no_success(folder):
    command = [*CLI, "verify", "m.l2n", "x.npy", "--on", "reference", "--min-sqnr", "300"]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        command, cwd=folder, env=buffered, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 141 and errors == ""
