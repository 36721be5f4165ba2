"""`Executor`: what runs a compiled network, and what is known of it before it runs.

A new one is a folder that holds such a description, and a line in the table of `ltc2neuro.compiled.executors`: `run`,
`verify`, `doctor`, the shell and docs/executors.md read that.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from compiler.interpreters.execution import Execution
from compiler.mapping.mapped_network import MappedNetwork
from compiler.mapping.options import Options
from compiler.ranges.proven import Proven
from compiler.running.extra import Extra
from hw_models.arrays import Array
from hw_models.chip import Chip
from hw_models.errors import ChipError

States: TypeAlias = Mapping[str, Array]


class Shows(Enum):
    """What an executor can tell of a run, besides its outputs."""

    VALUES = "every value"
    STATES = "states"
    NOTHING = "nothing"


class Compiled(Protocol):
    """What an executor is given of a network."""

    @property
    def proven(self) -> Proven:
        """The integer graph, and what is known of it: spans, bits of products and sums, where it can clip."""
        ...

    @property
    def chip(self) -> Chip:
        """The chip that it is for."""
        ...

    def mapped(self, reset_interval: int | None = None, options: Options | None = None) -> MappedNetwork:
        """The network mapped, as often as it is asked for the same."""
        ...


@dataclass(frozen=True)
class Job:
    """What is to be run: samples (batch, time, channels) as they enter the chip, in LSB, and where states start."""

    x: Array
    state: States | None = None
    """{name: (batch, size)}; None: the initial ones"""
    record: Sequence[str] = ()
    """values of the integer graph that are to be recorded"""
    options: Options | None = None
    """how the network is mapped"""
    threads: int | None = None
    """how many CPUs it takes at most, where the executor shares work out; None: all that this process may use"""


Runner: TypeAlias = Callable[[Job], Execution]
CLIPPED, BEYOND = 1, 2
"""What a `Stepper` says of a sample that is not as usual."""


@dataclass(frozen=True)
class Ends:
    """What the host does with a sample and with an answer, channel by channel: whole float64 arrays (channels,) and
    (outputs,)."""

    scale: Array
    offset: Array
    """x * scale + offset is the sample in LSB; it is rounded, halves up"""
    most: float
    """what it may be then, either way"""
    out_scale: Array
    out_offset: Array
    """integers * out_scale + out_offset is the answer"""


@dataclass(frozen=True)
class InputRounding:
    """How real samples (batch, time, channels) become integers."""

    quantize: Callable[[Array], tuple[Array, Array]]
    """Of some of them, and how often each channel was clipped"""
    ends: Ends | None
    """The same for those that are not clipped; None: nothing that simple"""


@dataclass(frozen=True)
class RoundedRun:
    """What came of real samples: they as integers, how often each channel was clipped, and the run."""

    samples: Array
    clipped: Array
    execution: Execution


class Stepper(Protocol):
    """A network's next sample, of sequences whose states it keeps, with nothing in between."""

    x: Array
    """real numbers (rows, channels), the next sample: whoever calls writes them"""
    y: Array
    """real numbers (rows, outputs), the answer to the latest; the next one is written over it"""

    def begin(self, state: States | None) -> None:
        """Start from there, or from the initial states."""
        ...

    def step(self) -> int:
        """Take the next sample: `CLIPPED` where any value was clipped inside, `BEYOND` where the sample is beyond what
        may enter or is no number, so that nothing was done, else 0."""
        ...

    def back(self) -> None:
        """All is as it was before the latest sample."""
        ...

    def states(self) -> dict[str, Array]:
        """As they are now, (rows, size) by name."""
        ...


@runtime_checkable
class Steps(Protocol):
    """A `Runner` that takes single samples with little ado, for closed loops."""

    def stepper(self, rows: int, ends: Ends) -> Stepper:
        """For so many sequences."""
        ...


class Compiles(Protocol):
    """A `Runner` that compiles code for each kind of run, when there is the first of it, and that makes integers of
    samples itself, where they are to lie."""

    def __call__(self, job: Job, /) -> Execution:
        """Run it."""
        ...

    def kind(self, rows: int, record: Sequence[str]) -> Hashable:
        """Runs of so many sequences, with these values recorded: those of one kind share their code."""
        ...

    def run_real(self, job: Job, rounding: InputRounding) -> RoundedRun:
        """Run a job whose samples are real."""
        ...


N = TypeVar("N", contravariant=True)
"""What an executor is given of a network: `Compiled` of one with microcode"""


@dataclass(frozen=True)
class Executor(Generic[N]):
    """A way to run a network. Executors of integers all return the same ones."""

    name: str
    runs: str
    """what it runs, in a few words"""
    prepare: Callable[[N], Runner]
    """Makes ready what many runs can share."""
    shows: Shows = Shows.VALUES
    integers: bool = True
    """whether it computes integers; else real values, in LSB"""
    counts: bool = False
    """whether it counts what saturates inside, in `saturations` and `clips` of its `Execution`; else of the input only,
    and the reference is run to know what was clipped"""
    starts: bool = True
    """whether it takes states to start from"""
    mapped: bool = False
    """whether it runs the mapped network tick by tick, so that options of the mapping make a difference"""
    simulates: bool = True
    """whether it runs on this machine, without a chip"""
    needs: Extra | None = None
    loads: Callable[[], object] = lambda: None
    """Imports what it needs. Raises `MissingExtraError` where that is installed, but broken."""
    refuses: Callable[[Chip], ChipError | None] = lambda chip: None
    """Why it does not run networks for a chip."""
    compiles: bool = False
    """whether it takes a while to make ready, and is the fastest then: long runs that name no executor take it; its
    runner is one that `Compiles`"""
    part: int = 64
    """how many sequences are worth running at once"""
    samples: int | None = None
    """where it is slow: how many samples are enough to compare it with others"""

    def __hash__(self) -> int:
        return hash(self.name)  # each run looks it up

    def missing(self, chip: Chip) -> str:
        """Why it cannot run a network for `chip` here; empty where it can."""
        refused = self.refuses(chip)
        if refused is not None:
            return refused.what
        gone = () if self.needs is None else self.needs.missing()
        return f"{', '.join(gone)} not installed; run: {self.needs.command}" if self.needs and gone else ""

    def require(self, chip: Chip) -> None:
        """Raise `ChipError` or `MissingExtraError` where it cannot run a network for `chip` here."""
        refused = self.refuses(chip)
        if refused is not None:
            raise refused
        if self.needs is not None:
            self.needs.require()
