"""Lines of C that are being written, and the constant arrays that they read."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from compiler.graph.names import fresh, numbered

KINDS = tuple(np.dtype(name) for name in ("int8", "uint8", "int16", "uint16", "int32", "int64"))


class Text:
    """A function's lines, indented as its loops are, and arrays in the smallest type that holds them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.arrays: dict[tuple[str, bytes], tuple[str, np.ndarray]] = {}
        self._depth = 1

    def put(self, line: str) -> None:
        """A statement."""
        self.lines.append("    " * self._depth + line)

    @contextmanager
    def loop(self, index: str, count: int) -> Iterator[None]:
        """Statements that run `count` times."""
        self.put(f"for (int {index} = 0; {index} < {count}; {index}++) {{")
        self._depth += 1
        yield
        self._depth -= 1
        self.put("}")

    def array(self, numbers: np.ndarray, name: str) -> str:
        """The name of a constant array: `name`, or another that has the same numbers already."""
        flat = np.ascontiguousarray(numbers).ravel().astype(np.int64)
        kind = next(k for k in KINDS if flat.min() >= np.iinfo(k).min and flat.max() <= np.iinfo(k).max)
        key = (kind.name, flat.tobytes())
        if key not in self.arrays:
            taken = {known for known, _ in self.arrays.values()}
            plain = f"k_{identifier(name)}"  # none of C's own words, nor of the functions
            own = fresh(numbered(plain, first=len(self.arrays)), taken)
            self.arrays[key] = own, flat.astype(kind)
        return self.arrays[key][0]

    def declared(self) -> list[str]:
        """The arrays, as C."""
        found = []
        for name, numbers in self.arrays.values():
            found.append(f"static const {numbers.dtype.name}_t {name}[{numbers.size}] = {{")
            listed = ", ".join(map(number, numbers.tolist()))
            found += textwrap.wrap(listed, 116, initial_indent="    ", subsequent_indent="    ")
            found.append("};")
        return found

    @property
    def constant_bytes(self) -> int:
        """What all arrays take."""
        return sum(numbers.nbytes for _, numbers in self.arrays.values())


def number(value: int) -> str:
    """A constant of C; the least of a type has none of its own.

    >>> number(-5), number(-(2**31)), number(2**40)
    ('-5', '(-2147483647 - 1)', '1099511627776LL')
    """
    if value in (-(2**31), -(2**63)):
        return f"({number(value + 1)} - 1)"
    return f"{value}LL" if abs(value) >= 2**31 else str(value)


def identifier(name: str) -> str:
    """A part of a name of C.

    >>> identifier("rnn.0.tau' * 2")
    'rnn_0_tau_2'
    """
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
