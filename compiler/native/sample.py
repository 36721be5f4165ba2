"""What the host does with samples, as functions: real values to integers, and one sample with all, to the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from compiler.native.llvm_text import Code
from compiler.running.executor import BEYOND, CLIPPED

ClipPlaces: TypeAlias = "Sequence[tuple[int, int]]"

ENDS = (
    "given",
    "scale",
    "offset",
    "most",
    "out",
    "out_scale",
    "out_offset",
    "before",
    "rows",
    "lanes",
    "wide",
    "groups",
    "steps",
)
"""What both functions find in the block of words that they are given, before what `run` takes: samples (rows, steps,
features) and answers (rows, outputs) of 64 bits; what x * scale + offset, rounded, may be at most, either way; where
the states are kept as they were; how many sequences there are, how many with those that are there for nothing, and how
many lie side by side; in how many groups; how many samples each has."""

COUNTS = ("rows", "lanes", "wide", "groups", "steps")


def write_enter(code: Code, arguments: Sequence[str], features: int) -> None:
    """Lines, into `code`, of the function that makes integers of samples, where `run` takes them.

    It returns `BEYOND` where any was beyond what may enter.
    """
    _unpack(code, arguments)
    code.put("%beyond = alloca i1")
    code.put("store i1 false, ptr %beyond")
    if features:
        _enter(code, features)
    beyond = code.set("load i1, ptr %beyond")
    code.put(f"ret i64 {code.set(f'select i1 {beyond}, i64 {BEYOND}, i64 0')}")


def write_sample(code: Code, arrays: Mapping[str, int], sizes: tuple[int, int], clips: ClipPlaces) -> None:
    """The same of the function that takes one sample, for a kernel `run` over the words and lanes of `code`.

    `arrays` are what `run` takes, with the bytes from one group to the next; `sizes` how many outputs, and rows of
    states, there are; `clips` the first row, and how many, of each value that can be clipped.
    """
    _unpack(code, (*arrays,))
    code.put(f"%clipped = alloca {code.row}")
    code.put(f"store {code.row} zeroinitializer, ptr %clipped")
    beyond = code.set("call i64 @enter(ptr %block)")
    code.put(f"br i1 {code.set(f'icmp ne i64 {beyond}, 0')}, label %nothing, label %all")
    code.label("all")
    outputs, states = sizes
    _run(code, arrays, states, clips)
    _leave(code, outputs)
    found = code.set(f"load {code.row}, ptr %clipped")
    if not code.along:
        kind = f"v{code.lanes}{code.word}"
        found = code.call(f"llvm.vector.reduce.or.{kind}", code.word, (code.vector, found))
    some = code.set(f"icmp ne {code.word} {found}, 0")
    code.put(f"ret i64 {code.set(f'select i1 {some}, i64 {CLIPPED}, i64 0')}")
    code.label("nothing")
    code.put(f"ret i64 {beyond}")


def _unpack(code: Code, arguments: Sequence[str]) -> None:
    """The words of the block, by name."""
    for place, name in enumerate((*ENDS, *arguments)):
        kind = "double" if name == "most" else "i64" if name in COUNTS else "ptr"
        code.put(f"%{name} = load {kind}, ptr {code.set(f'getelementptr inbounds i64, ptr %block, i64 {place}')}")


def _product(code: Code, *parts: str) -> str:
    """a * b + c."""
    a, b, c = parts
    return code.set(f"add nuw nsw i64 {code.set(f'mul nuw nsw i64 {a}, {b}')}, {c}")


def _number(code: Code, name: str, index: str) -> str:
    """A real number of an array."""
    return code.set(f"load double, ptr {code.set(f'getelementptr inbounds double, ptr %{name}, i64 {index}')}")


def _outside(code: Code, name: str, size: str, row: str, element: str) -> str:
    """Where an element of a sequence lies, of so many."""
    index = _product(code, row, size, element) if code.along else _product(code, element, "%wide", row)
    return code.set(f"getelementptr inbounds {code.word}, ptr %{name}, i64 {index}")


def _enter(code: Code, features: int) -> None:
    """Samples as integers."""
    last = code.set("sub nuw nsw i64 %rows, 1")
    size = code.set(f"mul nuw nsw i64 %steps, {features}")
    step = code.begin("%steps", "step")
    feature = code.begin(str(features), "feature")
    element = _product(code, step.index, str(features), feature.index)
    scale, offset = (_number(code, n, feature.index) for n in ("scale", "offset"))
    row = code.begin("%lanes", "row")
    own = code.call("llvm.umin.i64", "i64", ("i64", row.index), ("i64", last))
    scaled = code.set(f"fmul double {_number(code, 'given', _product(code, own, size, element))}, {scale}")
    half_up = code.set(f"fadd double {code.set(f'fadd double {scaled}, {offset}')}, 0.5")
    rounded = code.call("llvm.floor.f64", "double", ("double", half_up))
    magnitude = code.call("llvm.fabs.f64", "double", ("double", rounded))
    beyond = code.set(f"fcmp ugt double {magnitude}, %most")  # what is no number is beyond, too
    before = code.set("load i1, ptr %beyond")
    code.put(f"store i1 {code.set(f'or i1 {before}, {beyond}')}, ptr %beyond")
    integer = code.set(f"fptosi double {rounded} to {code.word}")
    code.put(f"store {code.word} {integer}, ptr {_outside(code, 'x', size, row.index, element)}")
    code.end(row)
    code.end(feature)
    code.end(step)


def _run(code: Code, arrays: Mapping[str, int], states: int, clips: ClipPlaces) -> None:
    """All groups, and whether anything was clipped."""
    group = code.begin("%groups", "group")
    here = dict[str, str]()
    for name, stride in (*arrays.items(), ("before", states * code.row_bytes)):
        shift = code.set(f"mul nuw nsw i64 {group.index}, {stride}")
        here[name] = code.set(f"getelementptr inbounds i8, ptr %{name}, i64 {shift}")
    code.copy(here["before"], here["memory"], states)
    code.put(f"call void @run({', '.join(f'ptr {here[n]}' for n in arrays)}, i64 1, i64 %wide)")
    for first, size in clips:
        row = code.begin(str(size), "clip")
        at = code.at(here["clips"], code.set(f"add nuw nsw i64 {row.index}, {first}"))
        counts = code.set(f"load {code.row}, ptr {at}, align {code.bits // 8}")
        found = code.set(f"or {code.row} {code.set(f'load {code.row}, ptr %clipped')}, {counts}")
        code.put(f"store {code.row} {found}, ptr %clipped")
        code.end(row)
    code.end(group)


def _leave(code: Code, outputs: int) -> None:
    """Integers as answers."""
    output = code.begin(str(outputs), "output")
    scale, offset = (_number(code, n, output.index) for n in ("out_scale", "out_offset"))
    row = code.begin("%rows", "row")
    y = code.set(f"load {code.word}, ptr {_outside(code, 'y', str(outputs), row.index, output.index)}")
    scaled = code.set(f"fmul double {code.set(f'sitofp {code.word} {y} to double')}, {scale}")
    at = _product(code, row.index, str(outputs), output.index)
    answer = code.set(f"getelementptr inbounds double, ptr %out, i64 {at}")
    code.put(f"store double {code.set(f'fadd double {scaled}, {offset}')}, ptr {answer}")
    code.end(row)
    code.end(output)
