"""`build`: from a float graph and its calibration to a proven network of library processes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.graph.names import plain_name
from compiler.library_processes.assemble import assemble_processes
from compiler.library_processes.lower import lower_to_processes
from compiler.library_processes.lsbs import population_name, widest
from compiler.library_processes.options import LibraryForm
from compiler.library_processes.process_graph import ProcessGraph, factors_of
from compiler.library_processes.process_plan import ProcessPlan
from compiler.library_processes.width_proof import Failure, failures
from compiler.ranges.observed import Observed
from compiler.ranges.real_intervals import find_bounds
from compiler.ranges.state_intervals import state_interval
from compiler.rewrite.increment import increment
from compiler.rewrite.runner import PASSES
from hw_models.errors import QuantizeError

LEAST_BITS = 8
"""A message with fewer would not be worth having."""


QUOTIENTS = tuple(p for p in PASSES if p is not increment)
"""The passes that leave a quotient whole: one product with a reciprocal, where the increment needs another one."""


def build(observed: Observed, form: LibraryForm) -> ProcessGraph:
    """The network of a simplified float graph; ranges that are not proven are those that are `observed`.

    Every population has as many bits as the proof allows: where a width could be left, the population whose numbers
    are too long gets fewer. Raises `QuantizeError` for what library processes do not compute, or cannot hold.
    """
    graph = observed.graph
    for state in graph.states:
        if graph.constants[state.initial].any():
            raise QuantizeError(
                "without microcode a state must start at 0: nothing has been sent yet",
                where=f"state {state.name}",
                numbers=f"it starts at up to {np.abs(graph.constants[state.initial]).max():.6g}",
                advice="Compile it with microcode=True.",
            )
    bounds = find_bounds(graph, observed, form.margin)
    states = {s.name: state_interval(graph, s.name, observed, form.margin) for s in graph.states}
    plan = lower_to_processes(graph, bounds, states, form)
    bits = widest(plan)
    while True:
        made = assemble_processes(plan, form, bits)
        failed = failures(made)
        if not failed:
            return made
        _narrow(bits, failed, plan)


def _narrow(bits: dict[str, int], failed: Sequence[Failure], plan: ProcessPlan) -> None:
    """Take from each population the bits that its worst failure asks for."""
    worst: dict[str, int] = {}
    for failure in failed:
        if failure.bits is None or bits.get(failure.population, 0) - failure.bits < LEAST_BITS:
            names = {n.name: population_name(n) for n in plan.nodes.values()}
            here = [plain_name(n) for n, label in names.items() if failure.population in (label, factors_of(label))]
            raise QuantizeError(
                "a value does not fit the widths of Lava's library processes",
                where=f"{failure.population}: {', '.join(here) or 'the output'}",
                numbers=failure.text,
                advice="Compile it with microcode=True, or scale the model's values."
                if failure.bits is not None
                else "Give form=LibraryForm(reciprocal=Reciprocal.HINGES), or microcode=True.",
            )
        worst[failure.population] = max(worst.get(failure.population, 0), failure.bits)
    for name, many in worst.items():
        bits[name] -= many
