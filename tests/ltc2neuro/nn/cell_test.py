"""What every cell of `ltc2neuro.nn` is held to: its test subclasses `CellTest` and writes its equation in NumPy."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layer_agreement import agrees, drifting, onnxruntime_agrees, runs_alike, scrambled, sequences, steady

import ltc2neuro
from compiler.interpreters.float64 import run_float
from hw_models.errors import TraceError
from ltc2neuro.extras import LAVA
from ltc2neuro.network import Network
from ltc2neuro.nn.recurrence import Recurrent, state_shapes, takes_time
from ltc2neuro.nn.states import Bounded, Growing
from ltc2neuro.tracing import run_torch, trace

FEATURES, SIZE = 3, 10

drawn = settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.differing_executors])


def sigmoid(x):
    """Without overflow."""
    return 0.5 + 0.5 * np.tanh(x / 2)


def solve(slope, x, h, solver):
    """One step of x' = slope(x), by the textbook."""
    k1 = slope(x)
    if solver == "euler":
        return x + h * k1
    if solver == "heun":
        return x + h / 2 * (k1 + slope(x + h * k1))
    k2 = slope(x + h / 2 * k1)
    k3 = slope(x + h / 2 * k2)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(x + h * k3))


class CellTest:
    """The tests. A subclass says which layer, with which options, and computes one `step` of it."""

    kind: type[Recurrent]
    options: dict[str, object] = {}  # noqa: RUF012  # a subclass has its own
    floor: float
    """measured SQNR in dB of the outputs of an untrained layer, rounded down"""
    spread = 0.3
    """how far tests move the parameters from where they start"""
    drift = 6.0
    """how many dB the end of long sequences may be worse than their beginning"""
    learns = 0.8
    """what a short training must leave of the loss, at most"""

    def step(self, p, x, state, elapsed):
        """Output and states after one sample: `p` parameters by name, `x` (features,), `state` one array a state."""
        raise NotImplementedError

    # --- torch ---------------------------------------------------------------------------------------------

    def layer(self, features=FEATURES, size=SIZE, seed=0, **other):
        torch.manual_seed(seed)
        return self.kind(features, size, **self.options, **other)

    def start(self, rng, shapes):
        """Initial states of two rows."""
        return [rng.normal(size=(2, *shape)) for shape in shapes]

    def moved(self, layer, seed):
        """Parameters as training may leave them."""
        layer = scrambled(layer, seed, self.spread)
        if hasattr(layer.cell, "constrain"):
            layer.cell.constrain()
        return layer

    def test_habits_of_torch(self):
        x = torch.randn(2, 5, FEATURES)
        layer = self.layer()
        y, hx = layer(x)
        turned = self.layer(batch_first=False)
        turned.load_state_dict(layer.state_dict())
        assert torch.allclose(turned(x.transpose(0, 1))[0].transpose(0, 1), y, atol=1e-6)
        last = self.layer(return_sequences=False)
        last.load_state_dict(layer.state_dict())
        assert torch.allclose(last(x)[0], y[:, -1])
        first, between = layer(x[:, :2])
        second, end = layer(x[:, 2:], between)
        assert torch.allclose(torch.cat([first, second], 1), y, atol=1e-6)
        for a, b in zip(*((h if isinstance(h, tuple) else (h,)) for h in (end, hx)), strict=True):
            assert torch.allclose(a, b, atol=1e-6)

    def test_it_trains(self):
        torch.manual_seed(1)
        layer = self.layer(1, 6)
        readout = torch.nn.Linear(6, 1)
        x = torch.sin(torch.linspace(0, 6, 16)).reshape(1, -1, 1).repeat(4, 1, 1) + 0.1 * torch.randn(4, 16, 1)
        wanted = torch.cos(torch.linspace(0, 6, 16)).reshape(1, -1, 1).expand(4, -1, -1)
        optimizer = torch.optim.Adam([*layer.parameters(), *readout.parameters()], lr=0.02)
        losses = []
        for _ in range(25):
            optimizer.zero_grad()
            loss = ((readout(layer(x)[0]) - wanted) ** 2).mean()
            loss.backward()
            for name, parameter in layer.named_parameters():
                assert not parameter.requires_grad or parameter.grad is not None, name
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < self.learns * losses[0]
        moved = [n for n, p in layer.named_parameters() if p.grad is not None and bool((p.grad != 0).any())]
        assert len(moved) == len([p for p in layer.parameters() if p.requires_grad]), moved

    @drawn
    @given(
        features=st.integers(1, 4),
        size=st.integers(1, 6),
        seed=st.integers(0, 1000),
        elapsed=st.floats(0.1, 2.0),
        scale=st.sampled_from([0.1, 1.0, 5.0]),
    )
    def test_torch_computes_the_equation(self, features, size, seed, elapsed, scale):
        layer = self.moved(self.layer(features, size, seed).double(), seed)
        cell = layer.cell
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(2, 4, features)) * scale
        start = self.start(rng, state_shapes(cell))
        hx = tuple(torch.from_numpy(s) for s in start)
        timespans = torch.full((2, 4), elapsed, dtype=torch.float64) if takes_time(cell) else None
        with torch.no_grad():
            y, last = layer(torch.from_numpy(x), hx if len(hx) > 1 else hx[0], timespans)
        p = {name: value.double().numpy() for name, value in cell.state_dict().items()}
        bounds = cell.state_bounds(elapsed) if isinstance(cell, Bounded) else [None] * len(start)
        for row in range(2):
            state = [s[row] for s in start]
            for t in range(4):
                output, state = self.step(p, x[row, t], state, elapsed)
                assert np.allclose(y[row, t].numpy(), output, rtol=1e-9, atol=1e-9)
                for now, first, bound in zip(state, start, bounds, strict=True):
                    if bound is not None:
                        low, high = (torch.as_tensor(end, dtype=torch.float64).detach().numpy() for end in bound)
                        assert np.all(now >= np.minimum(low, first[row]) - 1e-9)
                        assert np.all(now <= np.maximum(high, first[row]) + 1e-9)
            for tensor, array in zip(last if isinstance(last, tuple) else (last,), state, strict=True):
                assert np.allclose(tensor[row].numpy(), array, rtol=1e-9, atol=1e-9)

    # --- compiled ------------------------------------------------------------------------------------------

    def test_the_float_graph_computes_what_torch_does(self):
        """One unit of one feature, too; of other solvers and options it is the same."""
        cases = [(2, 3, 1, 1.0, True), (3, 5, 2, 0.3, False), (1, 1, 0, 0.3, False)]
        for features, size, seed, dt, last in cases if self.first() else cases[:2]:
            layer = self.moved(self.layer(features, size, seed, return_sequences=not last), seed)
            traced, _ = agrees(layer, features, dt)
            assert traced.readout == ("last" if last else "every")
            assert bool(traced.growing) == (isinstance(layer.cell, Growing) and bool(layer.cell.unbounded))

    def test_time_spans(self):
        """One elapsed time a sample, proved against torch; a cell that knows no time refuses them."""
        layer, x = self.layer(size=4).eval(), sequences(FEATURES)
        spans = [np.random.default_rng(n).uniform(0.2, 1.0, len(one)) for n, one in enumerate(x)]
        if not takes_time(layer.cell):
            with pytest.raises(TraceError, match="takes no elapsed time"):
                trace(layer, x, timespans=spans)
            return
        traced = trace(layer, x, timespans=spans)
        assert traced.timed
        joined = np.concatenate([x[0], spans[0][:, None]], 1)
        with torch.no_grad():
            y, _ = layer(torch.from_numpy(x[0][None]).float(), None, torch.from_numpy(spans[0][None]).float())
        assert np.allclose(run_float(traced.graph, joined[None]).outputs[0], y[0].numpy(), atol=1e-5)

    def test_any_size_on_the_mapped_machine(self):
        for features, size, seed in ((3, 6, 1), (1, 1, 0)) if self.first() else ((3, 6, 1),):
            x = drifting(features, batch=2, steps=6, seed=seed)
            model = self.moved(self.layer(features, size, seed), seed).eval()
            runs_alike(self.compiled(model, x), x)

    def test_executors_return_equal_integers(self, tmp_path):
        model, x = self.layer().eval(), drifting(FEATURES)
        net = self.compiled(model, x)
        run = runs_alike(net, x)
        onnxruntime_agrees(net, x, run)
        net.save(tmp_path / "cell.l2n")
        again = ltc2neuro.load(tmp_path / "cell.l2n").run(x)
        assert np.array_equal(again.integers, run.integers)
        assert self.sqnr(np.stack(run_torch(model, list(x))), run.outputs) >= self.floor

    def test_long_sequences(self):
        """Within the bound, and the error at the end is not far above that of the beginning."""
        net, cell, x = small(type(self)), self.layer(size=4).cell, steady(FEATURES, self.samples())
        run, real = net.run(x), run_float(net.float_graph, x)
        for state in net.graph.states:
            reached = run.states[state.name] * net.state_lsb(state.name)
            name = state.name.split("[")[0].removeprefix("cell.")
            bound = dict(zip(self.names(cell), self.bounds(cell), strict=True)).get(name)
            if bound is not None and "[" not in state.name:
                low, high = (torch.as_tensor(end, dtype=torch.float64).detach().numpy() for end in bound)
                room = 2.0**-11 * max(float(np.max(np.abs(low))), float(np.max(np.abs(high))))
                assert np.all(reached >= np.minimum(low, 0) - room)
                assert np.all(reached <= np.maximum(high, 0) + room)
        begin, end = (
            self.sqnr(real.outputs[:, part], run.outputs[:, part]) for part in (slice(100), slice(-100, None))
        )
        assert end >= begin - self.drift

    def test_lava(self):
        if LAVA.missing():
            pytest.skip("lava-nc is not installed")
        net, x = small(type(self)), drifting(FEATURES, batch=2, steps=6)
        run, lava = net.run(x), net.run(x, on="lava-fused")
        assert np.array_equal(lava.integers, run.integers)
        assert all(np.array_equal(lava.states[n], run.states[n]) for n in run.states)

    # --- helpers -------------------------------------------------------------------------------------------

    @classmethod
    def first(cls) -> bool:
        """Whether it is a cell's own test: those of its other solvers and options subclass that one, and try less."""
        return CellTest in cls.__bases__

    @classmethod
    def samples(cls) -> int:
        """How long a sequence is."""
        return 1000 if cls.first() else 300

    def compiled(self, model, x):
        growing = isinstance(model.cell, Growing) and bool(model.cell.unbounded)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            net = ltc2neuro.compile(model, x)
        warned = [str(w.message) for w in caught if "may grow without bound" in str(w.message)]
        assert bool(warned) == growing
        return net

    @staticmethod
    def sqnr(expected, found):
        """Of all channels together, their means included: how it changes tells whether errors gather."""
        error = np.sum((np.asarray(found) - expected) ** 2)
        return float("inf") if error == 0 else float(10 * np.log10(np.sum(np.asarray(expected) ** 2) / error))

    @staticmethod
    def names(cell):
        return getattr(cell, "state_names", ["h"])

    def bounds(self, cell):
        return cell.state_bounds(1.0) if isinstance(cell, Bounded) else [None] * len(self.names(cell))


@cache
def small(test: type[CellTest]) -> Network:
    """A network of few neurons, calibrated on long sequences; some tests run it, and none changes it."""
    model, x = test().layer(size=4).eval(), steady(FEATURES, test.samples())
    whole = isinstance(model.cell, Growing) and model.cell.unbounded
    return test().compiled(model, x if whole else x.reshape(-1, 100, FEATURES))


__all__ = ["FEATURES", "SIZE", "CellTest", "drifting", "sequences", "sigmoid", "solve"]
