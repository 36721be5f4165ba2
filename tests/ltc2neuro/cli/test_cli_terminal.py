"""What the command line does on a terminal, and with a reader that leaves."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TextIO

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

from ncps.torch import LTC
from ncps.wirings import FullyConnected

import ltc2neuro
from ltc2neuro.cli.main import main

SCRIPT = """
from ncps.torch import LTC
from ncps.wirings import FullyConnected
model = LTC(2, FullyConnected(4, 1))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("terminal")
    x = np.random.default_rng(0).normal(size=(130, 4, 2)).astype(np.float32)
    ltc2neuro.compile(LTC(2, FullyConnected(4, 1)), x).save(folder / "m.l2n")
    np.save(folder / "x.npy", x)
    (folder / "train.py").write_text(SCRIPT)
    return folder


def on_a_terminal(work: Callable[[TextIO], object]) -> str:
    """What is written to a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    try:
        with os.fdopen(theirs, "w") as terminal:
            work(terminal)
            terminal.write("\nend")
            terminal.flush()
            text = ""
            while not text.endswith("end"):
                text += os.read(ours, 65536).decode("utf-8", "ignore")
        return text
    finally:
        os.close(ours)


def shell(arguments: list[str], errors: TextIO) -> None:
    ltc2neuro.progress(True)  # --json silences it for the rest of the process
    with redirect_stdout(StringIO()), redirect_stderr(errors):
        assert main(arguments) == 0


LONG = [
    (["compile", "train.py:model", "--calibration", "x.npy", "-o", "n.l2n"], "ranges, formats, integers"),
    (["verify", "m.l2n", "x.npy", "--on", "reference"], "running the float network"),
    (["run", "m.l2n", "x.npy", "-o", "y.npy"], "130"),
    (["evaluate", "m.l2n", "x.npy"], "/130 ["),
]


@pytest.mark.parametrize(("arguments", "shown"), LONG, ids=lambda a: a[0] if isinstance(a, list) else "")
def test_long_work_has_a_bar_on_a_terminal_only(arguments, shown, folder, monkeypatch):
    monkeypatch.chdir(folder)
    text = on_a_terminal(partial(shell, arguments))
    assert "\r" in text and "|" in text and shown in text
    assert "|" not in on_a_terminal(partial(shell, [*arguments, "--json"]))
    piped = StringIO()
    shell(arguments, piped)
    assert "|" not in piped.getvalue()


LIBRARY = """
import numpy, ltc2neuro
net, x = ltc2neuro.load("m.l2n"), numpy.load("x.npy")[:4]
ltc2neuro.attribute(net, x)
ltc2neuro.progress(False)
ltc2neuro.verify(net, None, x, on=["reference"])
"""


def test_so_has_the_librarys_until_it_is_silenced(folder):
    program = [sys.executable, "-c", LIBRARY]
    text = on_a_terminal(lambda terminal: subprocess.run(program, cwd=folder, stderr=terminal, check=True, timeout=60))
    assert "attribute: 1/10 |" in text and ", lifting clipping" in text and "verify" not in text


def test_a_reader_that_leaves_is_no_success(folder):
    command = [
        sys.executable,
        "-m",
        "ltc2neuro.cli.main",
        "verify",
        "m.l2n",
        "x.npy",
        "--on",
        "reference",
        "--min-sqnr",
        "300",
    ]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        command, cwd=folder, env=buffered, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 141 and errors == ""
