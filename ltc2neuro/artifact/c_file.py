"""A compiled network as a C99 file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compiler.c99.program import Program, program
from hw_models.arguments import check_path
from hw_models.fixed_point import SEMANTICS_VERSION
from ltc2neuro.artifact.whole import write_whole
from ltc2neuro.compiled.record import Record
from ltc2neuro.version import __version__


def to_c(record: Record, path: str | Path) -> None:
    """Write `record` to `path`: see `Network.to_c`."""
    path, text = check_path(path), c_program(record).text
    write_whole(path, lambda part: part.write_text(text, "utf-8"))


def c_program(record: Record) -> Program:
    """The network as C, and what that takes."""
    first = program(record.proven)
    title = _title(record, first)
    return program(record.proven, title, _host(record))


def _title(record: Record, made: Program) -> str:
    graph = record.graph
    given, taken, returned = graph.input_format, graph.size(graph.entry.out), graph.size(graph.answer.x)
    leaves = graph.format(graph.answer.x) if graph.answer.x in graph.values else None
    ends = "" if leaves is None else f", {leaves.low} to {leaves.high}"
    lines = [
        f"{record.signature}, compiled for {record.chip.name} by ltc2neuro {__version__}, integer semantics "
        f"{SEMANTICS_VERSION}.",
        "",
        "Call reset() first, and before each sequence; then step(in, out) for each sample.",
        f"in:     {taken} integers of {given.fraction} fraction bits, {given.low} to {given.high}",
        f"out:    {returned} integers of {graph.output_fraction} fraction bits{ends}",
        *(
            f"states: {s.name}, {s.size} integers of {graph.state_format(s.name).fraction} fraction bits"
            for s in graph.states
        ),
        f"A sample takes {made.operations:,} operations on integers; {made.ram:,} bytes of RAM, {made.constants:,} of "
        "constants.",
    ]
    return "\n".join(["/*", *(f" * {line}".rstrip().replace("*/", "* /") for line in lines), " */"])


def _host(record: Record) -> str:
    """How real samples become integers, and integers answers, in double."""
    enters, leaves, form = record.enters, record.leaves, record.graph.input_format
    arrays = {
        "in_scale": enters.host.scale, "in_offset": enters.host.offset,
        "out_scale": leaves.host.scale, "out_offset": leaves.host.offset,
    }  # fmt: skip
    numbers = {name: ", ".join(map(_double, a.tolist())) for name, a in arrays.items()}
    declared = "\n".join(f"static const double {name}[{a.size}] = {{{numbers[name]}}};" for name, a in arrays.items())
    return f"""#ifndef NO_FLOAT
{declared}

/* Real samples as step() takes them: rounded, and clipped to what it holds. */
void quantize(const double *x, word *in)
{{
    for (int i = 0; i < INPUTS; i++) {{
        volatile double scaled = x[i] * in_scale[i]; /* volatile: no fused multiply-add, which rounds once less */
        volatile double moved = scaled + in_offset[i];
        const double y = moved * {_double(2.0**form.fraction)} + 0.5;
        if (!(y >= {_double(float(form.low))})) {{
            in[i] = {_integer(form.low)};
        }} else if (y >= {_double(float(form.high))}) {{
            in[i] = {_integer(form.high)};
        }} else {{
            in[i] = (word)y;
            in[i] -= (double)in[i] > y;
        }}
    }}
}}

/* What step() returns, in the units of the model. */
void dequantize(const word *out, double *y)
{{
    for (int i = 0; i < OUTPUTS; i++) {{
        volatile double scaled = (double)out[i] * {_double(float(np.max(leaves.lsb)))} * out_scale[i];
        y[i] = scaled + out_offset[i];
    }}
}}
#endif"""


def _double(value: float) -> str:
    """Exactly, in hexadecimal."""
    return value.hex()


def _integer(value: int) -> str:
    return f"{value}LL" if abs(value) >= 2**31 else str(value)
