"""What the sections are made of: a network, the data it is shown on, and what was measured there once for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from compiler.interpreters.float64 import run_each
from compiler.mapping.mapped_network import MappedNetwork
from compiler.mapping.titles import amount
from compiler.running.interpreted import REFERENCE
from hw_models.arrays import Floats
from hw_models.errors import ChipError
from ltc2neuro.attribution.attributing import attribute
from ltc2neuro.attribution.attribution import Attribution
from ltc2neuro.compiled.clipped import Clipped
from ltc2neuro.compiled.default_executor import fastest
from ltc2neuro.compiled.default_executor import float_work as work_on
from ltc2neuro.compiled.microcode import with_microcode
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.compiled.run import Run
from ltc2neuro.compiled.runs import AnyParts, run_network, run_reference
from ltc2neuro.cost.costing import cost
from ltc2neuro.cost.sample_cost import Cost
from ltc2neuro.extras import COUNTING
from ltc2neuro.inputs.arrays import Samples, Sequences
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.metrics import Metric
from ltc2neuro.verification.task_metric import Targets
from ltc2neuro.verification.verdict import Verification
from ltc2neuro.verification.verifying import first_samples

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class ReportData:
    """What a report is on: the arguments of `verify`, and the calibration, as for `attribute`."""

    model: torch.nn.Module | None = None
    x: Inlet | None = None
    targets: Targets | None = None
    metric: str | Metric | None = None
    timespans: Samples | None = None
    on: Sequence[str] | None = None
    calibration: Inlet | None = None


@dataclass(frozen=True, eq=False)
class Material:
    """A network of either kind on data."""

    net: BaseNetwork
    data: ReportData
    x: Sequences
    """those data, or the network's known-answer sequence"""
    seen: Verification

    @property
    def parts(self) -> AnyParts:
        """The network's."""
        return self.net.parts

    @property
    def own(self) -> Parts:
        """The same, for sections of networks with microcode."""
        return with_microcode(self.net, "a section of its graph and mapping")

    @cached_property
    def causes(self) -> Attribution | str:
        """Where the error comes from, on some of the data; or why that is not known."""
        x, data = self.data.x, self.data
        if x is None:
            return "Give data to split the error by value and by cause: it is not done on the sequence that is kept."
        return attribute(self.net, x, timespans=data.timespans, calibration=data.calibration, work=WORK)

    @property
    def amount(self) -> str:
        """How many sequences and samples, in words."""
        samples, count = amount(sum(map(len, self.x.arrays)), "sample"), len(self.x.arrays)
        return f"{count} sequences of {samples} in all" if count > 1 else f"one sequence of {samples}"

    @cached_property
    def recorded(self) -> tuple[Sequences, str]:
        """The data whose values are recorded: all, or the first ones that `RECORDED` allows, and a note of which."""
        x, note, enough = self.x, "", sum(map(len, self.x.arrays))
        while enough > 1 and (work := work_on(self.net.float_graph, x.arrays)) > RECORDED:
            enough = max(int(enough * min(RECORDED / work, 0.9)), 1)
            x, note = first_samples(self.x, enough)
        return x, note

    @property
    def note(self) -> str:
        """Behind what is told of recorded values: on which data, where not on all."""
        note = self.recorded[1]
        return f" {note}" if note else ""

    @cached_property
    def run(self) -> Run:
        """The reference on `recorded`, with all values recorded that the chip computes in the model's units."""
        return run_reference(self.parts, self.recorded[0], record=self.parts.names.all())

    @cached_property
    def clipped(self) -> tuple[Clipped, str]:
        """What was clipped, on all data where machine code runs them, else on `recorded`, with its note."""
        on = fastest(self.parts)
        if not self.note or on == REFERENCE.name:
            return self.run.clipped, self.note
        return run_network(self.parts, self.x, on).clipped, ""

    @cached_property
    def decibels(self) -> Floats:
        """Of each sequence that is `recorded`, its answers' SQNR: the mean of all channels' noises, each as a share of
        the signal that the channel has over them all. Infinite where nothing is lost, NaN where no answer has a
        signal."""
        host, answers, record = self.parts.host, self.net.answers, self.net
        executions = run_each(record.float_graph, [record.entering(a) for a in self.recorded[0].arrays])
        exact = answers.by_channel(host.answers(e.outputs[0] for e in executions))
        own = answers.by_channel(host.answers(self.run.outputs))
        noises, channels = np.zeros(len(executions)), 0
        for one, other in zip(exact, own, strict=True):
            signal = np.var(np.concatenate(one), axis=0)
            there = signal > 0
            shares = [np.mean(np.square(o - e), axis=0)[there] for e, o in zip(one, other, strict=True)]
            noises += [float(np.sum(share / signal[there])) for share in shares]
            channels += int(np.sum(there))
        with np.errstate(divide="ignore", invalid="ignore"):
            return -10 * np.log10(noises / channels)

    @cached_property
    def mapped(self) -> MappedNetwork | None:
        """Populations and ticks, where the chip has such."""
        return self.own.prepared.mapped() if self.net.chip.lava else None

    @cached_property
    def cost(self) -> Cost | str:
        """What a sample costs, of a few sequences where messages can be counted; or why that is not known."""
        few = Sequences(self.x.arrays[:COUNTED], ragged=True)
        counted = None if COUNTING.missing() or max(map(len, few.arrays)) > LONGEST else few
        try:
            return cost(self.own, None if counted is None else run_reference(self.own, counted))
        except ChipError as error:
            return ": ".join(text for text in (error.what, error.numbers) if text)


WORK = 4e8
"""For `attribute`: its share of some seconds"""
RECORDED = 5e8
"""So much work is done to record values, in elements of the float network: 1 to 3 s of CPU for the reference, and as
much again for the float network beside it, so that the page is there within some 10 s"""
COUNTED, LONGEST = 4, 100
"""So many sequences, none longer than so many samples, are run tick by tick to count their messages"""
