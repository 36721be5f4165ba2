"""Random torch models of norms and functions: compiled right, refused in our words, or warned of, and nothing else.

What is right is said in `models`. Norms stand before, between and behind layers and in cells, of data on any scale;
functions get arguments over many octaves or periods.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from benchmarks.fuzz.composed import CHIPS, Choice, Composed, Example, Stage, Step, called, data, recurrent
from benchmarks.fuzz.kind import Kind
from benchmarks.fuzz.models import ready, tried


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(-1, keepdim=True)


def _grouped(x: Tensor) -> Tensor:
    flat = x.reshape(-1, x.shape[-1])
    return functional.group_norm(flat, 2 if x.shape[-1] % 2 == 0 else 1).reshape(x.shape)


NORMS: tuple[Step, ...] = (
    lambda x: functional.layer_norm(x, x.shape[-1:]),
    lambda x: functional.rms_norm(x, x.shape[-1:], eps=1e-6),
    lambda x: _centred(x) / torch.sqrt(_centred(x).square().mean(-1, keepdim=True) + 1e-5),
    lambda x: _centred(x) / (x.std(-1, keepdim=True) + 1e-6),
    lambda x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6),
    lambda x: functional.normalize(x, dim=-1),
    lambda x: x / (1e-3 + x.norm(dim=-1, keepdim=True)),
    _grouped,
    lambda x: functional.log_softmax(x, -1),
    lambda x: x - torch.logsumexp(x, -1, keepdim=True),
    lambda x: x / x.abs().amax(-1, keepdim=True).clamp(min=1e-3),
)
FUNCTIONS: tuple[Step, ...] = (
    torch.sin, torch.cos, torch.atan, torch.erf, torch.asinh, lambda x: torch.tan(torch.tanh(x)),
    lambda x: torch.asin(0.95 * torch.tanh(x)), lambda x: torch.acos(0.9 * torch.tanh(x)),
    lambda x: torch.sinh(x.clamp(-2, 2)), lambda x: torch.cosh(x.clamp(-2, 2)), lambda x: torch.log(x.abs() + 0.01),
    lambda x: torch.log1p(x.abs()), lambda x: torch.log1p(x.square()), lambda x: torch.log2(x.square() + 0.1),
    lambda x: (x.abs() + 0.05) ** 0.7, lambda x: (x.abs() + 0.05) ** -0.4, lambda x: x.abs() ** 1.5,
    lambda x: 2 ** torch.tanh(x), lambda x: torch.exp2(-x.abs()),
    # what jumps is made continuous: at a jump any rounding makes another answer right
    lambda x: (x - torch.round(x)).square(), lambda x: (x % 0.7 - 0.35).abs(),
    lambda x: (torch.fmod(x.abs(), 1.3) - 0.65).abs(), lambda x: torch.frac(x).abs() * (1 - torch.frac(x).abs()),
    lambda x: (x - torch.floor(x) - 0.5).abs(), lambda x: torch.sin(6.2831853 * torch.frac(x)),
    lambda x: torch.hypot(x, x.flip(-1)), lambda x: torch.logaddexp(x, -x), lambda x: torch.celu(x, 0.5),
    lambda x: torch.nan_to_num(x), lambda x: x.cumsum(-1), lambda x: torch.atan2(x, x.flip(-1).abs() + 0.1),
    lambda x: torch.special.ndtr(x), lambda x: torch.logit(torch.sigmoid(x)),
)  # fmt: skip


def example(seed: int) -> Example:
    """The model and data of a seed."""
    rng = np.random.default_rng([seed, 5])
    torch.manual_seed(seed)
    features, width = int(rng.integers(3, 7)), int(rng.integers(3, 9))
    stages: list[tuple[nn.Module | None, Stage]] = [] if rng.random() < 0.3 else [_layer(rng, features, width)]
    width = width if stages else features
    for _ in range(int(rng.integers(1, 4))):
        stages.append(_function(rng))
        if rng.random() < 0.5:
            stages.append(_layer(rng, width, width))
    model = Composed(stages)
    model = model.double() if rng.random() < 0.3 else model
    scale, offset = float(10 ** rng.uniform(-2, 3)), float(rng.choice([0.0, 0.0, 3.0, -20.0]))
    calibration, new = (data(rng, n, steps, features, scale, offset) for n, steps in ((6, 24), (9, 50)))
    return Example(model, calibration, new, str(rng.choice(CHIPS)))


def _layer(rng: Choice, features: int, units: int) -> tuple[nn.Module, Stage]:
    module = nn.Linear(features, units) if rng.random() < 0.6 else recurrent(rng, features, units)
    return module, called


def _function(rng: Choice) -> tuple[None, Stage]:
    """A norm, or a function of what is multiplied, or of what is added to its argument."""
    kinds = NORMS if rng.random() < 0.5 else FUNCTIONS
    function, factor = kinds[int(rng.integers(len(kinds)))], float(10 ** rng.uniform(-1, 1))
    if kinds is FUNCTIONS:
        return None, lambda _, x: function(factor * x)
    if rng.random() < 0.2:
        return None, lambda _, x: x + function(x)
    return None, lambda _, x: function(x)


def trial(seed: int) -> str:
    """Compile the model of `seed` and compare on new data. Raises `AssertionError` where it is silently wrong."""
    return tried(example(seed))


KIND = Kind(trial, seconds=120, prepare=ready)
