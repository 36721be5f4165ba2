"""`ltc2neuro evaluate`: a folder of files, here, in processes, on a cluster, and what it says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

from networks import classified, sequences

from ltc2neuro import metrics
from ltc2neuro.cli.main import main
from ltc2neuro.cli.parser import METRICS
from ltc2neuro.evaluation import pools

X = 0.7 * sequences(300, 5)
CLASSES = np.random.default_rng(0).integers(0, 4, 300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """m.l2n, x.npy, y.npy, and data/ of the same in five files."""
    folder = tmp_path_factory.mktemp("evaluate")
    classified().save(folder / "m.l2n")
    np.save(folder / "x.npy", X)
    np.save(folder / "y.npy", CLASSES)
    (folder / "data").mkdir()
    for number, part in enumerate(np.array_split(np.arange(300), 5)):
        np.savez(folder / "data" / f"{number}.npz", x=X[part], targets=CLASSES[part], labels=CLASSES[part])
    return folder


@pytest.fixture
def found(folder, monkeypatch, capsys):
    """Runs the command on these files, and reads what it prints as JSON."""
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> dict:
        assert main(["evaluate", "m.l2n", *arguments, "--metric", "accuracy", "--json"]) == 0
        table = json.loads(capsys.readouterr().out)
        return {name: part for name, part in table.items() if name not in ("on", "text", "resumed")}

    return run


def test_files_and_processes_give_the_same(found):
    whole = found("x.npy", "--targets", "y.npy")
    assert whole["sequences"] == 300 and whole["metrics"]["accuracy"]["integer"] == np.mean(
        np.argmax(classified()(X), -1) == CLASSES
    )
    assert found("data") == found("data", "--targets", "labels") == whole
    assert found("data", "--processes", "2", "--journal", "run.json") == whole
    assert found("data", "--journal", "run.json") == whole and Path("run.json").exists()
    assert found("data", "--no-float")["sqnr"] == {}


def test_a_cluster_gives_the_same(found):
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster:
        assert found("data", "--dask", cluster.scheduler_address) == found("data")


def test_it_is_said_in_a_few_lines(folder, capsys):
    assert main(["evaluate", str(folder / "m.l2n"), str(folder / "data"), "--metric", "accuracy", "--activity"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("300 sequences, 1,500 samples on ")
    assert all(f"\n  {name}" in text for name in ("accuracy", "SQNR of outputs", "saturations", "messages"))


def test_where_no_scheduler_answers(folder, capsys, monkeypatch):
    pytest.importorskip("distributed", reason="needs the extra dask")
    monkeypatch.setattr(pools, "PATIENCE", 0.5)
    for address in ("tcp://127.0.0.1:9", "no address"):
        assert main(["evaluate", str(folder / "m.l2n"), str(folder / "data"), "--dask", address]) == 2
        assert "no Dask scheduler answers" in capsys.readouterr().err


def test_the_shell_knows_all_metrics(folder, capsys):
    assert tuple(metrics.METRICS) == METRICS
    assert main(["evaluate", str(folder / "m.l2n"), str(folder / "x.npy"), "--metric", "accuracy"]) == 2
    assert "Give --targets, what the model should answer" in capsys.readouterr().err
