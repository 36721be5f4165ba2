"""The shell takes files of both kinds of networks: each command on one with microcode and on one without."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import ltc2neuro
from ltc2neuro.cli.main import main

SCRIPT = """
import torch
from ncps.torch import CfC

def build():
    torch.manual_seed(0)
    return CfC(3, 4, proj_size=2, backbone_units=6)
"""
X = np.random.default_rng(0).normal(size=(5, 6, 3))


class BothKinds:
    """The commands on one file, which the shell compiles with `flags`."""

    flags: tuple[str, ...]
    kind: type

    @pytest.fixture(scope="class")
    @classmethod
    def file(cls, tmp_path_factory) -> str:
        folder: Path = tmp_path_factory.mktemp("cli")
        (folder / "train.py").write_text(SCRIPT)
        np.save(folder / "x.npy", X)
        arguments = [f"{folder}/train.py:build", "--calibration", f"{folder}/x.npy", "-o", f"{folder}/m.l2n"]
        assert main(["compile", *arguments, *cls.flags]) == 0
        return f"{folder}/m.l2n"

    @pytest.fixture
    def shell(self, file, capsys):
        def call(command: str, *options: str) -> tuple[int, dict]:
            capsys.readouterr()
            status = main([command, file, *options, "--json"])
            return status, json.loads(capsys.readouterr().out)

        return call

    def test_the_file_is_of_that_kind(self, file) -> None:
        assert type(ltc2neuro.load(file)) is self.kind

    def test_run(self, file, shell) -> None:
        status, told = shell("run", str(Path(file).parent / "x.npy"))
        assert status == 0 and np.array_equal(told["outputs"], ltc2neuro.load(file).run(X).outputs)
        assert shell("run", str(Path(file).parent / "x.npy"), "--on", "nowhere")[0] == 2

    def test_verify(self, file, shell) -> None:
        assert shell("verify", "--on", "reference")[0] == 0
        samples = str(Path(file).parent / "x.npy")
        assert shell("verify", samples, "--on", "reference", "--min-sqnr", "25")[0] == 0
        status, told = shell("verify", samples, "--on", "reference", "--min-sqnr", "200")
        assert status == 1 and not told["passed"]

    def test_check(self, shell) -> None:
        assert shell("check")[0] == 0
        status, told = shell("check", "--chip", "loihi1")
        assert status == 1 and told["findings"]
        assert shell("check", *self.flags)[0] == 2 * bool(self.flags)  # a compiled network is what it is

    def test_check_of_a_model(self, file, capsys) -> None:
        folder = Path(file).parent
        model = [f"{folder}/train.py:build", "--calibration", f"{folder}/x.npy", *self.flags]
        assert main(["check", *model]) == 0 and main(["check", *model, "--chip", "loihi1"]) == 1

    def test_cost(self, file, shell) -> None:
        status, told = shell("cost")
        assert status == 0 and told["ticks_per_sample"] == ltc2neuro.load(file).cost().ticks_per_sample
        assert shell("cost", "--chip", "loihi2") == (status, told) and told["chip"] == "loihi2" and told["fits"]

    def test_inspect(self, file, shell) -> None:
        status, told = shell("inspect")
        assert status == 0 and told["summary"] == str(ltc2neuro.load(file)) and told["proof"]["probes"]
        assert shell("inspect", "--proof")[0] == 0
        status, told = shell("inspect", "--passes")
        assert status == 0 and [p["name"] for p in told["passes"]] == [p.name for p in ltc2neuro.load(file).passes]


class TestWithMicrocode(BothKinds):
    flags, kind = (), ltc2neuro.Network


class TestWithoutMicrocode(BothKinds):
    flags, kind = ("--no-microcode",), ltc2neuro.LibraryNetwork

    @pytest.mark.parametrize("option", ["--assembly", "--precision"])
    def test_inspect_says_what_it_lacks(self, shell, option) -> None:
        status, told = shell("inspect", option)
        assert status == 2 and "needs microcode" in told["error"]["what"]

    @pytest.mark.parametrize("options", ["--cores 2", "--pipeline", "--placement", "--c"])
    def test_cost_says_what_it_lacks(self, shell, options) -> None:
        status, told = shell("cost", *options.split())
        assert status == 2 and "needs microcode" in told["error"]["what"]
        assert "--no-microcode" in told["error"]["advice"]


def test_advice_on_the_form_is_in_words_of_the_shell(tmp_path, capsys) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    np.save(tmp_path / "x.npy", X)
    arguments = [f"{tmp_path}/train.py:build", "--calibration", f"{tmp_path}/x.npy", "-o", f"{tmp_path}/m.l2n"]
    assert main(["compile", *arguments, "--no-microcode", "--precision", "accurate"]) == 2
    error = capsys.readouterr().err
    assert "precision is for networks with microcode" in error and "in Python" in error
    assert main(["compile", *arguments, "--no-microcode", "--chip", "ideal"]) == 2
    assert "without --no-microcode" in capsys.readouterr().err
