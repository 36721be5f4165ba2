"""docs/supported.md: what compiles, read off the registries of the code.

python -m ltc2neuro.tracing.supported > docs/supported.md
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable

import torch

import ltc2neuro.nn
from compiler.functions import FUNCTIONS
from ltc2neuro.nn.recurrence import Recurrent, takes_time
from ltc2neuro.tracing.layers import LAYERS
from ltc2neuro.tracing.layers.recurrent import CELLS
from ltc2neuro.tracing.ops.complex_numbers import COMPLEX_NUMBERS
from ltc2neuro.tracing.ops.convolution import CONVOLUTIONS
from ltc2neuro.tracing.ops.decompositions import DECOMPOSITIONS
from ltc2neuro.tracing.ops.torch_ops import RULES

_TEXT = """# What compiles

Made by `python -m ltc2neuro.tracing.supported > docs/supported.md`; a test fails when it is stale.

Any module compiles whose `forward` is made of the calls below; what is not here is refused with the line that calls
it. Cells of your own run in `ltc2neuro.nn.Recurrent(cell)`; what a model does over its steps by itself is in
[time](time.md). Equations, bounds and traps are in [cells](cells.md), how
precise each is in [fidelity](fidelity.md).

## Recurrent layers of other packages

{layers}

Besides these, `torchdiffeq.odeint` in a cell of your own, with a method of fixed steps.

## Cells of other packages

In `ltc2neuro.nn.Recurrent(cell)`, which has the loop over the samples.

{cells}

## Layers of `ltc2neuro.nn`

| layer | arguments | time spans |
|---|---|---|
{own}

## Element functions

Each is a piecewise polynomial on chips without lookup tables, and a table on the others. Of roots and logarithms whose
arguments span many octaves it is one over the uppermost, to which a shift brings the argument; of `sin` and `cos` the
multiples of the period are taken off first. `sawtooth` is x - floor(x): what rounds is made of it, as the calls below
are made of all of these.

{functions}

## Torch calls

As functions, as methods and as operators, wherever torch has them under these names; modules of `torch.nn` that call
them compile, too.

{calls}

## Complex numbers

Computed part by part; a complex state is two, `h.real` and `h.imag`. A model answers with real numbers.

{complex}
"""


def page() -> str:
    """The text of docs/supported.md."""
    layers = (kind for kind in LAYERS if kind is not Recurrent and kind not in CELLS)
    calls: set[str] = set()
    for table in (RULES, DECOMPOSITIONS, CONVOLUTIONS):
        calls |= {_name(function) for function in table}
    return _TEXT.format(
        layers=_of_others(layers),
        cells=_of_others(CELLS),
        own="\n".join(_row(kind) for kind in _own_layers()),
        functions=_listed(FUNCTIONS),
        calls=_listed(name for name in calls if not name.startswith("_")),
        complex=_listed(name for name in map(_name, COMPLEX_NUMBERS) if not name.startswith("_")),
    )


def _of_others(kinds: Iterable[type[torch.nn.Module]]) -> str:
    return "\n".join(sorted({f"- {kind.__module__.split('.')[0]} `{kind.__name__}`" for kind in kinds}))


def _own_layers() -> list[type[Recurrent]]:
    found = [getattr(ltc2neuro.nn, name) for name in sorted(ltc2neuro.nn.__all__)]
    return [kind for kind in found if inspect.isclass(kind) and issubclass(kind, Recurrent) and kind is not Recurrent]


def _row(kind: type[Recurrent]) -> str:
    arguments = [f"{p.name}={p.default!r}" if p.default is not p.empty else p.name for p in _parameters(kind)]
    cell = getattr(ltc2neuro.nn, f"{kind.__name__}Cell")
    with torch.random.fork_rng(devices=[]):
        known = takes_time(cell(1, 1))
    return f"| `{kind.__name__}` | `{', '.join(arguments)}` | {'yes' if known else 'no'} |"


def _parameters(kind: type[Recurrent]) -> list[inspect.Parameter]:
    common = ("return_sequences", "batch_first")
    return [p for p in inspect.signature(kind).parameters.values() if p.name not in common]


def _name(function: Callable[..., object]) -> str:
    return str(getattr(function, "__name__", function))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(set(names)))


if __name__ == "__main__":
    sys.stdout.write(page())
