"""`check`, `chips` and the choice of a chip on the command line: text, JSON, exit statuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import ltc2neuro
from hw_models.chip import CHIPS, chip_names, load_chip
from hw_models.explain import explain
from ltc2neuro.cli.main import main

SCRIPT = """
import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP

def build(units=8):
    torch.manual_seed(0)
    return LTC(3, AutoNCP(units, 1, seed=1), ode_unfolds=2)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """train.py, x.npy, and m.l2n."""
    folder = tmp_path_factory.mktemp("check")
    (folder / "train.py").write_text(SCRIPT)
    np.save(folder / "x.npy", np.random.default_rng(0).normal(size=(4, 6, 3)))
    namespace: dict = {}
    exec(SCRIPT, namespace)
    ltc2neuro.compile(namespace["build"](), np.load(folder / "x.npy")).save(folder / "m.l2n")
    return folder


def out(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def test_a_network_that_keeps_all_rules(folder, capsys):
    assert main(["check", f"{folder}/m.l2n"]) == 0
    assert capsys.readouterr().out == "loihi2: no design rule is broken\n"
    assert main(["check", f"{folder}/m.l2n", "--board", "kapoho_point", "--json"]) == 0
    assert out(capsys) == {"chip": "loihi2", "passed": True, "findings": []}


def test_a_chip_that_refuses_ends_with_status_1_and_its_reasons(folder, capsys):
    assert main(["check", f"{folder}/m.l2n", "--chip", "xylo"]) == 1
    text = capsys.readouterr().out
    always = [r.reason for r in load_chip("xylo").refuses if r.limit in (None, 0)]
    assert all(reason in text for reason in always) and text.endswith(f"xylo: {len(always)} errors, 0 warnings\n")
    assert main(["check", f"{folder}/m.l2n", "--chip", "loihi1", "--json"]) == 1
    data = out(capsys)
    assert not data["passed"] and {f["rule"] for f in data["findings"]} == {"refusal"}
    assert set(data["findings"][0]) == {"rule", "where", "message", "numbers", "limit", "advice", "severity"}


def test_a_model_before_it_is_compiled(folder, capsys):
    command = ["check", f"{folder}/train.py:build", "--calibration", f"{folder}/x.npy", "--arg", "units=9"]
    assert main(command) == 0
    assert capsys.readouterr().out == "loihi2: no design rule is broken\n"
    assert main([*command, "--chip", "xylo", "--json"]) == 1
    assert any(f["numbers"] == "the model has 9 divisions" for f in out(capsys)["findings"])


def test_a_chip_of_ones_own_that_is_too_small(folder, capsys):
    path = folder / "tiny.toml"
    path.write_text((CHIPS / "loihi2.toml").read_text().replace("value = 120\n", "value = 1\n").replace("4095", "8"))
    assert main(["check", f"{folder}/m.l2n", "--chip", str(path)]) == 1
    assert "[placement]" in capsys.readouterr().out
    assert main(["check", f"{folder}/m.l2n", "--chip", str(path), "--chips", "99"]) == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["m.l2n", "--calibration", "x.npy"], "--calibration is for a model"),
        (["m.l2n", "--dt", "0.5"], "--dt is for a model"),
        (["train.py:build"], "a model is checked on calibration data"),
        (["m.l2n", "--chip", "loihi7"], "no chip 'loihi7'"),
        (["m.l2n", "--board", "desk"], "no board 'desk'"),
        (["m.l2n", "--chips", "0"], "chips must be from 1"),
        (["none.l2n"], "cannot open the network"),
    ],
)
def test_wrong_usage_is_status_2(folder, capsys, monkeypatch, options, text):
    monkeypatch.chdir(folder)
    assert main(["check", *options]) == 2
    assert text in capsys.readouterr().err


def test_compile_for_a_board(folder, capsys):
    command = ["compile", f"{folder}/train.py:build", "--calibration", f"{folder}/x.npy", "-o", f"{folder}/k.l2n"]
    assert main([*command, "--board", "kapoho_point", "--chips", "4"]) == 0
    assert ltc2neuro.load(folder / "k.l2n").chip == load_chip("loihi2", board="kapoho_point", chips=4)
    assert main([*command, "--chip", "loihi1"]) == 2
    assert "its neurons do not divide" in capsys.readouterr().err


def test_chips_lists_and_explains(capsys):
    assert main(["chips"]) == 0
    text = capsys.readouterr().out
    assert all(any(line.startswith(name) for line in text.splitlines()) for name in chip_names())
    assert "kapoho_point (8)" in text and text.count("refuses liquid networks") == 2
    assert main(["chips", "--json"]) == 0
    assert [c["name"] for c in out(capsys)["chips"]] == chip_names()
    assert main(["chips", "loihi2"]) == 0
    assert capsys.readouterr().out == explain(load_chip("loihi2")) + "\n"
    assert main(["chips", "loihi2", "--json"]) == 0
    numbers = {f"{e['section']}.{e['key']}": e for e in out(capsys)["entries"]}
    assert numbers["timing.sync"]["value"] == {"low": 2e-07, "default": 8e-07, "high": 2e-06}
    assert numbers[".word_bits"]["source"]["sure"] == "documented"
    assert main(["chips", "loihi9"]) == 2
