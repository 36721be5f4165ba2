"""A population's listing as machine code: every neuron runs it alone, skips are branches. Imports llvmlite late."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.assembly.population import Population
from compiler.native.llvm_text import Code
from compiler.running.extra import NATIVE
from compiler.simulator.interpreter import Vector
from compiler.simulator.neurons import Lanes, starting_words
from hw_models import isa

MOST_SHIFT = 31
"""A word shifted further to the right is as one shifted so far."""
Result: TypeAlias = Callable[..., str]
"""Writes what comes of an instruction, of what its sources are called"""
RELATIONS = {isa.Test.LESS: "slt", isa.Test.LESS_EQUAL: "sle", isa.Test.EQUAL: "eq", isa.Test.NOT_EQUAL: "ne"}


class NativeNeurons:
    """`ListedNeurons` whose listing is compiled, in words of 32 bits, as the interpreter's."""

    def __init__(self, population: Population, lanes: int, initial: Mapping[str, npt.ArrayLike]) -> None:
        self._rows = {word: row for row, word in enumerate(population.words)}
        ports = population.sum_ports, population.message_ports
        shape, words = (population.size, lanes), len(self._rows)
        self._memory = np.zeros((words + sum(ports), *shape), np.int32)
        self._sums, self._messages = np.split(self._memory[words:], [ports[0]])
        for word, integers in starting_words(population, initial).items():
            self._memory[self._rows[word]] = integers
        with NATIVE.loading():
            from compiler.native.build import LoadedObject
        self._loaded = LoadedObject(_text(population, self._rows, population.size * lanes))
        self._function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._loaded.address("run"))
        self._address = self._memory.ctypes.data

    def tick(self, sums: Sequence[Vector]) -> Sequence[Vector]:
        """See `ListedNeurons`."""
        for own, arrived in zip(self._sums, sums, strict=True):
            own[:] = arrived
        self._function(self._address)
        return list(self._messages.copy())

    def read(self, word: str) -> Lanes:
        """See `ListedNeurons`."""
        return self._memory[self._rows[word]].copy()

    def write(self, word: str, integers: npt.ArrayLike) -> None:
        """See `ListedNeurons`."""
        array = np.asarray(integers, np.int32)
        self._memory[self._rows[word]] = array.reshape(-1, 1) if array.ndim == 1 else array


def _text(population: Population, rows: Mapping[str, int], count: int) -> str:
    """A module whose `run` takes the memory: `count` integers for each word, sum and message."""
    code = Code(32, 1, along=True)
    places: dict[object, int] = {isa.Word(word): row for word, row in rows.items()}
    places |= {isa.Accumulator(port): len(places) + port for port in range(population.sum_ports)}
    sends = [("message", port) for port in range(population.message_ports)]
    places |= {message: len(places) + row for row, message in enumerate(sends)}
    registers = dict.fromkeys(
        place for i in population.listing for place in (*i.sources, isa.target(i)) if isinstance(place, isa.Register)
    )
    names = {place: f"%p{number}" for number, place in enumerate([*places, *registers])}
    code.lines += [f"  {name} = alloca i32" for name in names.values()]
    neuron = code.begin(str(count), "neuron")
    first = {place: code.set(f"add nuw nsw i64 {neuron.index}, {row * count}") for place, row in places.items()}
    at = {place: code.at("%memory", index) for place, index in first.items()}
    for place in places:
        code.put(f"store i32 {0 if place in sends else code.set(f'load i32, ptr {at[place]}')}, ptr {names[place]}")
    for place in registers:
        code.put(f"store i32 0, ptr {names[place]}")
    _listing(code, population.listing, names)
    for place in places:
        if not isinstance(place, isa.Accumulator):
            code.put(f"store i32 {code.set(f'load i32, ptr {names[place]}')}, ptr {at[place]}")
    code.end(neuron)
    declared = sorted(code.declared)
    return "\n".join([*declared, "define void @run(ptr %memory) {", "entry:", *code.lines, "  ret void", "}", ""])


def _listing(code: Code, listing: Sequence[isa.Instruction], names: Mapping[object, str]) -> None:
    """Its instructions, over places on the stack, which LLVM puts into registers."""
    labels = {i.name: f"to{number}" for number, i in enumerate(listing) if isinstance(i, isa.Label)}

    def read(source: isa.Source) -> str:
        return str(source.value) if isinstance(source, isa.Immediate) else code.set(f"load i32, ptr {names[source]}")

    for i in listing:
        if isinstance(i, isa.Label):
            code.put(f"br label %{labels[i.name]}")
            code.label(labels[i.name])
            continue
        after = code.fresh("after")
        if isinstance(i, isa.Skip):
            code.put(f"br label %{labels[i.to]}")
            code.label(after)
            continue
        values = [read(source) for source in i.sources]
        if isinstance(i, isa.SkipUnless):
            holds = code.set(f"icmp {RELATIONS[i.test]} i32 {values[0]}, {values[1]}")
            code.put(f"br i1 {holds}, label %{after}, label %{labels[i.to]}")
            code.label(after)
        else:
            target = ("message", i.port) if isinstance(i, isa.Send) else isa.target(i)
            code.put(f"store i32 {RESULTS[type(i)](code, i, *values)}, ptr {names[target]}")


def _amount(code: Code, amount: str) -> str:
    """What a word is shifted by, at most `MOST_SHIFT`."""
    if not amount.startswith("%"):
        return str(min(int(amount), MOST_SHIFT))
    return code.call("llvm.umin.i32", "i32", ("i32", amount), ("i32", str(MOST_SHIFT)))


def _moved(_code: Code, _: isa.Instruction, x: str) -> str:
    return x


def _binary(name: str) -> Result:
    return lambda code, _, a, b: code.set(f"{name} i32 {a}, {b}")


def _shifted(name: str) -> Result:
    return lambda code, _, x, by: code.set(f"{name} i32 {x}, {_amount(code, by)}")


def _called(name: str) -> Result:
    return lambda code, _, a, b: code.call(f"llvm.{name}.i32", "i32", ("i32", a), ("i32", b))


def _product(code: Code, _: isa.Instruction, a: str, b: str, shift: str) -> str:
    return code.set(f"ashr i32 {code.set(f'mul i32 {a}, {b}')}, {_amount(code, shift)}")


def _compared(code: Code, i: isa.Compare, a: str, b: str) -> str:
    return code.set(f"zext i1 {code.set(f'icmp {RELATIONS[i.test]} i32 {a}, {b}')} to i32")


def _selected(code: Code, _: isa.Instruction, condition: str, a: str, b: str) -> str:
    return code.set(f"select i1 {code.set(f'icmp ne i32 {condition}, 0')}, i32 {a}, i32 {b}")


RESULTS: dict[type[isa.Instruction], Result] = {
    isa.Move: _moved,
    isa.Send: _moved,
    isa.Add: _binary("add"),
    isa.Subtract: _binary("sub"),
    isa.And: _binary("and"),
    isa.Minimum: _called("smin"),
    isa.Maximum: _called("smax"),
    isa.MultiplyShift: _product,
    isa.ShiftLeft: _shifted("shl"),
    isa.ShiftRight: _shifted("ashr"),
    isa.Compare: _compared,
    isa.Select: _selected,
}
"""What an instruction makes of its sources, as the simulator's `OPERATIONS` do"""
