"""Random torch models: compiled right, refused in our words, or warned of, and nothing else.

Right is what the network returns for other data of the same kind, more rows and more steps than it was calibrated on:
the float network is torch's function, and every channel that varies keeps at least `RIGHT_DB`.
"""

from __future__ import annotations

import copy
import warnings

import numpy as np
import torch

import ltc2neuro
from benchmarks.fuzz.composed import Example, example
from benchmarks.fuzz.kind import Kind
from hw_models.errors import GraphError, Ltc2NeuroError
from ltc2neuro.metrics import sqnr
from ltc2neuro.network import Network

RIGHT_DB = 25.0
"""5 dB below what `compile` warns of on the calibration itself."""
MOVED, JUMP, FEW, DRAWS = 2.0**-6, 0.1, 0.05, 6
"""A sample is at a threshold where inputs moved by up to `MOVED` of their range move its answer by `JUMP` of its own,
in any of the draws; at most `FEW` of all samples are left out for that."""
SAME = 1e-4
"""The float network may differ from torch in float32 by this part of a channel's range."""


def trial(seed: int) -> str:
    """Compile the model of `seed` and compare on new data. Raises `AssertionError` where it is silently wrong."""
    return tried(example(seed))


def tried(made: Example) -> str:
    """Compile a model, and compare on new data. Raises `AssertionError` where it is silently wrong."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            net = ltc2neuro.compile(made.model, made.calibration, chip=made.chip)
        except Ltc2NeuroError as error:
            assert not isinstance(error, GraphError), f"a bug of ours: {error}"
            assert error.what and (error.advice or error.numbers), f"an error without advice: {error}"
            return f"refused: {type(error).__name__}"
        gots = several(net(made.new))
        words = [str(w.message) for w in seen if issubclass(w.category, UserWarning)]
    wants, floats = _torch(made, made.new), _floats(net, made)
    assert [got.shape for got in gots] == [want.shape for want in wants], f"{[got.shape for got in gots]}"
    off = max(map(_apart, wants, floats))
    steady = _steady(made, wants)
    if words:
        return "warned"
    assert off < SAME, f"another function, silently: {off:.3g} of a channel's range"
    if not any(want.any() for want in wants):  # no signal, so no decibels
        return "nothing but zeros"
    for want, got, held in zip(wants, gots, steady, strict=True):
        shown = want.astype(np.float32) if _own(made) == torch.float32 else want  # float32 resolves no more
        decibels = sqnr([shown[held]], [got[held]]) if want.any() else np.inf
        assert decibels >= RIGHT_DB, f"{decibels:.1f} dB, silently"
    return "right"


def several(answers: object) -> list[np.ndarray]:
    """Of one answer, or of several."""
    return [np.asarray(answer, np.float64) for answer in (answers if isinstance(answers, tuple) else (answers,))]


def _steady(made: Example, wants: list[np.ndarray]) -> list[np.ndarray]:
    """Which samples' answers hold where the inputs move a little; all, where more than a few do not.

    Where a comparison is at its threshold, any rounding makes the answer jump.
    """
    draw, sizes = np.random.default_rng(0), [np.ptp(want, axis=tuple(range(want.ndim - 1))) for want in wants]
    steps = np.ptp(made.calibration, axis=(0, 1)) * MOVED
    jumps = [np.zeros(want.shape[:-1], bool) for want in wants]
    for _ in range(DRAWS):
        moved = _torch(made, made.new + steps * draw.uniform(-1, 1, made.new.shape))
        for jump, other, want, size in zip(jumps, moved, wants, sizes, strict=True):
            jump |= np.any(np.abs(other - want) > JUMP * size, axis=-1)
    return [~jump if np.mean(jump) <= FEW else np.ones_like(jump) for jump in jumps]


def _torch(made: Example, x: np.ndarray) -> list[np.ndarray]:
    """What torch answers, in float64 where the model runs in it: what float32 loses is not the network's error."""
    with torch.no_grad():
        try:
            return several(copy.deepcopy(made.model).double().eval()(torch.tensor(x, dtype=torch.float64)))
        except RuntimeError:  # a tensor of its own is float32
            return several(made.model.eval()(torch.tensor(x, dtype=_own(made))))


def _own(made: Example) -> torch.dtype:
    return next((p.dtype for p in made.model.parameters()), torch.float32)


def _floats(net: Network, made: Example) -> list[np.ndarray]:
    from compiler.interpreters.float64 import run_float

    return several(net.shaped(run_float(net.float_graph, made.new).outputs))


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1])
    size = np.max(np.abs(a), axis=0)
    return float(np.max(np.max(np.abs(a - b), axis=0) / np.where(size > 0, size, 1.0)))


def ready() -> None:
    torch.set_num_threads(1)


KIND = Kind(trial, seconds=120, prepare=ready)
