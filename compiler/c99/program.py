"""A network as C: static arrays, no allocation, and integers alone in a step."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from compiler.c99.elements import ELEMENTS, Element
from compiler.c99.text import Text
from compiler.graph import ops
from compiler.graph.ops import MatVec, SegmentSum, StateRead
from compiler.graph.workload import work
from compiler.loops.loop_plan import BlockPlan, Loop, plan_loops
from compiler.loops.row_memory import RowMemory, memory
from compiler.ranges.proven import Proven

SCANNED = 16
"""In more knots than these, the one that comes next is searched for by halves."""
HELPERS = {
    "floor_shift": "static inline word floor_shift(word x, word s) { return x < 0 ? ~(~x >> s) : x >> s; }",
    "round_shift": (
        "static inline word round_shift(word x, word s) { return floor_shift(x, s) + (floor_shift(x, s - 1) & 1); }"
    ),
    "least": "static inline word least(word a, word b) { return a < b ? a : b; }",
    "most": "static inline word most(word a, word b) { return a > b ? a : b; }",
    "clip": "static inline word clip(word x, word low, word high) { return x < low ? low : x > high ? high : x; }",
    "shift": (
        "static inline word shift(word x, word amount, word low, word high)\n"
        "{\n"
        "    const word most_bits = (word)(8 * sizeof(word) - 2);\n"
        "    if (amount < 0)\n"
        "        return clip(floor_shift(x, -amount > most_bits ? most_bits + 1 : -amount), low, high);\n"
        "    if (amount > most_bits)\n"
        "        amount = most_bits;\n"
        "    return clip(x, -(-low >> amount), high >> amount) * ((word)1 << amount);\n"
        "}"
    ),
}
"""Functions by their names, those of basic ops; only those that are called are written."""
NEEDS = {"round_shift": ("floor_shift",), "shift": ("clip", "floor_shift")}


@dataclass(frozen=True)
class CProgram:
    """A network's C, and what it takes."""

    text: str
    ram: int
    """bytes of its static memory"""
    constants: int
    """bytes of its constant arrays, in flash"""
    operations: int
    """operations on words that a sample takes"""


def program(proven: Proven, title: str = "", host: str = "") -> CProgram:
    """The whole file: `title` is its first comment, `host` what follows the step.

    Its functions are `reset()`, which comes first, `step(in, out)`, and `states()`, which are those of the graph one
    after another.
    """
    graph, text = proven.graph, Text()
    steps = plan_loops(graph)
    where = memory(graph, steps)
    polynomials: dict[tuple[str, ...], str] = {}
    first = where.values[graph.entry.out]
    features = graph.size(graph.entry.out)
    with text.loop("i", features):
        text.put(f"m[{first} + i] = in[i];")
    for block in steps.blocks:
        _block(text, proven, where, block, polynomials)
    body = "\n".join(text.lines)
    functions = [_function(name, arrays, proven, text) for arrays, name in polynomials.items()]
    reset, states = _reset(proven, where, text), sum(s.size for s in graph.states)
    word = f"int{proven.bits}_t"
    written = "\n\n".join([*functions, body, reset])
    used = [name for name in HELPERS if re.search(rf"\b{name}\(", written)]  # clang warns of one that is not used
    used = [n for n in HELPERS if n in used or any(n in NEEDS.get(u, ()) for u in used)]
    parts = [
        title,
        "#include <stdint.h>",
        f"typedef {word} word;\n\n"
        f"enum {{ INPUTS = {features}, OUTPUTS = {graph.size(graph.answer.x)}, STATES = {states} }};",
        f"static word m[{where.size}]; /* the states are the first of them */",
        "\n".join(HELPERS[name] for name in used),
        "\n".join(text.declared()),
        *functions,
        reset,
        f"void step(const word *in, word *out)\n{{\n{body}\n}}",
        "const word *states(void)\n{\n    return m;\n}",
        host,
    ]
    size = where.size * proven.bits // 8
    return CProgram("\n\n".join(p for p in parts if p) + "\n", size, text.constant_bytes, work(graph).elements)


def _block(text: Text, proven: Proven, where: RowMemory, planned: BlockPlan, polynomials: dict) -> None:
    block = planned.block
    if block.repeat > 1:
        with text.loop("iteration", block.repeat):
            _once(text, proven, where, planned, polynomials)
    else:
        _once(text, proven, where, planned, polynomials)


def _once(text: Text, proven: Proven, where: RowMemory, planned: BlockPlan, polynomials: dict) -> None:
    graph, block = proven.graph, planned.block
    reads = {op.out: op.state for op in block.ops if isinstance(op, StateRead)}
    for step in planned.steps:
        if isinstance(step, MatVec):
            _multiply(text, proven, where, step, reads)
        elif isinstance(step, Loop) and step.size:
            _loop(text, Element(text, proven, where, reads, polynomials), step)
    for op in block.outputs:
        with text.loop("i", graph.size(op.x)):
            text.put(f"out[i] = m[{where.first(op.x, {})} + i];")
    for op in block.commits:
        if graph.state(op.state).size:
            with text.loop("i", graph.state(op.state).size):
                text.put(f"m[{where.states[op.state]} + i] = m[{where.first(op.x, {})} + i];")


def _loop(text: Text, at: Element, loop: Loop) -> None:
    where, graph = at.memory, at.proven.graph
    for op in loop.ops:
        if isinstance(op, SegmentSum):
            with text.loop("i", graph.size(op.out)):
                text.put(f"m[{where.values[op.out]} + i] = 0;")
    with text.loop("i", loop.size):
        for op in _needed(loop, where):
            expression = ELEMENTS(op, at)
            if expression and op.result is not None:
                variable = at.variables[op.result] = f"v{len(at.variables)}"
                text.put(f"const word {variable} = {expression};")
                if op.result in where.values:
                    text.put(f"m[{where.values[op.result]} + i] = {variable};")


def _needed(loop: Loop, where: RowMemory) -> list[ops.Op]:
    """The ops of a loop whose results are stored, or read by such ops. An executor would run the others to count."""
    needed, found = set[str](), []
    for op in reversed(loop.ops):
        if op.result in where.values or op.result in needed:
            found.append(op)
            same = isinstance(op, ops.Compare) and op.a == op.b
            needed.update(() if same else op.operands)
    return found[::-1]


def _multiply(text: Text, proven: Proven, where: RowMemory, op: MatVec, reads: dict[str, str]) -> None:
    """All results of a matrix at all places."""
    matrix, places = proven.graph.constants[op.matrix], where.placed(op, reads)
    rows, columns = matrix.shape
    out = where.values[op.out]
    if not columns:
        with text.loop("i", rows * len(places)):
            text.put(f"m[{out} + i] = 0;")
        return
    weights, taken = text.array(matrix, op.matrix), text.array(places, op.places or f"{op.matrix}_rows")
    with text.loop("j", rows), text.loop("p", len(places)):
        text.put("word sum = 0;")
        with text.loop("k", columns):
            text.put(f"sum += {weights}[j * {columns} + k] * m[{taken}[p * {columns} + k]];")
        text.put(f"m[{out} + j * {len(places)} + p] = sum;")


def _function(name: str, arrays: tuple[str, ...], proven: Proven, text: Text) -> str:
    """A piecewise polynomial of one argument."""
    knots, origins, coefficients, shifts = (proven.graph.constants[n] for n in arrays)
    degree = coefficients.shape[1] - 1
    lines = [f"static word {name}(word x)", "{", "    int k = 0;"]
    if knots.size > SCANNED:  # a half is left after each comparison
        table = text.array(knots, arrays[0])
        lines.append(f"""\
    for (int left = {knots.size}; left > 0;) {{
        const int half = left / 2;
        if (x >= {table}[k + half]) {{
            k += half + 1;
            left -= half + 1;
        }} else {{
            left = half;
        }}
    }}""")
    elif knots.size:
        lines += [f"    while (k < {knots.size} && x >= {text.array(knots, arrays[0])}[k])", "        k++;"]
    lines.append(f"    const word t = x - {text.array(origins, arrays[1])}[k];")
    lines.append(f"    word y = {text.array(coefficients[:, degree], f'{name}_c{degree}')}[k];")
    for j in range(degree - 1, -1, -1):
        shift, next_ = text.array(shifts[:, j], f"{name}_s{j}"), text.array(coefficients[:, j], f"{name}_c{j}")
        lines.append(f"    y = floor_shift(y * t, {shift}[k]) + {next_}[k];")
    unused = [] if degree else ["    (void)t;"]
    return "\n".join([*lines, *unused, "    return y;", "}"])


def _reset(proven: Proven, where: RowMemory, text: Text) -> str:
    """States as they are before the first sample, and the constants that lie in memory."""
    graph = proven.graph
    image = np.zeros(where.size, np.int64)
    for first, array in [(where.states[s.name], graph.constants[s.initial]) for s in graph.states] + [
        (first, graph.constants[name]) for name, first in where.constants.items()
    ]:
        image[first : first + array.size] = array.ravel()
    lines = ["void reset(void)", "{", f"    for (int i = 0; i < {where.size}; i++)"]
    if image.any():
        last = int(np.flatnonzero(image)[-1]) + 1
        initial = text.array(image[:last], "initial")
        lines.append(f"        m[i] = i < {last} ? {initial}[i] : 0;")
    else:
        lines.append("        m[i] = 0;")
    return "\n".join([*lines, "}"])
