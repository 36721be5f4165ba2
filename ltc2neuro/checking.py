"""`check`: what a chip cannot do with a model or a compiled network, or does badly; all findings at once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.graph.graph import Graph
from compiler.quantize.precision import Precision, precision_for
from compiler.quantize.to_integers import quantize
from compiler.rules import (
    INTEGER_RULES,
    MAPPED_RULES,
    REAL_RULES,
    STATE_RULES,
    Design,
    Finding,
    Severity,
    apply_rules,
    errors,
)
from compiler.rules.finding import of_error
from compiler.rules.refusal import refusal
from compiler.rules.sizes import PLACEMENT
from hw_models.chip import Chip, load_chip
from hw_models.errors import ChipError, InputError, QuantizeError
from ltc2neuro.arguments import check_dt, check_module
from ltc2neuro.arrays import Floats, Samples, as_sequences, with_timespans
from ltc2neuro.extras import TORCH
from ltc2neuro.layout import Layout, check_batch_first
from ltc2neuro.library.network import LibraryNetwork
from ltc2neuro.network import Network
from ltc2neuro.progress import begin

if TYPE_CHECKING:
    import torch

MOST_SEQUENCES, MOST_STEPS = 8, 256
"""Of the calibration, what rules look at."""


def check(
    model_or_net: torch.nn.Module | Network,
    chip: str | Path | Chip | None = None,
    calibration: Samples | None = None,
    *,
    timespans: Samples | None = None,
    precision: Precision | str | None = None,
    dt: float = 1.0,
    batch_first: bool | None = None,
) -> list[Finding]:
    """Hold a torch module or a compiled network against a chip's design rules; returns every finding, errors first.

    A module needs `calibration`, as `compile` does, and may be checked before it is compiled: ranges, sums and time
    constants are looked at on the float graph, the rest on the integers, where there can be any. A network has all it
    needs; `chip` may be another one than its own. `chip` is a name, a .toml file or a `Chip`: `load_chip` chooses
    boards. `batch_first` says how an array of calibration data lies, as for `compile`. An empty list means that no rule
    objects.

    Raises `TraceError` for a module that cannot be compiled for any chip, `InputError` for wrong arguments.
    """
    if isinstance(model_or_net, Network):
        if calibration is not None or timespans is not None or batch_first is not None:
            raise InputError("a compiled network is checked without calibration", advice="Leave it out.")
        return check_network(model_or_net, model_or_net.chip if chip is None else load_chip(chip))
    if isinstance(model_or_net, LibraryNetwork):
        raise InputError(
            "design rules are those of networks with microcode",
            advice="One without is proven to keep its widths when it is made; print it for its cost.",
        )
    if calibration is None:
        raise InputError(
            "a module is checked on calibration data", advice="Give samples (batch, time, features), as to compile."
        )
    check_module(model_or_net)
    dt = check_dt(dt, timespans)
    target = load_chip("loihi2" if chip is None else chip)
    return _check_module(model_or_net, target, calibration, timespans, precision, dt, batch_first)


def check_network(net: Network, chip: Chip) -> list[Finding]:
    """The findings on a compiled network."""
    return _sorted(apply_rules(Design(chip, net.float_graph, few(list(net.known.x)), net.precision, net.graph)))


def _check_module(
    model: torch.nn.Module,
    chip: Chip,
    calibration: Samples,
    timespans: Samples | None,
    precision: Precision | str | None,
    dt: float,
    batch_first: bool | None,
) -> list[Finding]:
    from compiler.rewrite.runner import simplify

    batch_first = check_batch_first(batch_first)
    samples = as_sequences(calibration, None, "calibration", Layout(batch_first is False))
    sequences = with_timespans(samples, timespans, 0.0 if timespans is not None else None)
    TORCH.require()
    from ltc2neuro.tracing import proved, proved_long

    begin("recording the model, and proving the record")
    spans = [a[:, -1] for a in sequences.arrays] if timespans is not None else None
    told = True if samples.ragged and batch_first is None else batch_first
    known = proved(model, list(samples.arrays), dt=dt, timespans=spans, batch_first=told)
    begin("simplifying")
    graph, _ = simplify(known.traced.graph)
    begin("proving it over many steps")
    proved_long(model, known, graph, list(samples.arrays), timespans=spans)
    begin("design rules")
    design = Design(chip, graph, few(sequences.arrays), precision_for(chip, precision))
    found = before_integers(design)
    if not errors(found):
        try:
            integers = quantize(graph, sequences.arrays, chip, design.precision, timed=timespans is not None)
            found += after_integers(design, integers)
        except QuantizeError as error:
            found.append(of_error("quantization", error))
    return _sorted(found)


def before_integers(design: Design) -> list[Finding]:
    """What rules find in a float graph."""
    return apply_rules(design, [refusal, *REAL_RULES])


def after_integers(design: Design, integers: Graph) -> list[Finding]:
    """What rules find in the integer graph of such a design, and in its mapping."""
    return apply_rules(replace(design, integers=integers), [*STATE_RULES, *INTEGER_RULES, *MAPPED_RULES])


def later_fit(findings: Sequence[Finding]) -> list[Finding]:
    """The same, but that it does not fit is a warning: a compiled network may yet be put on more chips."""
    return [replace(f, severity=Severity.WARNING) if f.rule == PLACEMENT else f for f in findings]


def refuse(findings: Sequence[Finding], chip: Chip) -> None:
    """Raise one `ChipError` that lists all errors among `findings`, where there is one."""
    found = errors(findings)
    if found:
        many = f"{len(found)} findings" if len(found) > 1 else "a finding"
        raise ChipError(
            "\n\n".join([f"{chip.name} cannot take this network: {many} of its design rules", *map(str, found)]) + "\n",
            where=f"chip {chip.name}",
            advice="ltc2neuro.check(model, chip, calibration) returns them as a list.",
        )


def warn(findings: Sequence[Finding], stacklevel: int) -> None:
    """One warning for each finding that is none."""
    for finding in findings:
        if finding.severity is Severity.WARNING:
            warnings.warn(str(finding), stacklevel=stacklevel + 1)


def design_of(graph: Graph, sequences: Sequence[Floats], chip: Chip, precision: Precision) -> Design:
    """A simplified float graph as the rules look at it."""
    return Design(chip, graph, few(sequences), precision)


def few(sequences: Sequence[Floats]) -> list[Floats]:
    """As much of the data as rules look at."""
    return [s[:MOST_STEPS] for s in sequences[:MOST_SEQUENCES]]


def _sorted(findings: list[Finding]) -> list[Finding]:
    return [*errors(findings), *(f for f in findings if f.severity is Severity.WARNING)]
