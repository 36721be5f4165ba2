"""Irregular samples: the time before each one goes with it through every call, and torch agrees row by row."""

import numpy as np
import pytest

import ltc2neuro
from ltc2neuro import metrics
from ltc2neuro.errors import InputError

torch = pytest.importorskip("torch", reason="compiling needs the extra torch")
ncps = pytest.importorskip("ncps.torch", reason="compiling needs the extra torch")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 20, 3))
SPANS = RNG.uniform(0.3, 2.5, size=(5, 20))


def ltc():
    from ncps.wirings import AutoNCP

    torch.manual_seed(0)
    return ncps.LTC(3, AutoNCP(12, 2))


def cfc():
    torch.manual_seed(0)
    return ncps.CfC(3, 12)


@pytest.fixture(scope="module")
def net():
    return ltc2neuro.compile(ltc(), X, timespans=SPANS)


@pytest.mark.parametrize(("make", "least"), [(ltc, 60.0), (cfc, 33.0)])
def test_torch_row_by_row(make, least):
    """ncps 1.0.1 mixes up the rows of a batch, so torch runs each alone."""
    model = make()
    rows = []
    for x, spans in zip(X, SPANS, strict=True):
        x, spans = (torch.tensor(a[None], dtype=torch.float32) for a in (x, spans))
        rows.append(model(x, timespans=spans)[0][0].detach().numpy())
    net = ltc2neuro.compile(model, X, timespans=SPANS)
    assert metrics.sqnr(rows, list(net(X, timespans=SPANS))) > least


def test_time_matters(net):
    assert np.any(net(X, timespans=SPANS) != net(X, timespans=np.ones_like(SPANS)))


def test_a_list_a_stream_and_two_chunks_give_the_same(net):
    whole = net.run(X, timespans=SPANS)
    listed = net.run(list(X), timespans=list(SPANS))
    assert all(np.array_equal(a, b) for a, b in zip(listed.integers, whole.integers, strict=True))
    stream = net.stream()
    assert np.array_equal([stream.step(x, s) for x, s in zip(X[0], SPANS[0], strict=True)], whole.outputs[0])
    first = net.run(X[:, :7], timespans=SPANS[:, :7])
    second = net.run(X[:, 7:], timespans=SPANS[:, 7:], state=first.final_state)
    assert np.array_equal(np.concatenate([first.integers, second.integers], axis=1), whole.integers)


def test_every_executor_agrees_and_the_file_keeps_it(net, tmp_path):
    verification = ltc2neuro.verify(net, ltc(), X, timespans=SPANS, on=["lava-fused"], min_sqnr=60)
    assert verification.passed, str(verification)
    net.save(tmp_path / "timed.l2n")
    again = ltc2neuro.load(tmp_path / "timed.l2n")
    assert again.timed and again.features == 3
    assert np.array_equal(again.run(X, timespans=SPANS).integers, net.run(X, timespans=SPANS).integers)
    assert ltc2neuro.verify(again, None, on=["reference"]).passed


def test_tau_does_not_depend_on_how_long_a_sample_is(net):
    """tau = cm / (g + D) follows from the state and the input; the spans only decide how far the state goes."""
    still = np.zeros((1, 30, 3))
    taus = [net.run(still, timespans=np.full((1, 30), s), record="tau").record["tau"][0, -1] for s in (0.5, 2.0)]
    assert np.allclose(taus[0], taus[1], rtol=0.02)


@pytest.mark.parametrize(
    ("spans", "text"),
    [
        (None, "needs the time before each sample"),
        (SPANS[:, :5], "do not fit"),
        (SPANS[:2], "do not fit"),
        (0.5, "a single number"),
        (-SPANS, "below 0"),
        (SPANS * np.nan, "not finite"),
        (SPANS * 0, "divides by it"),
    ],
)
def test_wrong_spans(net, spans, text):
    with pytest.raises(InputError, match=text):
        net.run(X, timespans=spans)


def first_at_once(seed=1):
    spans = np.random.default_rng(seed).uniform(0.5, 2.0, size=(5, 20))
    spans[:, 0] = 0.0
    return spans


@pytest.mark.parametrize("kind", ["cfc", "no_gate", "grud"])
@pytest.mark.parametrize("calibrated", [True, False])
def test_a_span_of_zero_where_the_cell_is_defined_there(kind, calibrated):
    """As differences of timestamps have it at the start; whether the calibration has one or not."""
    from ltc2neuro.nn import GRUD

    torch.manual_seed(0)
    model = GRUD(3, 4, batch_first=True) if kind == "grud" else ncps.CfC(3, 6, mode=kind.replace("cfc", "default"))
    zeros = first_at_once()
    net = ltc2neuro.compile(model, X, timespans=zeros if calibrated else SPANS)
    rows = []
    for x, spans in zip(X, zeros, strict=True):
        x, spans = (torch.tensor(a[None], dtype=torch.float32) for a in (x, spans))
        rows.append(model(x, timespans=spans)[0][0].detach().numpy())
    run = net.run(X, timespans=zeros, strict=True)
    assert net.shortest_span == 0 and metrics.sqnr(rows, list(run.outputs)) > 30


def test_an_ltc_divides_by_the_time_span(net):
    with pytest.raises(InputError, match="divides by it") as error:
        ltc2neuro.compile(ltc(), X, timespans=first_at_once())
    assert "5 of 100" in str(error.value) and "ltc_cell.py" in str(error.value)
    with pytest.raises(InputError, match="divides by it"):
        net.run(X, timespans=first_at_once())


@pytest.mark.parametrize("factor", [0.02, 10.0])
def test_spans_beyond_the_calibrated_ones_are_told_on_both_sides(net, factor):
    with pytest.warns(UserWarning, match="clipped .* time spans: .* seen .* calibrated for") as caught:
        net(X, timespans=SPANS * factor)
    assert len(caught) == 1 and caught[0].filename == __file__
    with pytest.raises(InputError, match="clipped"):
        net.run(X, timespans=SPANS * factor, strict=True)
    assert net.run(X, timespans=SPANS, strict=True).clipped.text() == ""


def test_spans_that_are_too_short_are_told_of_real_values_too(net):
    """No format ends a real value: only the shortest span does."""
    (tally,) = net.run(X, timespans=SPANS * 0.02, on="floating").clipped.tallies
    assert tally.counts.tolist() == [np.count_nonzero(SPANS * 0.02 < net.shortest_span)]
    assert tally.held_low.tolist() == [net.shortest_span] and tally.held_high.tolist() == [np.inf]


def test_spans_for_a_network_without():
    net = ltc2neuro.compile(ltc(), X)
    with pytest.raises(InputError, match="constant interval"):
        net(X, timespans=SPANS)


def test_time_spans_that_are_all_zero_are_named_without_others():
    with pytest.raises(InputError, match="divides by it") as told:
        ltc2neuro.compile(ncps.LTC(3, 4), X, timespans=np.zeros_like(SPANS))
    assert told.value.numbers == f"{SPANS.size} of {SPANS.size} time spans are 0"
