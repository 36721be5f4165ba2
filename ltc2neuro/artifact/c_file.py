"""A compiled network as a C99 file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from compiler.c99.program import CProgram, program
from compiler.c99.text import Text, number
from hw_models.arguments import check_path
from hw_models.fixed_point import SEMANTICS_VERSION, Format
from ltc2neuro.artifact.atomic_write import write_whole
from ltc2neuro.compiled.answers import Answers
from ltc2neuro.compiled.record import Record
from ltc2neuro.inputs.tokens import Tokens
from ltc2neuro.version import __version__


def to_c(record: Record, path: str | Path) -> None:
    """Write `record` to `path`: see `Network.to_c`."""
    path, text = check_path(path), c_program(record).text
    write_whole(path, lambda part: part.write_text(text, "utf-8"))


def c_program(record: Record) -> CProgram:
    """The network as C, and what that takes."""
    first, tables = program(record.proven), _tables(record)
    made = replace(first, constants=first.constants + tables.constant_bytes)
    host = "\n\n".join(part for part in (_look_up(record, tables), _host(record)) if part)
    return replace(made, text=program(record.proven, _title(record, made), host).text)


def _title(record: Record, made: CProgram) -> str:
    graph = record.graph
    given, taken, returned = graph.input_format, graph.size(graph.entry.out), graph.size(graph.answer.x)
    leaves = graph.format(graph.answer.x) if graph.answer.x in graph.values else None
    ends = "" if leaves is None else f", {leaves.low} to {leaves.high}"
    first = 0 if record.tokens is None else record.tokens.selected
    looked_up = f"; look_up(tokens, in) gives the first {first}" if first else ""
    lines = [
        f"{record.signature}, compiled for {record.chip.name} by ltc2neuro {__version__}, integer semantics "
        f"{SEMANTICS_VERSION}.",
        "",
        "Call reset() first, and before each sequence; then step(in, out) for each sample.",
        f"in:     {taken} integers of {given.fraction} fraction bits, {given.low} to {given.high}{looked_up}",
        f"out:    {returned} integers of {graph.output_fraction} fraction bits{ends}",
        *(
            f"states: {s.name}, {s.size} integers of {graph.state_format(s.name).fraction} fraction bits"
            for s in graph.states
        ),
        *_over_time(record.answers),
        f"A sample takes {made.operations:,} operations on integers; {made.ram:,} bytes of RAM, {made.constants:,} of "
        "constants.",
    ]
    # what users call their answers neither begins nor ends a comment, nor a line
    plain = (re.sub(r"(?<=\*)(?=/)|(?<=/)(?=\*)|(?<=\?)(?=\?)", " ", " ".join(line.splitlines())) for line in lines)
    return "\n".join(["/*", *(f" * {line}".rstrip() for line in plain), " */"])


def _over_time(answers: Answers) -> Iterator[str]:
    """Of each answer that is made of those to all steps: how."""
    for answer, own in zip(answers.each, answers.where.values(), strict=True):
        if answer.readout not in ("every", "last"):
            named = f"{answer.name}: " if answers.several else ""
            plus = f", plus {', '.join(map(repr, answer.added))} once" if answer.added else ""
            yield f"{named}y[{own.start}] to y[{own.stop - 1}] of dequantize(), {answer.over.text}{plus}"


def _tables(record: Record) -> Text:
    """The rows that tokens select, as integers, and how they come to be the first that enter."""
    text, tokens, first = Text(), record.tokens or Tokens(0), 0
    for table in tokens.tables:
        vocabulary, width = table.rows.shape
        for place in table.places:
            own = slice(first, first + width)
            features = np.zeros((vocabulary, record.enters.host.scale.size))
            features[:, own] = table.rows
            rows = text.array(record.enters.quantize(features)[0][:, own], f"tokens_of_{table.name}")
            with text.loop("i", width):
                text.put(f"in[{first} + i] = {rows}[tokens[{_places(tokens).index(place)}] * {width} + i];")
            first += width
    return text


def _places(tokens: Tokens) -> list[int]:
    """The channels of a sample that are tokens."""
    return [place for place in range(tokens.count) if place not in tokens.numbers]


def _look_up(record: Record, tables: Text) -> str:
    """The function that selects them."""
    if record.tokens is None:
        return ""
    reach = ", ".join(f"0 to {record.tokens.vocabulary[place] - 1}" for place in _places(record.tokens))
    declared, body = "\n".join(tables.declared()), "\n".join(tables.lines)
    return f"""\
{declared}

/* The first {record.tokens.selected} integers that step() takes, of tokens {reach}: none but these may be given. */
void look_up(const int32_t *tokens, word *in)
{{
{body}
}}"""


def _host(record: Record) -> str:
    """How real samples become integers, and integers answers, in double."""
    enters, leaves, form = record.enters, record.leaves, record.graph.input_format
    first = 0 if record.tokens is None else record.tokens.selected
    arrays = {
        "in_scale": enters.host.scale[first:], "in_offset": enters.host.offset[first:],
        "out_scale": leaves.host.scale, "out_offset": leaves.host.offset,
    }  # fmt: skip
    numbers = {name: ", ".join(map(_double, a.tolist())) for name, a in arrays.items()}
    declared = [f"static const double {n}[{a.size}] = {{{numbers[n]}}};" for n, a in arrays.items() if a.size]
    quantized = _quantize(form, first) if arrays["in_scale"].size else ""
    return "\n".join(
        [
            "#ifndef NO_FLOAT",
            *declared,
            quantized,
            f"""\
/* What step() returns, in the units of the model. */
void dequantize(const word *out, double *y)
{{
    for (int i = 0; i < OUTPUTS; i++) {{
        volatile double scaled = (double)out[i] * {_double(float(np.max(leaves.lsb)))} * out_scale[i];
        y[i] = scaled + out_offset[i];
    }}
}}
#endif""",
        ]
    )


def _quantize(form: Format, first: int) -> str:
    """Of those that are no tokens, from the integer `first` on."""
    samples, begun = ("Real samples", "") if not first else ("Numbers", f"    in += {first}; /* after look_up's */\n")
    return f"""
/* {samples} as step() takes them: rounded, and clipped to what it holds. */
void quantize(const double *x, word *in)
{{
{begun}    for (int i = 0; i < INPUTS{f" - {first}" if first else ""}; i++) {{
        volatile double scaled = x[i] * in_scale[i]; /* volatile: no fused multiply-add, which rounds once less */
        volatile double moved = scaled + in_offset[i];
        const double y = moved * {_double(2.0**form.fraction)} + 0.5;
        if (!(y >= {_double(float(form.low))})) {{
            in[i] = {number(form.low)};
        }} else if (y >= {_double(float(form.high))}) {{
            in[i] = {number(form.high)};
        }} else {{
            in[i] = (word)y;
            in[i] -= (double)in[i] > y;
        }}
    }}
}}
"""


def _double(value: float) -> str:
    """Exactly, in hexadecimal."""
    return value.hex()
