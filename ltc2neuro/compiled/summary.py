"""What a compiled network looks like in words: the text of `print(net)`, its precision."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from compiler.graph.graph import State
from compiler.graph.ops import PiecewisePolynomial, StateRead
from compiler.mapping.titles import AGO, FLAG, INPUT, OUTPUT, titles
from compiler.quantize.precision import Precision
from compiler.steps.step_builder import STEP
from hw_models.errors import ChipError
from hw_models.fixed_point import Format
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.compiled.record import Record
from ltc2neuro.compiled.time_constants import least_and_most, tau_name

_HELD, _OTHER = re.compile(r"(.+)\.first(_\d+)?$"), re.compile(r"(.+)\.before(_\d+)?$")


def summary(parts: Parts) -> str:
    """Blocks, populations, synapses, formats, time constants, ticks."""
    net = parts.record
    lines = [f"Network for {net.chip.title} ({net.chip.name}): {net.signature}; {net.arrays}"]
    if net.evidence is not None:
        lines.append(f"proof: {net.evidence.headline()}")
    lines += ["", "blocks (a sample runs them in order)"]
    for block in net.graph.blocks:
        polynomials = sum(net.graph.size(op.out) for op in block.ops if isinstance(op, PiecewisePolynomial))
        often = "once" if block.repeat == 1 else f"{block.repeat} times"
        name = block.name if len(net.graph.blocks) > 1 else "whole step"
        lines.append(f"  {name:12} {often:8} {len(block.ops):4} ops, {polynomials} element functions")
    lines += ["", *_mapping(parts)]
    lines += ["", "formats (real range, bits, fraction bits)"]
    lines += _formats(net)
    lines += _found(net)
    lines += _time_constants(net)
    return "\n".join(lines)


def _input(record: Record) -> str:
    """From the least to the most that enters unclipped, over all channels, in the user's units."""
    form = record.graph.input_format
    bits = f"{form.bits} bits, {form.fraction} fraction bits, scaled per channel by the host"
    if record.tokens is not None:
        return f"rows of an embedding, {bits}"
    ends = [(low, high) for low, high in zip(*record.enters.user_range, strict=True) if np.isfinite(low)]
    return f"[{min(ends)[0]:.4g}, {max(high for _, high in ends):.4g}], {bits}" if ends else bits


def _formats(record: Record) -> list[str]:
    """Those of the input and of states; of a delay's steps, and of flags, that have the same, once, the widest."""
    found: list[tuple[tuple[object, ...], list[str], list[Format]]] = []
    for state in record.graph.states:
        form = record.graph.state_format(state.name)
        delay = next((of[1] for of in (AGO.fullmatch(state.name),) if of), FLAG.fullmatch(state.name) and FLAG)
        key = delay or state.name, form.bits, form.fraction, _kind(record, state)
        if not found or found[-1][0] != key:
            found.append((key, [], []))
        found[-1][1].append(state.name)
        found[-1][2].append(form)
    width = max([24, *(len(_together(names)) for _, names, _ in found)])
    lines = [f"  {'input':{width}} {_input(record)}"]
    for (*_, kind), names, forms in found:
        widest = replace(forms[0], low=min(f.low for f in forms), high=max(f.high for f in forms))
        lines.append(f"  {_together(names):{width}} {_format(widest)}, {kind}")
    return lines


def _together(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} ... {names[-1]}"


def _kind(record: Record, state: State) -> str:
    if state.name not in {s.name for s in record.model_states}:
        return "the bits below the LSB of a state's steps"
    return "proven" if record.float_graph.state(state.name).low is not None else "calibrated, saturating"


def _found(record: Record) -> list[str]:
    """The states of a model that steps itself: what it keeps, what the steps cost that it looks back by, and the first
    ones."""
    if record.float_graph.blocks[0].name != STEP:
        return []
    known = {state.name for state in record.model_states}
    delays: dict[str, list[State]] = {}
    words, flags = dict[str, str](), list[str]()
    for state in (state for state in record.graph.states if state.name in known):
        if of := AGO.fullmatch(state.name):
            delays.setdefault(of[1], []).append(state)
        elif of := _HELD.match(state.name):
            words[state.name] = f"{of[1]} of the first sample, held, {_values(state.size)}"
        elif of := _OTHER.match(state.name):
            words[state.name] = f"{of[1]} as it starts for another reader, {_values(state.size)}"
        elif FLAG.fullmatch(state.name):
            flags.append(state.name)
        else:
            words[state.name] = f"from step to step, {_values(state.size)}"
    for name, own in delays.items():
        longest = max(int(s.name.removeprefix(f"{name}.").split("_")[0]) for s in own)
        count = sum(s.size for s in record.graph.states if s.name == name or s in own)
        words[name] = f"up to {longest} step{'s' * (longest > 1)} ago, {_values(count)}"
    lines = {name: line for name in words if (line := _line(record, delays[name][0].name if name in delays else name))}
    if flags:
        often = "1 sample" if len(flags) == 1 else f"1 to {len(flags)} samples"
        words[_together(flags)] = f"whether {often} came before, {_values(len(flags))}"
    width = max([24, *map(len, words)])
    count = sum(state.size for state in record.graph.states if state.name in known)
    head = f"states that were found in forward ({_values(count)}, each a word of a neuron)"
    return ["", head, *(f"  {n:{width}} {'; '.join((w, *lines.get(n, '').splitlines()))}" for n, w in words.items())]


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"


def _line(record: Record, state: str) -> str:
    """The line of the model's that computes what a state keeps; "" where it is not known."""
    graph = record.float_graph
    reads = (graph.values[op.out] for _, op in graph.ops() if isinstance(op, StateRead) and op.state == state)
    return next((str(value.lines[0]) for value in reads if value.lines), "")


def _format(form: Format) -> str:
    return f"[{form.real_low:.4g}, {form.real_high:.4g}], {form.bits} bits, {form.fraction} fraction bits"


def _mapping(parts: Parts) -> list[str]:
    if not parts.record.chip.lava:
        return [f"not mapped: {parts.record.chip.name} has no populations"]
    network = parts.prepared.mapped()
    named = titles(network)
    width = max([24, *map(len, named.values())])
    lines = ["populations (neurons, instructions of the program)"]
    for population in network.populations:
        cost = sum(i.cost for i in population.listing)
        lines.append(f"  {named[population.name]:{width}} {population.size:6} neurons, {cost:4} instructions")
    synapses: Counter[tuple[str, str]] = Counter()
    for c in network.connections:
        pair = c.source.population, c.target.population
        synapses[named.get(pair[0] or "", INPUT), named.get(pair[1] or "", OUTPUT)] += c.weights.size
    pairs = {f"{source} -> {target}": n for (source, target), n in synapses.items()}
    width = max([24, *map(len, pairs)])
    lines += ["", "connections (synapses)"]
    lines += [f"  {pair:{width}} {n:6}" for pair, n in pairs.items()]
    lines += ["", f"timing: {network.ticks_per_sample} ticks a sample, latency {network.latency} ticks"]
    return [*lines, f"placement: {_placed(parts)}"]


def _placed(parts: Parts) -> str:
    try:
        placement = parts.prepared.placed()
    except ChipError as error:
        return f"{error.what}: {error.numbers}" if error.numbers else error.what
    limit, share = placement.bottleneck
    chip = parts.record.chip
    room = "" if chip.cores is None else f" of {chip.cores * chip.chips:,}"
    return f"{placement.count:,}{room} cores, {limit} {share:.1%} on the fullest; net.cost() has time and energy"


def _time_constants(record: Record) -> list[str]:
    """Each neuron's range of tau, from the proven range of its denominator."""
    if not record.graph.time_constants:
        return []
    if record.timed:
        return ["", "liquid time constants: record '*.tau'; they also depend on the time before a sample"]
    lines = [
        "",
        f"liquid time constants tau of each neuron, in units of dt = {record.dt:g}, from .. to (proven bounds)",
    ]
    for t in record.graph.time_constants:
        if t.keep not in record.graph.constants:
            lines.append(f"  {t.state}: record {tau_name(t.state)!r}; they also depend on what a gate keeps")
            continue
        bounds = zip(*np.broadcast_arrays(*least_and_most(record.proven, t, record.dt)), strict=True)
        pairs = [f"{least:.3g}..{most:.3g}" for least, most in bounds]
        lines.append(f"  {t.state}:")
        lines += [f"    {', '.join(pairs[i : i + 8])}" for i in range(0, len(pairs), 8)]
    return lines


def explain_precision(parts: Parts) -> str:
    """What precision holds, where overrides change it, and the format of each value of the float network."""
    net = parts.record
    lines = [f"precision: {_settings(net.precision)}", "", "values (real range, bits, fraction bits)"]
    values = [v for v in net.graph.values.values() if v.represents is not None]
    width, titles = max((len(v.represents or "") for v in values), default=0), parts.titles(v.name for v in values)
    for value in values:
        name = value.represents or ""
        changes = net.precision.changes(name)
        note = f"  (overridden: {', '.join(f'{k} {v}' for k, v in changes.items())})" if changes else ""
        lines.append(f"  {name:{width}}  {_format(net.graph.format(value.name))}; {titles[value.name]}{note}")
    return "\n".join(lines)


def _settings(precision: Precision) -> str:
    return ", ".join(f"{f.name} {getattr(precision, f.name)}" for f in fields(precision) if f.name != "overrides")
