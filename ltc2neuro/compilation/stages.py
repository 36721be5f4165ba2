"""The stages from a model to a network: asked, recorded, simplified, designed. Each makes the next one's argument.

`compile` goes through all, `check` stops before the network, and networks of library processes leave after the float
graph is simplified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from compiler.graph.graph import Graph
from compiler.placement.prepared import Prepared
from compiler.quantize.floating import Floating
from compiler.quantize.precision import check_globs
from compiler.quantize.to_integers import near_integers, to_integers
from compiler.ranges.observed import Observed
from compiler.rewrite.runner import PassRecord
from compiler.rules import INTEGER_RULES, MAPPED_RULES, REAL_RULES, STATE_RULES, Design, Finding, apply_rules
from compiler.rules.design import few
from compiler.rules.refusal import refusal
from hw_models.arrays import Floats
from ltc2neuro.compilation.acceptance import unknown
from ltc2neuro.compilation.request import Asked
from ltc2neuro.compiled.evidence import Evidence
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.inputs.layout import Layout
from ltc2neuro.progressing import begin
from ltc2neuro.tracing import TraceRequest, prove_simplified, proven_trace

if TYPE_CHECKING:
    from ltc2neuro.tracing.model import ProvenTrace
    from ltc2neuro.tracing.traced import Traced

RecordT = TypeVar("RecordT", bound=BaseRecord)


@dataclass(frozen=True)
class Recorded:
    """A model recorded as a float graph that computes what torch does, on the short probes."""

    asked: Asked
    known: ProvenTrace

    @property
    def traced(self) -> Traced:
        """The trace."""
        return self.known.traced

    @property
    def layout(self) -> Layout:
        """How the network's arrays lie."""
        return self.traced.layout(self.asked.batch_first)

    @property
    def own_shape(self) -> tuple[int, ...] | None:
        """The shape of one sample, where the graph takes another."""
        shape = self.traced.sample_shape
        return None if len(shape) == 1 and self.traced.tokens is None else shape

    @cached_property
    def entering(self) -> list[Floats]:
        """The calibration as the graph takes it."""
        return [self.traced.entering(a) for a in self.asked.sequences.arrays]

    def observed(self, graph: Graph) -> Observed:
        """What a float graph of the model does on the calibration."""
        return self.traced.observed(graph, self.asked.sequences)

    @property
    def shortest_span(self) -> float | None:
        """The shortest time before a sample that the network may be given."""
        return self.traced.shortest if self.asked.timed else None


@dataclass(frozen=True)
class Simplified:
    """The float graph after the rewrites, proved over many steps."""

    recorded: Recorded
    graph: Graph
    passes: tuple[PassRecord, ...]
    evidence: Evidence

    def as_record(self, kind: Callable[..., RecordT], **own: object) -> RecordT:
        """A record of this kind, with its `own` fields and all that is known by now; not yet with its known answer."""
        recorded, asked, traced = self.recorded, self.recorded.asked, self.recorded.traced
        return kind(
            chip=asked.chip,
            readout=traced.readout,
            step_shape=traced.step_shape,
            dt=asked.dt,
            known=unknown(asked.sequences),
            shortest_span=recorded.shortest_span,
            evidence=self.evidence,
            layout=recorded.layout,
            own_shape=recorded.own_shape,
            inputs=asked.inputs,
            several=traced.several,
            tokens=traced.tokens,
            **own,
        )


def record_and_prove(asked: Asked) -> Recorded:
    """Raises `TraceError` for what cannot be compiled, `ProofError` where the trace differs from torch."""
    begin("recording the model, and proving the trace")
    told = True if asked.samples.ragged and asked.batch_first is None else asked.batch_first
    samples = asked.samples.shaped
    found = proven_trace(asked.model, samples, TraceRequest(asked.dt, asked.timespans, told, asked.inputs))
    return Recorded(asked, found)


def simplify_and_prove(
    recorded: Recorded, rewrite: Callable[[Graph], tuple[Graph, tuple[PassRecord, ...]]]
) -> Simplified:
    """`rewrite` the trace, and prove what comes of it. Raises `ProofError`."""
    begin("simplifying")
    asked = recorded.asked
    graph, passes = rewrite(recorded.traced.graph)
    begin("proving it over many steps")
    evidence = prove_simplified(
        asked.model, recorded.known, graph, list(asked.samples.arrays), timespans=asked.timespans
    )
    return Simplified(recorded, graph, passes, evidence)


def design(simplified: Simplified) -> tuple[Design, list[Finding]]:
    """The float graph as the rules look at it, and what they find."""
    asked = simplified.recorded.asked
    begin("design rules")
    made = Design(asked.chip, simplified.graph, few(simplified.recorded.entering), asked.precision)
    return made, apply_rules(made, [refusal, *REAL_RULES])


def with_integers(made: Design, simplified: Simplified) -> tuple[Design, list[Finding]]:
    """The design with its integer graph, and what the rules find in that and in its mapping. Raises `QuantizeError`."""
    asked = simplified.recorded.asked
    begin("ranges, formats, integers")
    observed = simplified.recorded.observed(simplified.graph)
    near = near_integers(Floating.of(observed, asked.precision, asked.chip, timed=asked.timed))
    check_globs(asked.precision, {*near.known, *near.graph.values, *(s.name for s in near.graph.states)})
    ready = Prepared(to_integers(near), asked.chip)
    made = made.with_integers(near, ready)
    return made, apply_rules(made, [*STATE_RULES, *INTEGER_RULES, *MAPPED_RULES])
