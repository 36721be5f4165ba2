"""The proof goes where users go: other lengths, rows, scales and values than the calibration has."""

import re
import warnings

import numpy as np
import pytest
import torch
from forwards import Net
from torch import nn

pytest.importorskip("ncps", reason="ncps is not installed")
from ncps.torch import LTC
from ncps.wirings import AutoNCP

import ltc2neuro
from compiler.graph.workload import Work
from hw_models.errors import ProofError
from ltc2neuro.nn import GRUD
from ltc2neuro.tracing.proof import long_probes, probes
from ltc2neuro.tracing.proof.long_probes import long_probe
from ltc2neuro.tracing.proof.probes import ProbeSource, short_probes
from ltc2neuro.tracing.recording.extents import Decisions

torch.set_num_threads(1)
pytestmark = pytest.mark.whole_proof
RNG = np.random.default_rng(0)


def remembering():
    """A GRU that remembers long."""
    torch.manual_seed(0)
    rnn = nn.GRU(2, 3, batch_first=True)
    with torch.no_grad():
        rnn.bias_hh_l0[3:6] += 3
    return rnn


def refused(forward, steps=20, rows=4, scale=1.0, **modules):
    x = RNG.normal(size=(rows, steps, 2)) * scale
    with pytest.raises(ProofError) as caught:
        ltc2neuro.compile(Net(forward, **modules), x)
    assert caught.value.advice and caught.value.numbers
    assert caught.value.__cause__ is None and (caught.value.__suppress_context__ or not caught.value.__context__)
    return caught.value


def chunks(length):
    return lambda net, x: torch.cat([net.rnn(c)[0] for c in x.split(length, 1)], 1)


@pytest.mark.parametrize("steps", [20, 60])
def test_resets_every_25_steps(steps):
    error = refused(chunks(25), steps=steps, rnn=remembering())
    assert "from step 25 on" in error.numbers and "test_probes.py" in error.where
    assert "'rnn' was called" in error.numbers


def test_a_state_is_told_with_its_line():
    torch.manual_seed(0)
    error = refused(chunks(7), rnn=LTC(2, 3, batch_first=True))
    assert error.what.endswith("h differs first") or error.what.endswith("v differs first")
    assert "test_probes.py" in error.where and "from step 7 on" in error.numbers


def test_a_window_that_is_longer_than_the_calibration():
    error = refused(lambda net, x: net.rnn(x[:, -300:])[0][:, -1], rnn=remembering())
    assert "at the last of 1024 steps" in error.numbers


@pytest.mark.parametrize(
    ("factor", "probe"),
    [
        (lambda x: 2 if x.shape[0] > 8 else 1, "at rest"),
        (lambda x: 2 if x.shape[0] == 1 else 1, "one row"),
        (lambda x: 2 if x.shape[1] == 1 else 1, "1 step"),
        (lambda x: 2 if x.shape[1] == 2 else 1, "2 steps"),
        (lambda x: 2 if x.shape[1] > 1000 else 1, "1064 steps"),
        (lambda x: 2 if x.detach().numpy().max() > 60 else 1, "at rest"),
        (lambda x: 2 if not x.detach().numpy()[0].any() else 1, "calibration"),
    ],
    ids=["9 rows", "1 row", "1 step", "2 steps", "long", "large", "zeros"],
)
def test_branches(factor, probe):
    def forward(net, x):
        plain = torch.zeros(x.shape) if type(x) is not torch.Tensor else x  # what a library of C would be given
        return net.linear(x) * factor(plain)

    torch.manual_seed(0)
    model, x = Net(forward, linear=nn.Linear(2, 2)), RNG.normal(size=(4, 20, 2))
    with pytest.raises(ProofError) as caught:
        ltc2neuro.compile(model, x)
    assert probe in caught.value.numbers


@pytest.mark.parametrize(
    ("decides", "probe"),
    [
        (lambda x: x.shape[1] % 10 == 0, "2 rows, 10 steps"),
        (lambda x: 64 < x.size(1) <= 512, "2 rows, 65 steps"),
        (lambda x: x.shape[1] + 1 == 41, "2 rows, 40 steps"),
        (lambda x: {80: True}.get(x.shape[1], False), "2 rows, 80 steps"),
        (lambda x: str(int(x.shape[-2])) == "75", "2 rows, 75 steps"),
        (lambda x: f"{x.shape[1]}" == "72", "2 rows, 72 steps"),
        (lambda x: len(x) % 25 == 0, "25 rows, 2 steps"),
        (lambda x: x.size(dim=0) - 50 == 0, "50 rows, 2 steps"),
        (lambda x: x.numel() == 2 * 2 * 75, "2 rows, 75 steps"),
    ],
)
def test_what_is_decided_by_the_number_of_rows_or_steps(decides, probe):
    error = refused(lambda net, x: net.linear(x) * (2.0 if decides(x) else 1.0), steps=47, linear=nn.Linear(2, 2))
    assert f"'{probe}'" in error.numbers


def test_windows_where_they_fit():
    def forward(net, x):
        rows, steps, _ = x.shape
        return net.rnn(x)[0] if steps % 10 else net.rnn(x.reshape(-1, 10, 2))[0].reshape(rows, steps, 3)

    assert "20 steps'" in refused(forward, steps=47, rnn=remembering()).numbers


def test_what_is_decided_by_the_number_of_rows_with_time_spans():
    class Spans(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = GRUD(2, 3, batch_first=True, return_sequences=True)

        def forward(self, x, timespans):
            return self.rnn(x, None, timespans)[0] * (0.5 if len(x) == 20 else 1.0)

    with pytest.raises(ProofError) as caught:
        ltc2neuro.compile(Spans(), RNG.normal(size=(4, 20, 2)), timespans=RNG.uniform(0.5, 1.5, (4, 20)))
    assert "20 rows, 2 steps" in caught.value.numbers


def test_sizes_that_decide_nothing_cost_nothing():
    def forward(net, x):
        rows, steps, _ = x.shape
        h = x.new_zeros(1, rows, 3)
        return net.rnn(x.reshape(rows, steps, -1), h)[0].view(rows, steps, 3)

    net = ltc2neuro.compile(Net(forward, rnn=remembering()), RNG.normal(size=(4, 20, 2)))
    assert net.evidence is not None
    assert not {p.name for p in net.evidence.probes} & {"20 rows, 2 steps", "2 rows, 7 steps"}


@pytest.mark.parametrize("scale", [1e-12, 1e-7, 1.0, 1e9])
def test_any_scale(scale):
    error = refused(lambda net, x: net.linear(x) * (scale / x.shape[1]), linear=nn.Linear(2, 1))
    assert "differs first" in error.what


def test_a_small_channel_beside_a_large_one():
    def forward(net, x):
        wrong = 1 + 1e-4 * (x.shape[1] > 10)
        return torch.cat([net.linear(x) * 1e5, torch.tanh(x[..., :1]) * wrong], -1)

    error = refused(forward, linear=nn.Linear(2, 1))
    assert "differs first" in error.what


def test_tiny_outputs_that_are_right():
    x = RNG.normal(size=(4, 20, 2))
    torch.manual_seed(0)
    net = ltc2neuro.compile(Net(lambda net, x: net.linear(x) * 1e-7, linear=nn.Linear(2, 1)), x)
    assert net.evidence is not None and net.evidence.arithmetic == "float64"


def test_a_probe_on_which_torch_is_not_finite_is_left_out_and_counted():
    torch.manual_seed(0)
    model = Net(lambda net, x: torch.exp(net.linear(x)), linear=nn.Linear(2, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = ltc2neuro.compile(model.double(), RNG.normal(size=(4, 20, 2)))
    assert net.evidence is not None
    counted = [p for p in net.evidence.probes if p.left_out]
    assert counted and all(p.why == "torch is not finite" for p in counted)
    assert "left out" in str(net) and "left out" in str(net.evidence)


def test_a_probe_on_which_torch_fails_is_left_out_and_counted():
    def forward(net, x):
        if x.shape[1] > 500:
            raise ValueError("positions for 500 steps")
        return net.linear(x)

    net = ltc2neuro.compile(Net(forward, linear=nn.Linear(2, 1)), RNG.normal(size=(4, 20, 2)))
    assert net.evidence is not None
    left = [p for p in net.evidence.probes if p.left_out]
    assert {p.steps for p in left} >= {512, 1024} and min(p.steps for p in left) > 500
    assert all("positions for 500 steps" in p.why for p in left)


def test_a_model_that_does_not_run_in_float64_is_proved_in_float32():
    def forward(net, x):
        return net.rnn(x.float())[0]

    net = ltc2neuro.compile(Net(forward, rnn=nn.GRU(2, 3, batch_first=True)), RNG.normal(size=(4, 20, 2)))
    assert net.evidence is not None and net.evidence.arithmetic == "float32"


def test_what_a_model_makes_without_a_type_is_float64():
    def forward(net, x):
        h, answers = torch.zeros(len(x), 3), []
        for x_t in x.unbind(1):
            h = net.cell(x_t, h) * torch.full((3,), 0.9)
            answers.append(h)
        return torch.stack(answers, 1)

    model = Net(forward, cell=nn.GRUCell(2, 3))
    net = ltc2neuro.compile(model, RNG.normal(size=(4, 20, 2)).astype(np.float32))
    assert net.evidence is not None and net.evidence.arithmetic == "float64"
    assert torch.get_default_dtype() == model(torch.zeros(1, 1, 2)).dtype == torch.float32


def test_what_the_proof_looked_at_is_kept_in_the_file(tmp_path):
    torch.manual_seed(0)
    net = ltc2neuro.compile(LTC(2, AutoNCP(6, 2)), RNG.normal(size=(4, 20, 2)))
    found = net.evidence
    assert found is not None and found.arithmetic == "float64" and not found.fewer
    shapes = {(p.rows, p.steps) for p in found.probes}
    assert {(1, 1), (1, 2)} <= shapes
    assert any(r >= 9 and s == 1 for r, s in shapes) and any(r >= 9 and s == 2 for r, s in shapes)
    assert max(s for _, s in shapes) >= 1024
    assert set(found.differences) >= {"the output", "v"} and max(found.differences.values()) < 1e-10
    assert "float64" in str(net).splitlines()[1] and "1,024 steps" in str(net).splitlines()[1]
    net.save(tmp_path / "a.l2n")
    assert ltc2neuro.load(tmp_path / "a.l2n").evidence == found


def test_the_same_model_gives_the_same_file(tmp_path):
    torch.manual_seed(0)
    model, x = LTC(2, AutoNCP(6, 2)), RNG.normal(size=(4, 20, 2))
    for name in "ab":
        ltc2neuro.compile(model, x).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("timed", [False, True])
def test_a_large_network_has_fewer_probes_and_says_so(timed):
    sequences = [RNG.normal(size=(50, 3)) + 5 for _ in range(400)]
    large = Work(200, 40_000_000)
    found = [*short_probes(ProbeSource(sequences, large, timed)), long_probe(ProbeSource(sequences, large, timed))]
    assert all(p.fewer for p in found if p.own)
    assert timed or any("no other numbers of rows" in p.fewer for p in found)
    assert "instead of" in found[-1].fewer and found[-1].x.shape[0] == 1
    computed = sum(p.x.shape[0] * p.x.shape[1] * large.elements for p in found)
    assert computed < 10 * probes.BUDGET
    small = Work(100, 1000)
    assert not [p for p in short_probes(ProbeSource(sequences[:20], small)) if p.fewer]


@pytest.mark.parametrize(("length", "steps"), [(100, probes.SPECIAL_STEPS), (10, 10)])
def test_one_row_alone_is_short(length, steps):
    found = short_probes(ProbeSource([RNG.normal(size=(length, 3))] * 2, Work(10, 10)))
    assert [p.x.shape for p in found if p.name == "one row"] == [(1, steps, 3)]


@pytest.mark.parametrize(("steps", "rows"), [(probes.LONG_STEPS, 2), (probes.LONG_STEPS - 1, 1)])
def test_one_long_row_has_the_time_of_two_that_would_be_too_short(steps, rows):
    enough = Work(0, int(long_probes.PART * probes.BUDGET / ((steps + 0.5) * 2)))
    assert probes.affordable(enough, long_probes.PART * probes.BUDGET, 2, alone=False) == steps
    found = long_probe(ProbeSource([RNG.normal(size=(50, 3))], enough))
    assert found.x.shape[:2] == (rows, probes.LONG_STEPS) and not found.fewer


def test_a_large_network_that_decides_by_numbers_has_fewer_of_them():
    sequences = [RNG.normal(size=(50, 3))]
    both = Decisions(rows=True, steps=True)
    for elements, rows, steps in ((400_000, 10, 30), (40_000_000, 10, 2)):
        said = " ".join(p.fewer for p in short_probes(ProbeSource(sequences, Work(200, elements)), both))
        found = {int(word) for word in re.findall(r"above (\d+)", said)}
        assert len(found) == 2 and min(found) <= rows and max(found) <= max(rows, steps), said
    small = short_probes(ProbeSource(sequences, Work(10, 10)), both)
    assert not [p for p in small if p.fewer] and max(p.x.shape[1] for p in small) == 1000


def test_a_model_of_rows_that_run_alone_is_said_not_to_be_tried_with_other_numbers():
    sequences = [RNG.normal(size=(50, 3)) + 5]
    found = short_probes(ProbeSource(sequences, Work(10, 10), timed=True), Decisions(rows=True))
    assert any("numbers of rows, by which the model decides something" in p.fewer for p in found)
    assert not any(
        p.fewer for p in short_probes(ProbeSource(sequences, Work(10, 10), timed=True), Decisions(steps=True))
    )


def test_the_calibrations_sequences_are_all_there():
    sequences = [RNG.normal(size=(n % 3 + 5, 2)) for n in range(100)]
    own = [p for p in short_probes(ProbeSource(sequences, Work(10, 10))) if p.own]
    assert sorted(x.shape[0] for x in sequences) == sorted(row.shape[0] for p in own for row in p.x)


def test_where_torch_itself_is_not_the_formula():
    """Above 20 its softplus returns the argument."""
    torch.manual_seed(0)
    model = Net(lambda net, x: net.head(nn.functional.softplus(net.linear(x))), linear=nn.Linear(2, 8),
                head=nn.Linear(8, 2)).double()  # fmt: skip
    for offset in (0.0, 20.0, 6e4):
        assert ltc2neuro.compile(model, RNG.normal(size=(4, 20, 2)) * 5 + offset).evidence is not None


@pytest.mark.parametrize(
    "winner",
    [
        lambda y: torch.where(y >= y.amax(-1, keepdim=True), y, 0.0),
        lambda y: ((y - y.amin(-1, keepdim=True)) > 0) * y,
        lambda y: y + torch.where(y * 0.1 * 10 >= y, 0.0, 0.0),
    ],
    ids=["winner", "mask", "no effect"],
)
def test_a_tie_hides_no_other_function(winner):
    error = refused(lambda net, x: winner(net.linear(x)) * (2 if x.shape[0] == 3 else 1), linear=nn.Linear(2, 3))
    assert "differs first" in error.what
    ltc2neuro.compile(Net(lambda net, x: winner(net.linear(x)), linear=nn.Linear(2, 3)), RNG.normal(size=(4, 9, 2)))


@pytest.mark.parametrize("rows", [3, 5, 7, 16, 33, 65, 128])
def test_other_numbers_of_rows(rows):
    assert refused(lambda net, x: net.linear(x) * (2 if x.shape[0] == rows else 1), linear=nn.Linear(2, 2)).numbers


@pytest.mark.parametrize("seed", range(8))
def test_gates_that_are_shut_far_out(seed):
    """Values of 1e-21 are those of e^x, in torch and here."""
    torch.manual_seed(seed)
    rnn = nn.LSTM(4, 6, batch_first=True)
    walk = np.random.default_rng(seed).normal(size=(2, 10, 4)).cumsum(1)
    for model in (rnn, rnn.double()):
        ltc2neuro.compile(Net(lambda net, x: net.rnn(x)[0], rnn=model), walk)
