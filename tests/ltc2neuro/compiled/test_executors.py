"""The table of executors is all there is to add to: run, verify, the shell, doctor and the docs read it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ncps.torch import CfC
from ncps.wirings import AutoNCP

import ltc2neuro
from compiler.interpreters.execution import Execution
from compiler.running.executor import Compiled, Executor, Job, Runner
from compiler.running.interpreted import REFERENCE
from ltc2neuro.cli.main import main
from ltc2neuro.compiled.executors import EXECUTORS, LIBRARY_EXECUTORS, page, table
from ltc2neuro.errors import InputError
from ltc2neuro.nn import Recurrent

DOCS = Path(__file__).parents[3] / "docs"
X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return ltc2neuro.compile(CfC(3, AutoNCP(8, 2, seed=1)), X)


def _flip(arrays):
    return None if arrays is None else {name: a[::-1] for name, a in arrays.items()}


def _backwards(net: Compiled) -> Runner:
    """The reference on the sequences in reverse order: other work for the same integers."""
    inner = REFERENCE.prepare(net)

    def run(job: Job) -> Execution:
        done = inner(Job(job.x[::-1], _flip(job.state)))
        return Execution(done.outputs[::-1], _flip(done.states), {}, done.saturations, _flip(done.final), done.clips)

    return run


TOY = Executor("toy", "the reference, last sequence first", _backwards, counts=True)


@pytest.fixture
def toy(monkeypatch) -> None:
    monkeypatch.setitem(EXECUTORS, TOY.name, TOY)


def test_the_page_has_the_table():
    text = (DOCS / "executors.md").read_text("utf-8")
    assert page(text) == text, "python -m ltc2neuro.compiled.executors < docs/executors.md makes the page of now"
    assert all(table(kind) in text for kind in (EXECUTORS, LIBRARY_EXECUTORS))


@pytest.mark.usefixtures("toy")
def test_a_new_executor_runs_and_is_verified(net):
    run, reference = net.run(X, on="toy"), net.run(X)
    assert run.on == "toy" and np.array_equal(run.integers, reference.integers)
    assert run.states.keys() == reference.states.keys() and run.states
    assert all(np.array_equal(s, reference.states[n]) for n, s in run.states.items())
    assert "toy" in {executor.name for executor in net.parts.compared}  # which `verify` runs by itself
    rows = [row for row in ltc2neuro.verify(net, None, X, on=["toy"]).rows if row.on == "toy"]
    assert {row.name for row in rows} == {"outputs", *run.states, "saturations"} and all(row.held for row in rows)


def test_a_new_executor_that_is_wrong_fails(net, monkeypatch):
    inner = REFERENCE.prepare

    def off(parts):
        run = inner(parts)
        return lambda job: run(Job(job.x + 64, job.state))

    monkeypatch.setitem(EXECUTORS, "toy", Executor("toy", "the reference, for another input", off))
    verification = ltc2neuro.verify(net, None, X, on=["toy"])
    assert not verification.passed and not all(row.held for row in verification.rows if row.on == "toy")


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("on", ["toy", "floating"])
def test_a_stream_runs_on_it(net, on):
    stream, run = net.stream(batch=2, on=on), net.run(X, on=on)
    assert np.array_equal(np.stack([stream.step(X[:, k]) for k in range(5)], 1), run.outputs)
    assert all(np.array_equal(stream.state[name], state) for name, state in run.final_state.items())


def test_a_stream_refuses_executors_that_take_no_state(net):
    with pytest.raises(InputError, match="'loihi2' starts from the initial states only") as caught:
        net.stream(on="loihi2")
    assert caught.value.advice.startswith("Stream on reference or floating or ")


class Sum(torch.nn.Module):
    """h' = h + x: leaves every range in time."""

    state_size = 3

    def forward(self, x, h):
        return h + x


@pytest.mark.parametrize("hidden", ["saturations", "clips"])
def test_what_an_executor_clips_is_told_whether_it_counts_or_not(monkeypatch, hidden):
    """It cannot switch the warning off: where it does not count, the reference tells; else verify compares."""
    with pytest.warns(UserWarning, match="still grows"):
        net = ltc2neuro.compile(Recurrent(Sum()), np.abs(X))
    x, inner = np.tile(np.abs(X), (1, 4, 1)), REFERENCE.prepare

    def silent(parts):
        run = inner(parts)
        return lambda job: replace(run(job), **{hidden: {}})

    monkeypatch.setitem(EXECUTORS, "toy", Executor("toy", "the reference, silent", silent))
    with pytest.warns(UserWarning, match="state h, element 0"):
        net.run(x, on="toy")
    monkeypatch.setitem(EXECUTORS, "toy", replace(EXECUTORS["toy"], counts=True))
    verification = ltc2neuro.verify(net, None, x, on=["toy"])
    missed = [row for row in verification.rows if row.held is False]
    assert not verification.passed and [(row.name, row.on) for row in missed] == [("saturations", "toy")]
    assert " 0, not " in missed[0].note


@pytest.mark.usefixtures("toy")
def test_the_shell_has_a_new_executor(net, tmp_path, capsys):
    net.save(tmp_path / "m.l2n")
    np.save(tmp_path / "x.npy", X)
    assert main(["run", str(tmp_path / "m.l2n"), str(tmp_path / "x.npy"), "--on", "toy", "--json"]) == 0
    assert np.array_equal(json.loads(capsys.readouterr().out)["outputs"], net.run(X).outputs)
    for command in ("run", "verify"):
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])
        assert f"toy ({TOY.runs})" in " ".join(capsys.readouterr().out.split())
    main(["doctor", "--json"])
    found = {f["subject"]: f["found"] for f in json.loads(capsys.readouterr().out)["findings"]}
    assert found['on="toy"'] == "runs here" and "needs a chip" in found['on="loihi2"']
    listed = [f'on="{name}"' for name in EXECUTORS] + [f'on="{name}", without microcode' for name in LIBRARY_EXECUTORS]
    assert [s for s in found if s.startswith("on=")] == listed


def test_errors_name_a_new_executor(net, toy):
    with pytest.raises(InputError) as caught:
        net.run(X, on="toi")
    assert "toy" in caught.value.advice and caught.value.advice.endswith(f"Use one of {', '.join(EXECUTORS)}.")
