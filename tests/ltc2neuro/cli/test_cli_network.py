"""Each command on a real network: compiled from a script, saved, run, verified, inspected."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import ltc2neuro
from ltc2neuro.cli.main import main
from ltc2neuro.extras import LAVA

SCRIPT = """
import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP

def build(units=8, outputs=1):
    torch.manual_seed(0)
    return LTC(3, AutoNCP(units, outputs, seed=1))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """train.py, x.npy, y.npy, and m.l2n made by the command line."""
    import torch

    folder = tmp_path_factory.mktemp("cli")
    (folder / "train.py").write_text(SCRIPT)
    namespace: dict = {}
    exec(SCRIPT, namespace)
    model = namespace["build"](units=9)
    torch.save({"state_dict": {f"net.{n}": t for n, t in model.state_dict().items()}}, folder / "w.ckpt")
    x = np.random.default_rng(0).normal(size=(5, 6, 3)).astype(np.float32)
    np.save(folder / "x.npy", x)
    np.savez(folder / "x.npz", x[0], x[1, :4])
    with torch.no_grad():
        np.save(folder / "y.npy", model(torch.from_numpy(x))[0].numpy() + 0.1)
    return folder


@pytest.fixture(scope="module")
def network(folder) -> str:
    path = str(folder / "m.l2n")
    command = ["compile", f"{folder / 'train.py'}:build", "--arg", "units=9", "--weights", str(folder / "w.ckpt")]
    assert main([*command, "--calibration", str(folder / "x.npy"), "-o", path]) == 0
    return path


def out(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def test_compile_says_what_it_did(folder, capsys):
    command = ["compile", f"{folder / 'train.py'}:build", "--arg", "units=9", "--weights", str(folder / "w.ckpt")]
    assert main([*command, "--calibration", str(folder / "x.npz"), "-o", str(folder / "n.l2n")]) == 0
    said = capsys.readouterr()
    assert "the prefix 'net.' taken off" in said.err
    assert "wrote" in said.out and str(ltc2neuro.load(folder / "n.l2n")) in said.out
    assert main([*command, "--calibration", str(folder / "x.npz"), "-o", str(folder / "t.l2n"), "--tune"]) == 2
    assert "too little data to tune the network on" in capsys.readouterr().err


def test_compile_refuses_weights_of_another_model(folder, capsys):
    command = ["compile", f"{folder / 'train.py'}:build", "--weights", str(folder / "w.ckpt")]
    assert main([*command, "--calibration", str(folder / "x.npy"), "-o", str(folder / "no.l2n")]) == 2
    assert "wrong shape: rnn_cell.w is (9, 9), the model's (8, 8)" in capsys.readouterr().err
    assert not (folder / "no.l2n").exists()


def test_compile_looks_for_the_folder_before_it_works(folder, capsys):
    where = folder / "missing"
    arguments = [f"{folder}/train.py:build", "--calibration", f"{folder}/none.npy", "-o", f"{where}/m.l2n"]
    assert main(["compile", *arguments]) == 2
    assert str(where) in capsys.readouterr().err


@pytest.mark.parametrize("on", ["reference", "floating"])
def test_run_writes_what_the_network_returns(folder, network, on, capsys):
    x = np.load(folder / "x.npy")
    assert main(["run", network, str(folder / "x.npy"), "-o", str(folder / "got.npy"), "--on", on, "--json"]) == 0
    assert out(capsys)["on"] == on
    assert np.array_equal(np.load(folder / "got.npy"), ltc2neuro.load(network).run(x, on=on).outputs)


def test_run_on_a_list_of_sequences(folder, network):
    assert main(["run", network, str(folder / "x.npz"), "-o", str(folder / "got.npz")]) == 0
    x = np.load(folder / "x.npy")
    expected = ltc2neuro.load(network).run([x[0], x[1, :4]]).outputs
    with np.load(folder / "got.npz") as got:
        assert [got[n].shape for n in got.files] == [(6, 1), (4, 1)]
        assert all(np.array_equal(got[n], e) for n, e in zip(got.files, expected, strict=True))


def test_run_in_parts_is_run_at_once(folder, network, capsys):
    x = np.random.default_rng(1).normal(size=(150, 2, 3))
    x[[3, 70, 149], 0, 1] = 99.0  # clipped, in each part
    np.save(folder / "many.npy", x)
    np.savez(folder / "many.npz", *x)
    with pytest.warns(UserWarning, match="clipped"):
        whole = ltc2neuro.load(network).run(x)
    for name in ("many.npy", "many.npz"):
        assert main(["run", network, str(folder / name), "-o", str(folder / f"got-{name}"), "--json"]) == 0
        told = out(capsys)
        assert told["saturations"] == whole.saturations and told["clipped"] == whole.clipped.text()
    assert np.array_equal(np.load(folder / "got-many.npy"), whole.outputs)
    with np.load(folder / "got-many.npz") as got:
        assert np.array_equal(np.stack([got[n] for n in got.files]), whole.outputs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.npy", "--on", "abacus"], "no executor 'abacus'"),
        (["x.npy", "-o", "got.csv"], r"written to a .npy file"),
        (["flat.npy"], "expected (batch, time, 3)"),
        (["one.npy"], "expected (batch, time, 3)"),
    ],
)
def test_run_refuses(folder, network, arguments, message, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    np.save("flat.npy", np.zeros((100, 3)))
    np.save("one.npy", np.float64(1))
    assert main(["run", network, *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.skipif(bool(LAVA.missing()), reason="needs the extra lava")
def test_run_on_a_chip_that_is_not_there(folder, network, capsys):
    assert main(["run", network, str(folder / "x.npy"), "--on", "loihi2"]) == 2
    assert "Loihi 2 needs Intel's extension lava-loihi" in capsys.readouterr().err


def test_verify_alone_replays_the_known_answer(network, capsys):
    assert main(["verify", network, "--on", "reference"]) == 0
    assert capsys.readouterr().out.strip()
    assert main(["verify", network, "--on", "reference", "--json"]) == 0
    assert out(capsys)["passed"] is True


def test_verify_holds_or_misses_limits(folder, network, capsys):
    command = ["verify", network, str(folder / "x.npy"), "--on", "reference", "--json"]
    limits = ["--targets", str(folder / "y.npy"), "--metric", "mse", "--max-metric-change"]
    assert main([*command, "--min-sqnr", "30"]) == 0
    assert out(capsys)["passed"] is True
    assert main([*command, "--min-sqnr", "300"]) == 1
    assert out(capsys)["passed"] is False
    assert main([*command, *limits, "5%"]) == 0
    assert main([*command, *limits, "0"]) == 1


def test_verify_splits_the_error_by_causes(folder, network, capsys):
    x = str(folder / "x.npy")
    command = ["verify", network, x, "--on", "reference", "--causes"]
    assert main([*command, "--calibration", x]) == 0
    text = capsys.readouterr().out
    assert "function approximation" in text and "quantized again" not in text
    assert main([*command, "--json"]) == 0
    found = out(capsys)
    assert {row["of"] for row in found["causes"]["rows"]} == {"outputs", "v"} and "one step" in found["text"]


def test_search_saves_the_best(folder, capsys):
    command = ["search", f"{folder / 'train.py'}:build", "--calibration", str(folder / "x.npy"), "--budget", "2"]
    path = folder / "best.l2n"
    assert main([*command, "--min-sqnr", "40", "-o", str(path), "--json"]) == 0
    found = out(capsys)
    assert found["best"] in found["front"] and min(found["best"]["decibels"], found["best"]["held_back"]) >= 40
    net = ltc2neuro.load(path)
    assert ltc2neuro.verify(net, None, on=["reference"]).passed and isinstance(net, ltc2neuro.Network)
    assert ltc2neuro.Precision(**found["best"]["precision"]) == net.precision
    assert main([*command, "--no-microcode", "-o", str(path)]) == 2


def test_search_keeps_a_metric(folder, capsys):
    command = ["search", f"{folder / 'train.py'}:build", "--calibration", str(folder / "x.npy"), "--budget", "0.01"]
    command += ["-o", str(folder / "best.l2n"), "--json"]
    limit = ["--metric", "mse", "--max-metric-change"]
    assert main([*command, *limit, "90%", "--targets", str(folder / "y.npy")]) == 0
    assert 0 < out(capsys)["best"]["change"] <= 0.9
    assert main([*command, *limit, "0", "--targets", str(folder / "y.npy")]) == 2
    assert "mse is " in out(capsys)["error"]["numbers"]
    assert main([*command, *limit, "5%"]) == 2
    assert out(capsys)["error"]["what"] == "--targets and --metric go together"
    assert main([*command, *limit[2:], "5%"]) == 2
    assert out(capsys)["error"]["what"] == "--max-metric-change needs --targets and --metric"


def test_targets_of_answers_whose_names_are_not_known_yet(tmp_path):
    from ltc2neuro.cli import samples

    one, two, path = np.zeros((2, 3)), np.ones((4, 3)), str(tmp_path / "y.npz")
    np.savez(path, one, two)
    assert isinstance(samples.targets(path), list)
    np.savez(path, turn=one, speed=two)
    found = samples.targets(path)
    assert isinstance(found, dict) and found.keys() == {"turn", "speed"}
    assert samples.targets(None) is None


def test_the_shell_knows_what_search_minimises():
    from ltc2neuro.cli.parser import COSTS
    from ltc2neuro.searching import trials

    assert set(COSTS) == set(trials.COSTS)


def test_inspect(network, capsys):
    assert main(["inspect", network]) == 0
    net = ltc2neuro.load(network)
    assert capsys.readouterr().out == f"{net}\n\n{net.evidence}\n"
    assert main(["inspect", network, "--proof"]) == 0
    assert capsys.readouterr().out == f"{net.evidence}\n"
    assert main(["inspect", network, "--passes", "--assembly", "--precision", "--json"]) == 0
    parts = out(capsys)
    assert parts.keys() == {"passes", "assembly", "precision"}
    names = [p["name"] for p in parts["passes"]]
    assert {"prune", "hoist"} <= set(names)
    assert names[-3:] == ["centre_inputs", "scale_inputs", "normalise_quotients"]  # the stages of quantize that rewrite
    assert main(["inspect", network, "--passes", "--assembly", "--precision"]) == 0
    text = capsys.readouterr().out
    assert ltc2neuro.load(network).assembly() in text and parts["precision"] in text and "prune" in text
    assert parts["assembly"] == ltc2neuro.load(network).assembly_json()
