"""The additive constants of an integer graph learned: distillation against the float network, with Adam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from compiler.interpreters.float64 import run_each
from hw_models.arrays import Floats, Integers, by_length
from ltc2neuro.compiled.record import Record
from ltc2neuro.progressing import begin
from ltc2neuro.tuning.kernels import NamedTensors, TorchGraph, floored

RATE = 0.3
"""Adam's largest step, in units of what the rounding of a parameter of a constant's size can be"""
ROWS, SAMPLES = 25, 3200
"""Sequences of a batch, and samples of all of them: gradients need the memory of every value at every sample"""


@dataclass(frozen=True)
class _TrainingGroup:
    """Sequences of one length: what enters, (batch, time, features), and what the float network answers."""

    x: Tensor
    exact: Tensor


@dataclass(frozen=True)
class Training:
    """How long, and the seed of the order of the data."""

    epochs: int
    seed: int


def trained(record: Record, names: Sequence[str], arrays: Sequence[Floats], how: Training) -> dict[str, Integers]:
    """What the constants `names` become, rounded, when the outputs at every sample of `arrays`, sequences (time,
    channels), follow the float network's, each channel's error in parts of what it varies."""
    program, groups = TorchGraph.of(record.graph), _groups(record, arrays)
    start: NamedTensors = {n: program.constants[n] for n in names}
    units = {n: c.abs().max() * 2.0**-record.precision.parameter for n, c in start.items()}
    moved = {n: torch.zeros_like(c, requires_grad=True) for n, c in start.items()}
    every = torch.cat([g.exact.reshape(-1, g.exact.shape[-1]) for g in groups])
    weight = torch.where(every.var(0, correction=0) > 0, 1 / every.var(0, correction=0), 0.0)
    batches = sum(len(_batches(g, None)) for g in groups)
    adam = torch.optim.Adam(moved.values(), lr=RATE)
    rate = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, total_steps=how.epochs * batches)
    order = torch.Generator().manual_seed(how.seed)
    for epoch in range(how.epochs):
        begin(f"epoch {epoch + 1} of {how.epochs}")
        for group in groups:
            for rows in _batches(group, order):
                adam.zero_grad()
                found = _outputs(record, program.run(group.x[rows], _rounded(start, moved, units)))
                (weight * (found - group.exact[rows]) ** 2).mean().backward()
                adam.step()
                rate.step()
    with torch.no_grad():
        return {n: c[0].numpy().astype(np.int64) for n, c in _rounded(start, moved, units).items()}


def _rounded(start: NamedTensors, moved: NamedTensors, units: Mapping[str, Tensor]) -> NamedTensors:
    return {n: floored(c + moved[n] * units[n] + 0.5) for n, c in start.items()}


def _groups(record: Record, arrays: Sequence[Floats]) -> list[_TrainingGroup]:
    cut = [record.entering(a[:SAMPLES]) for a in arrays]
    exact = [e.outputs[0] for e in run_each(record.float_graph, cut)]
    found = [group for group in by_length(cut) if len(cut[group[0]])]
    stacked = [(np.stack([cut[i] for i in g]), np.stack([exact[i] for i in g])) for g in found]
    return [
        _TrainingGroup(torch.from_numpy(record.enters.quantize(x)[0] * 1.0), torch.from_numpy(y)) for x, y in stacked
    ]


def _batches(group: _TrainingGroup, order: torch.Generator | None) -> tuple[Tensor, ...]:
    count, steps = group.x.shape[:2]
    rows = torch.arange(count) if order is None else torch.randperm(count, generator=order)
    return rows.split(max(1, min(ROWS, SAMPLES // steps)))


def _outputs(record: Record, integers: Tensor) -> Tensor:
    """Integers that leave, (batch, time, outputs), in the model's units, as `OutputEnd` has them of arrays."""
    host, lsb = record.leaves.host, record.leaves.lsb
    return integers * torch.from_numpy(host.scale * lsb) + torch.from_numpy(host.offset)
