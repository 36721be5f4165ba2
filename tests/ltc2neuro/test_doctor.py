"""The doctor finds what is here, and tells what to type for what is not."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ltc2neuro import extras
from ltc2neuro.cli.main import main
from ltc2neuro.compiled.executors import EXECUTORS, LIBRARY_EXECUTORS
from ltc2neuro.doctor import Status, examine
from ltc2neuro.errors import MissingExtraError
from ltc2neuro.extras import Extra

ABSENT = ("torch", "ncps", "lava", "matplotlib", "scipy", "networkx", "asteval", "sklearn")


def test_findings(capsys):
    status = main(["doctor", "--json"])
    found = {f["subject"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    assert found["numpy"]["found"] == np.__version__
    lava = found["Lava runs"]["status"]
    if not sys.platform.startswith("linux") or extras.LAVA.missing():
        assert (lava, status) == ("missing", 0)
    else:
        assert (lava, status) == ("ok", 0)
        alone = found["import lava"]
        if sys.version_info >= (3, 11):
            assert "fails in Lava: ValueError: mutable default" in alone["found"]
            assert "`import ltc2neuro` above your first import of Lava" in alone["advice"]
        else:
            assert alone["found"] == "works by itself"


def test_without_the_optional_packages(tmp_path):
    """A bare environment: nothing but NumPy, safetensors and tqdm can be found."""
    code = f"""
import sys
from importlib.abc import MetaPathFinder
class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(name, name=name)
from importlib import util
plain = util.find_spec
util.find_spec = lambda name, package=None: None if name in {ABSENT!r} else plain(name, package)
sys.meta_path.insert(0, Absent())
from ltc2neuro.cli.main import main
sys.exit(main(["doctor"]))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert "Lava runs" in run.stdout and extras.LAVA.command in run.stdout


def test_a_missing_extra_gives_the_command():
    with pytest.raises(MissingExtraError, match="no_such_module is not installed, but needed for tests") as caught:
        Extra("torch", ("numpy", "no_such_module"), "tests").require()
    assert caught.value.advice == 'Run: pip install "ltc2neuro[torch]"'
    assert Extra("torch", ("numpy",), "tests").missing() == ()


@pytest.mark.parametrize("kind", [EXECUTORS, LIBRARY_EXECUTORS])
def test_what_an_executor_needs_is_looked_for(monkeypatch, kind):
    """Modules and programs, of either kind of networks: no list of the doctor's own."""
    needs = Extra("toy", ("numpy", "no_such_module"), "toys", programs=("no-such-compiler",), install="get toys")
    monkeypatch.setitem(kind, "toy", replace(kind["reference"], name="toy", needs=needs))
    found = [d for d in examine() if d.subject == "no_such_module" or d.subject.startswith('on="toy"')]
    assert [(d.status, d.found, d.advice) for d in found] == [
        (Status.MISSING, "not installed", "for toys: get toys"),
        (Status.MISSING, "needs no_such_module, no-such-compiler", "get toys"),
    ]


def test_lava_needs_a_second_command_from_python_3_11_on():
    assert ("--ignore-requires-python" in extras.LAVA.command) == (sys.version_info >= (3, 11))
