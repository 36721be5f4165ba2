"""Text of LLVM's intermediate representation, line by line, over vectors of words.

The lanes of a vector are sequences side by side, and an element of a value is a row of all lanes; or they are elements
of one sequence, `along` its values, and a row is one word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from compiler.native.cpu import PLAIN, Cpu


@dataclass
class Code:
    """Lines that are being written. A register is named once; `block` is the one that lines now go to."""

    bits: int
    lanes: int
    along: bool = False
    cpu: Cpu = PLAIN
    lines: list[str] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)
    metadata: list[str] = field(default_factory=lambda: ["!1 = distinct !{!1}"])
    block: str = "entry"
    _names: int = 0

    @property
    def word(self) -> str:
        """The type of an integer."""
        return f"i{self.bits}"

    @property
    def vector(self) -> str:
        """The type of an element of all lanes."""
        return self.of(self.word)

    @property
    def row(self) -> str:
        """The type of an element of memory."""
        return self.word if self.along else self.vector

    @property
    def row_bytes(self) -> int:
        """Of an element of memory."""
        return self.bits // 8 * (1 if self.along else self.lanes)

    def of(self, kind: str) -> str:
        """A vector of `kind`, one a lane."""
        return f"<{self.lanes} x {kind}>"

    def splat(self, value: int) -> str:
        """A constant in all lanes."""
        return f"splat ({self.word} {value})"

    def fresh(self, name: str = "v") -> str:
        """A name that is used nowhere else."""
        self._names += 1
        return f"{name}{self._names}"

    def put(self, text: str) -> None:
        """A line without a result."""
        self.lines.append(f"  {text}")

    def set(self, text: str) -> str:
        """A line with a result, whose register is returned."""
        register = f"%{self.fresh()}"
        self.lines.append(f"  {register} = {text}")
        return register

    def two(self, op: str, a: str, b: str) -> str:
        """An instruction on two vectors."""
        return self.set(f"{op} {self.vector} {a}, {b}")

    def call(self, name: str, kind: str, *args: tuple[str, str]) -> str:
        """A call of an intrinsic that returns `kind`; `args` are types and registers."""
        self.declared.add(f"declare {kind} @{name}({', '.join(t for t, _ in args)})")
        return self.set(f"call {kind} @{name}({', '.join(f'{t} {a}' for t, a in args)})")

    def intrinsic(self, name: str, *args: str) -> str:
        """An intrinsic such as `smin` on whole vectors."""
        return self.call(f"llvm.{name}.v{self.lanes}{self.word}", self.vector, *((self.vector, a) for a in args))

    def compare(self, relation: str, a: str, b: str) -> str:
        """A vector of truths."""
        return self.set(f"icmp {relation} {self.vector} {a}, {b}")

    def choose(self, condition: str, a: str, b: str) -> str:
        """`a` where the condition holds, else `b`."""
        return self.set(f"select {self.of('i1')} {condition}, {self.vector} {a}, {self.vector} {b}")

    def as_integer(self, condition: str) -> str:
        """1 where the condition holds, else 0."""
        return self.set(f"zext {self.of('i1')} {condition} to {self.vector}")

    def spread(self, word: str) -> str:
        """The word in all lanes."""
        one = self.set(f"insertelement {self.vector} poison, {self.word} {word}, i32 0")
        mask = f"<{self.lanes} x i32> zeroinitializer"
        return self.set(f"shufflevector {self.vector} {one}, {self.vector} poison, {mask}")

    # --- memory ---------------------------------------------------------------------------------------------

    def at(self, base: str, index: str) -> str:
        """The address of a row."""
        return self.set(f"getelementptr inbounds {self.row}, ptr {base}, i64 {index}")

    def load(self, address: str, tags: str = "") -> str:
        """The vector at an address."""
        return self.set(f"load {self.vector}, ptr {address}, align {self.bits // 8}{tags}")

    def gather(self, base: str, rows: str, kind: str) -> str:
        """The words of `base` that a vector of indices, of type `kind`, names."""
        at = self.set(f"getelementptr inbounds {self.word}, ptr {base}, {self.of(kind)} {rows}")
        name = f"llvm.masked.gather.v{self.lanes}{self.word}.v{self.lanes}p0"
        pointers, some = self.of("ptr"), self.of("i1")
        self.declared.add(f"declare {self.vector} @{name}({pointers}, {some}, {self.vector})")
        given = f"{pointers} align {self.bits // 8} {at}, {some} splat (i1 true), {self.vector} poison"
        return self.set(f"call {self.vector} @{name}({given})")

    def store(self, value: str, address: str, tags: str = "") -> None:
        """Write a row."""
        self.put(f"store {self.vector} {value}, ptr {address}, align {self.bits // 8}{tags}")

    def copy(self, to: str, source: str, rows: int) -> None:
        """Rows of memory, from one address to another."""
        if rows:
            self.declared.add("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
            count = rows * self.row_bytes
            self.put(f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {source}, i64 {count}, i1 false)")

    def word_at(self, base: str, index: str, kind: str = "") -> str:
        """One word of a table."""
        kind = kind or self.word
        address = self.set(f"getelementptr inbounds {kind}, ptr {base}, i64 {index}")
        return self.set(f"load {kind}, ptr {address}, align {int(kind[1:]) // 8}, !invariant.load !0")

    def scope(self) -> tuple[str, str]:
        """Tags of the loads and the stores of a loop none of whose loads reads what it stores."""
        number = len(self.metadata) + 1
        self.metadata += [f"!{number} = distinct !{{!{number}, !1}}", f"!{number + 1} = !{{!{number}}}"]
        return f", !alias.scope !{number + 1}", f", !noalias !{number + 1}"

    def as_written(self) -> str:
        """A tag of a loop's branch, so that LLVM leaves it as it is."""
        number = len(self.metadata) + 1
        self.metadata += [f"!{number} = distinct !{{!{number}, !{number + 1}}}"]
        self.metadata += [f'!{number + 1} = !{{!"llvm.loop.unroll.disable"}}']
        return f", !llvm.loop !{number}"

    def listed(self, index: str, table: int) -> str:
        """The row that a table has at a place."""
        at = self.set(f"add nuw nsw i64 {index}, {table}")
        return self.set(f"zext i32 {self.word_at('%tables', at, 'i32')} to i64")

    def word_in(self, row: str) -> str:
        """The word of a row of memory, where rows are words."""
        return self.set(f"load {self.word}, ptr {self.at('%memory', row)}, align {self.bits // 8}")

    # --- flow -----------------------------------------------------------------------------------------------

    def label(self, name: str) -> None:
        """Lines go to a new block from here on."""
        self.lines.append(f"{name}:")
        self.block = name

    def rarely(self, vectors: Sequence[str]) -> str:
        """Lines go to a block that is entered only where any of `vectors` is not 0; returns the label to end it at."""
        total = vectors[0]
        for vector in vectors[1:]:
            total = self.two("or", total, vector)
        found = self.call(f"llvm.vector.reduce.or.v{self.lanes}{self.word}", self.word, (self.vector, total))
        some, rare, done = self.set(f"icmp ne {self.word} {found}, 0"), self.fresh("rare"), self.fresh("done")
        self.put(f"br i1 {some}, label %{rare}, label %{done}")
        self.label(rare)
        return done

    def unknown(self, number: str) -> str:
        """The same number, but LLVM does not know that: what is made of it is not taken from elsewhere."""
        self.put(f"store volatile i64 {number}, ptr %unknown")
        return self.set("load volatile i64, ptr %unknown")

    def begin(self, count: str, name: str) -> OpenLoop:
        """Open a loop that runs `count` times, at least once."""
        head, index = self.fresh(f"{name}."), f"%{self.fresh('i')}"
        self.put(f"br label %{head}")
        before = self.block
        self.label(head)
        loop = OpenLoop(head, index, f"{index}.next", count, len(self.lines))
        self.lines.append(f"  {index} = phi i64 [0, %{before}], [{index}.next, %{{latch}}]")
        return loop

    def end(self, loop: OpenLoop) -> None:
        """Close it."""
        self.lines[loop.phi] = self.lines[loop.phi].replace("{latch}", self.block)
        self.put(f"{loop.after} = add nuw nsw i64 {loop.index}, 1")
        again = self.set(f"icmp ult i64 {loop.after}, {loop.count}")
        done = f"{loop.head}.end"
        self.put(f"br i1 {again}, label %{loop.head}, label %{done}")
        self.label(done)


@dataclass(frozen=True)
class OpenLoop:
    """A loop that is open: its block, the register of its index from 0 on, and how often it runs."""

    head: str
    index: str
    after: str
    count: str
    phi: int
