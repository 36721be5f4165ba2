"""What time inference knows of elements, step by step: their orbits, and where those cannot be one program."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from compiler.steps.elements import NEVER, ElementKind, Elements
from hw_models.errors import TraceError

ANSWER = -2
"""What reads an answer, and what a block leaves"""
BEFORE_THE_FIRST = "The sample before, and at first the first one, is x - torch.diff(x, dim=1, prepend=x[:, :1])."
"""How a delay is written that begins with the first sample"""
WINDOW_FROM_THE_FIRST = (
    "Of windows that begin with copies of the first sample take those of x - x[:, :1] padded with zeros: their std and "
    "var are the same, and their mean is less by x[:, :1]."
)
"""The same of windows"""


class UnsteadyError(TraceError):
    """The model does not do the same at every step, or looks at later steps: `found` is how far that was seen."""

    found: Orbits | None = None
    at_once = False
    """whether more of it can be computed with the first sample than with each later one"""


class FirstSampleError(UnsteadyError):
    """More of it can be computed with the first sample than with each later one."""

    at_once = True


class CopiesError(UnsteadyError):
    """A block of a solver's steps reads copies of the first sample."""


class StartsLateError(UnsteadyError):
    """It does not do the same at each of so few steps."""


class SettlesLateError(StartsLateError):
    """A number has changed in each of them."""


@dataclass(frozen=True)
class Past:
    """What an element was before the step in which a sample first `reached` it: elements that are `numbers`, the latest
    first. `ever`: it was a single one at all steps before."""

    reached: int
    numbers: tuple[int, ...]
    ever: bool

    def at(self, step: int) -> int | None:
        """The one of a step; None where it is not known, or a sample had reached it."""
        ago = self.reached - 1 - step
        if self.ever:
            ago = min(ago, 0)
        return self.numbers[ago] if 0 <= ago < len(self.numbers) else None


@dataclass
class Orbits:
    """What each element was one step `before`; the `newest` of its orbit, and how many steps `ago` that it is.

    Of a newest element `start` is what it was before the first step, None where nobody looks at that; `first` is the
    step from which on it is computed as the newest is, and `instead` the element that stands for it in the step before
    that, if it was no number then.
    """

    elements: Elements
    before: dict[int, int] = field(default_factory=dict)
    newest: dict[int, int] = field(default_factory=dict)
    ago: dict[int, int] = field(default_factory=dict)
    start: dict[int, float | None] = field(default_factory=dict)
    past: dict[int, Past] = field(default_factory=dict)
    """of those that were numbers"""
    first: dict[int, int] = field(default_factory=dict)
    instead: dict[int, int] = field(default_factory=dict)
    begins: dict[int, int] = field(default_factory=dict)
    """what stands for an element in the step before its first, where that is computed in the same step"""
    stood: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """where a reader, at a place among its operands, has what an element was before its first step: that, and how many
    steps before"""
    even_before: dict[tuple[int, int], int] = field(default_factory=dict)
    """what stands for an element more than one step before its first, where it and what stands for it after are not
    both numbers"""
    remade: set[int] = field(default_factory=set)
    """newest elements whose ops make what they begin with of what their operands begin with"""
    later: dict[int, int] = field(default_factory=dict)
    """those that read such a start later than they read what starts so, by how many steps at least"""
    matched: set[tuple[int, int]] = field(default_factory=set)
    """operands of sums, by identity, of which the first were the second one step before"""
    by: dict[int, int] = field(default_factory=dict)
    """the first reader through which each was matched"""
    fixed: dict[tuple[ElementKind, int], set[int]] = field(default_factory=dict)
    """readers of the same in neighbouring steps, by what they are, and the element"""
    otherwise: list[tuple[int, int, int]] = field(default_factory=list)
    """readers of elements that were something else to them, in the step before, than to others; and what"""
    numbers: list[tuple[int, int, int]] = field(default_factory=list)
    """readers of numbers that were others in the step before; and what"""
    earlier: dict[int, dict[int, int]] = field(default_factory=dict)
    """of elements that were numbers before a sample reached them, what they were so many steps before the last of
    these"""
    conflict: UnsteadyError | None = None
    """the first of these"""
    differs: StartsLateError | None = None
    """the last place where a step did something else than the one before it"""

    def begun(self, head: int, ago: int) -> int | None:
        """What is computed in the first step and stands for a newest element so many steps before that; None where it
        starts at a number."""
        begins = self.begins.get(head)
        if begins is None or (ago != 1 and begins not in self.elements.past):
            begins = self.even_before.get((head, ago), NEVER)
        return begins if begins != NEVER and self.elements.known[begins] != NEVER else None

    @cached_property
    def earliest(self) -> int:
        """The first step of which any number is known that was before samples reached it; of one that was so at all
        steps no earlier than the one before the first."""
        own = [past.reached - len(past.numbers) for past in self.past.values()]
        return min([*own, *(0 for past in self.past.values() if past.ever)], default=0)
