"""`search`: cheaper settings that keep what is asked for, on real networks; the front, the journal, errors."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra torch")

import torch

import ltc2neuro
from hw_models.chip import load_chip
from ltc2neuro.errors import InputError, WorkerError
from ltc2neuro.searching import moves, trials

X = np.random.default_rng(0).normal(size=(9, 12, 3)).astype(np.float32)


class Headed(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = torch.nn.RNN(3, 6, batch_first=True), torch.nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0])


def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return Headed()


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Fewer moves: those of matrices."""
    monkeypatch.setattr(moves, "SEGMENTS", (6, 8))
    monkeypatch.setattr(moves, "DEGREES", (3,))
    monkeypatch.setattr(moves, "WEIGHTS", (8,))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A search to its end, and its journal."""
    journal = tmp_path_factory.mktemp("search") / "journal"
    with pytest.MonkeyPatch.context() as patch:
        for name, values in (("SEGMENTS", (6, 8)), ("DEGREES", (3,)), ("WEIGHTS", (8,))):
            patch.setattr(moves, name, values)
        found = ltc2neuro.search(model(), X, start="accurate", min_sqnr=55, budget_s=1e3, journal=journal)
    return found, journal


def test_it_costs_less_and_keeps_what_was_asked_for_on_what_was_held_back(kept):
    found, _ = kept
    best = found.best.trial
    assert found.complete and best.cost < 0.7 * found.start.cost and found.saved > 0.3
    assert min(best.decibels, best.held_back) >= 55


def test_the_front_is_one_and_its_networks_are_what_was_measured(kept):
    found, _ = kept
    costs, levels = ([getattr(p.trial, name) for p in found.front] for name in ("cost", "decibels"))
    assert costs == sorted(costs) and found.best in found.front
    beaten = [p for p in found.front if p is not found.best]
    assert [p.trial.decibels for p in beaten] == sorted(p.trial.decibels for p in beaten) and len(set(levels)) > 3
    for point in (found.front[0], found.best, found.front[-1]):
        net = point.network
        assert point.cost().sample.default == point.trial.cost and net.precision == point.precision
        assert net.run(X, on="reference").integers.shape == (9, 12, 2)
        verified = ltc2neuro.verify(net, model(), on=["reference"])  # its own known answer, and still torch's function
        assert verified.passed


def test_a_journal_is_continued_and_the_same_comes_of_it(kept):
    found, journal = kept
    before = journal.read_text()
    again = ltc2neuro.search(model(), X, start="accurate", min_sqnr=55, budget_s=1e3, journal=journal)
    assert journal.read_text() == before and again == found
    with pytest.raises(InputError, match="another search"):
        ltc2neuro.search(model(), X + 1, start="accurate", min_sqnr=55, journal=journal)
    journal.with_name("none").write_text("notes")
    with pytest.raises(InputError, match="not the journal of a search"):
        ltc2neuro.search(model(), X, journal=journal.with_name("none"))


def test_a_journal_that_was_broken_off_is_continued(kept, tmp_path):
    found, journal = kept
    whole, copy = journal.read_bytes(), tmp_path / "journal"
    for length in (len(whole) - 30, len(whole) - 1):
        copy.write_bytes(whole[:length])
        assert ltc2neuro.search(model(), X, start="accurate", min_sqnr=55, budget_s=1e3, journal=copy) == found
        assert copy.read_bytes() == whole
    copy.write_bytes(whole[:10])  # in its first line
    ltc2neuro.search(model(), X, start="accurate", min_sqnr=55, budget_s=1e-3, journal=copy)
    assert copy.read_bytes() == b"".join(whole.splitlines(keepends=True)[:2])


def test_a_journal_is_of_its_targets_its_metric_its_chip_and_its_version(tmp_path, monkeypatch):
    y, asked = X[..., :2], {"max_metric_change": 1e9, "budget_s": 1e-3, "journal": tmp_path / "journal"}
    first = ltc2neuro.search(model(), X, y, "mse", **asked)
    assert ltc2neuro.search(model(), X, y, "mse", **asked).start == first.start
    chip = load_chip("loihi2")
    others = (("targets", y + 1, "mse", chip), ("metric", y, "mae", chip))
    others += (("function", y, lambda a, b: float(np.max(abs(a - b))), chip), ("none", None, None, chip))
    others += (("chip", y, "mse", replace(chip, registers=(chip.registers or 90) + 1)),)
    for _, targets, metric, chip in others:
        own = asked if metric else {**asked, "max_metric_change": None}
        with pytest.raises(InputError, match="this journal is of another search"):
            ltc2neuro.search(model(), X, targets, metric, chip=chip, **own)
    one, other = (lambda a, b: float(np.mean(a))), (lambda a, b: float(np.mean(b)))  # of one name
    asked["journal"] = tmp_path / "functions"
    ltc2neuro.search(model(), X, y, one, **asked)
    with pytest.raises(InputError, match="this journal is of another search"):
        ltc2neuro.search(model(), X, y, other, **asked)
    monkeypatch.setattr(trials, "__version__", "99")
    with pytest.raises(InputError, match="this journal is of another search"):
        ltc2neuro.search(model(), X, y, one, **asked)


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_the_same_comes_of_it_on_an_executor(kept, kind, tmp_path):
    found, journal = kept
    own = {"mp_context": get_context("spawn")} if kind is ProcessPoolExecutor else {}
    copy = tmp_path / "journal"
    with kind(2, **own) as executor:
        asked = {"start": "accurate", "min_sqnr": 55, "budget_s": 1e3, "journal": copy}
        assert ltc2neuro.search(model(), X, executor=executor, **asked) == found
    assert copy.read_text() == journal.read_text()


def test_workers_that_cannot_work_are_told():
    with pytest.raises(InputError, match="this is not a pool of workers"):
        ltc2neuro.search(model(), X, executor=2)
    closed = ThreadPoolExecutor(1)
    closed.shutdown()
    with pytest.raises(WorkerError, match="shut down"):
        ltc2neuro.search(model(), X, executor=closed)
    with ThreadPoolExecutor(1) as executor, pytest.raises(InputError, match="cannot travel"):
        ltc2neuro.search(model(), X, X[..., :2], lambda y, t: 0.0, max_metric_change=1, executor=executor)


def test_the_text_tells_each_setting(kept):
    found, _ = kept
    text = str(found)
    assert "  start " in text and "  best " in text and "less time than the start" in text
    assert text.count("\n") == len(found.front) + 2 and "by the deployment" not in text  # one core is enough for so few


@pytest.mark.parametrize(
    ("minimise", "of", "saved"),
    [
        ("cores", "cores of the network, ", "0.0% fewer cores than"),
        ("instructions", "instructions a sample, ", "0.0% fewer instructions than"),
        ("synapses", "synapses of the network, ", "0.0% fewer synapses than"),
        ("energy", "energy a sample, ", "% less energy than"),
    ],
)
def test_the_text_counts_what_can_be_counted(minimise, of, saved):
    text = str(ltc2neuro.search(model(), X, minimise=minimise, budget_s=1e-3))
    assert text.startswith(of) and saved in text and text.endswith("1 setting tried, its time was over"), text


def test_without_a_limit_nothing_is_lost():
    found = ltc2neuro.search(model(), X, budget_s=5, minimise="energy")
    best, start = found.best.trial, found.start
    assert best.cost <= start.cost
    assert min(best.decibels, best.held_back) >= min(start.decibels, start.held_back)


def test_a_metric_may_decide():
    net = ltc2neuro.compile(model(), X)
    targets = net(X) + 0.1
    found = ltc2neuro.search(
        model(), X, targets, "mse", max_metric_change=0.02, start="accurate", minimise="synapses", budget_s=15
    )
    assert found.best.trial.change is not None and found.best.trial.change <= 0.02
    assert found.best.trial.cost < found.start.cost


def test_a_metric_that_is_missed_or_not_finite_is_told():
    asked = {"max_metric_change": 0.0, "budget_s": 1e-3}
    with pytest.raises(
        InputError, match=r"mse is [\d.]+ of the float network; it changes by [\d.e-]+ at the start"
    ) as told:
        ltc2neuro.search(model(), X, X[..., :2], "mse", **asked)
    assert "dB" not in str(told.value)
    calls = iter((1.0, float("nan")))
    with pytest.raises(InputError, match="changes by nan at the start, by nan at least"):
        ltc2neuro.search(model(), X, X[..., :2], lambda y, t: next(calls), **asked)
    with pytest.raises(InputError, match="float network's own answers is not finite"):
        ltc2neuro.search(model(), X, 0 * X[..., :2], "correlation", **asked)


def test_when_time_is_over_it_tells_what_was_found():
    found = ltc2neuro.search(model(), X, budget_s=1e-3)
    assert not found.complete and found.tried == 1 and found.best.trial == found.laid_out
    assert found.best.network.precision == found.start.precision and found.saved == found.saved_by_deployment


def test_wrong_arguments():
    with pytest.raises(InputError, match="minimise"):
        ltc2neuro.search(model(), X, minimise="beauty")
    with pytest.raises(InputError, match="budget_s must be above 0"):
        ltc2neuro.search(model(), X, budget_s=0)
    with pytest.raises(InputError, match="needs a metric"):
        ltc2neuro.search(model(), X, max_metric_change=0.1)
    with pytest.raises(InputError, match="two sequences"):
        ltc2neuro.search(model(), X[:1])
    with pytest.raises(InputError, match="keeps what is asked for"):
        ltc2neuro.search(model(), X, min_sqnr=200, budget_s=1e-3)
