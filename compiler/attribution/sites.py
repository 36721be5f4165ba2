"""Sites: each place at which an integer graph loses something, by the float value computed there and by cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

import numpy as np

from compiler.graph import ops
from compiler.graph.graph import Block, Graph
from compiler.graph.integers import IntegerGraph
from compiler.graph.lowered import Lowered
from compiler.graph.op_table import OpTable
from compiler.ranges.proven import Proven


class Cause(Enum):
    """Why integers differ from the float graph."""

    INPUT = "input"
    WEIGHTS = "weight rounding"
    PARAMETERS = "parameter rounding"
    MESSAGES = "message narrowing"
    FUNCTIONS = "function approximation"
    QUOTIENTS = "quotient"
    SUMS = "accumulated rounding"
    CLIPPING = "clipping"


@dataclass(frozen=True)
class Knob:
    """A field of `Precision`, and the values that it holds for: none is all."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Site:
    """What is lost for one cause where the float value `value` is computed."""

    value: str
    cause: Cause
    knob: Knob = field(compare=False)


@dataclass(frozen=True)
class Places:
    """What an integer op loses, by its sites; None where it loses nothing in that way."""

    rounding: Site | None = None
    """bits that are rounded or floored off its result"""
    clip: Site | None = None
    constants: Mapping[str, Site] = field(default_factory=dict)
    """of operands and matrices that are rounded"""
    whole: tuple[Site, ...] = ()
    """where all of these are lifted, the result is what the float op makes of the values that it is computed from"""

    @property
    def sites(self) -> list[Site]:
        """All of them."""
        found = [self.rounding, self.clip, *self.constants.values(), *self.whole]
        return [site for site in dict.fromkeys(found) if site is not None]


def find_places(proven: Proven, lowered: Lowered) -> dict[str, Places]:
    """What each integer op loses, by its result; those that lose nothing are left out."""
    clips = frozenset(s.value for s in proven.saturations)
    here = KnownSites(proven.graph, lowered, clips, _states_taking(proven.graph), {})
    for _, op in proven.graph.ops():
        if op.result is not None and op.result in lowered.made_for:
            here.found[op.result] = PLACES(lowered.made_for[op.result], op, here)
    _join_alike(here)
    whole = {name: _with_whole_matrix(name, places, here.found, lowered) for name, places in here.found.items()}
    return {name: places for name, places in whole.items() if places.sites}


@dataclass(frozen=True, eq=False)
class KnownSites:
    """What sites follow from."""

    graph: IntegerGraph
    lowered: Lowered
    clips: frozenset[str]
    taken: Mapping[str, str]
    """the states that take integer values, by these"""
    found: dict[str, Places]

    def constants(self, op: ops.Op, cause: Cause, value: str, knob: Knob) -> dict[str, Site]:
        """The operands and matrix of an integer op that were rounded."""
        names = [*op.operands, *([op.matrix] if isinstance(op, ops.MatVec) else [])]
        rounded = [n for n in names if n in self.lowered.exact and n in self.graph.constants]
        return {n: Site(value, cause, knob) for n in rounded}

    def is_copy(self, op: ops.Rescale, wanted: ops.Op) -> bool:
        """Whether a value comes from elsewhere, to be narrowed for the float op `wanted`."""
        return self.lowered.made_for.get(op.x) is not wanted

    def narrowed(self, op: ops.Rescale, wanted: ops.Op) -> Knob:
        """By which field of those that read a narrowed copy: it may be of several."""
        kind, made_for = type(wanted), self.lowered.made_for
        found = [made_for[n] for _, r in self.consumers.get(op.out, []) if (n := r.result or "") in made_for]
        values = [f.result or "" for f in [wanted, *found] if isinstance(f, kind)]
        return Knob(NARROWS[kind], tuple(dict.fromkeys(values)))

    @cached_property
    def consumers(self) -> dict[str, list[tuple[Block, ops.Op]]]:
        """What reads each integer value."""
        return self.graph.consumers()

    def of_result(self, name: str) -> Site:
        """What is rounded off a result: it has as many bits as those who read it want, or as a word holds."""
        reader = narrowing_reader(self.lowered.near, name)
        if reader is None:
            return Site(name, Cause.SUMS, Knob("word", (name,)))
        return Site(name, Cause.MESSAGES, reader)


def _states_taking(graph: Graph) -> dict[str, str]:
    return {op.x: op.state for _, op in graph.ops() if isinstance(op, ops.StateWrite)}


NARROWS = {ops.MatVec: "split_messages", ops.Apply: "argument_fraction", ops.Mul: "operand"}
"""What reads fewer bits than a word has, and the field of `Precision` that says how many"""
_ALIKE = (ops.SameUnit, ops.Gather, ops.Select)


def narrowing_reader(near: Graph, name: str) -> Knob | None:
    """By which reader a value of the float graph has few bits; None where any of its readers wants a whole word."""
    consumers = near.consumers()
    todo, seen, found = [name], {name}, None
    while todo:
        for _, op in consumers.get(todo.pop(0), []):
            if isinstance(op, _ALIKE):
                if op.out not in seen:
                    seen.add(op.out)
                    todo.append(op.out)
            elif type(op) in NARROWS:
                found = found or Knob(NARROWS[type(op)], (op.result or "",))
            else:
                return None
    return found


PLACES: OpTable[[ops.Op, KnownSites], Places] = OpTable("sites")
"""What an integer op loses that is computed for a float op of this type."""


@PLACES.on(ops.Input)
def _input(wanted: ops.Input, op: ops.Op, here: KnownSites) -> Places:
    knob = narrowing_reader(here.lowered.near, wanted.out) or Knob("word", (wanted.out,))
    clip = Site(wanted.out, Cause.CLIPPING, Knob("margin", ()))
    return Places(Site(wanted.out, Cause.INPUT, knob), clip)


@PLACES.on(ops.Lossless, ops.Gather, ops.SegmentSum, ops.StateRead, ops.StateWrite, ops.Output)
def _aligned(wanted: ops.Op, op: ops.Op, here: KnownSites) -> Places:
    name = wanted.state if isinstance(wanted, ops.StateWrite) else wanted.result or wanted.operands[0]
    if name in here.lowered.operands:  # a carry takes up what is rounded off
        lost = Site(name, Cause.SUMS, Knob("carry", (name,)))
        return Places(whole=(lost,) if op.result == name else (), rounding=_rounding(op, lost))
    return Places(
        rounding=_rounding(op, lost := here.of_result(name)),
        clip=_clip(op, name, here),
        constants=here.constants(op, Cause.PARAMETERS, name, lost.knob),
    )


@PLACES.on(ops.Mul)
def _product(wanted: ops.Mul, op: ops.Op, here: KnownSites) -> Places:
    if isinstance(op, ops.Rescale) and op.result not in here.clips:
        copied = Site(wanted.out, Cause.MESSAGES, here.narrowed(op, wanted))
        return Places(rounding=_rounding(op, copied))
    floored = here.of_result(wanted.out) if isinstance(op, ops.MulShift) else None
    parameters = here.constants(op, Cause.PARAMETERS, wanted.out, Knob("parameter", (wanted.out,)))
    return Places(rounding=floored, clip=_clip(op, wanted.out, here), constants=parameters)


@PLACES.on(ops.MatVec)
def _matrix(wanted: ops.MatVec, op: ops.Op, here: KnownSites) -> Places:
    if isinstance(op, ops.Rescale) and op.result not in here.clips:
        message = Site(wanted.out, Cause.MESSAGES, here.narrowed(op, wanted))
        total = Site(wanted.out, Cause.SUMS, Knob("word", (wanted.out,)))
        return Places(rounding=_rounding(op, message if here.is_copy(op, wanted) else total))
    split = Knob("split_weights", (wanted.out,))
    weights = here.constants(op, Cause.WEIGHTS, wanted.out, split) if isinstance(op, ops.MatVec) else {}
    return Places(constants=weights, clip=_clip(op, wanted.out, here))


@PLACES.on(ops.Apply)
def _function(wanted: ops.Apply, op: ops.Op, here: KnownSites) -> Places:
    argument = here.lowered.operands[wanted.out][0]
    if isinstance(op, ops.Rescale) and here.is_copy(op, wanted) and op.result != wanted.out:
        narrowed = Site(wanted.out, Cause.MESSAGES, here.narrowed(op, wanted))
        return Places(rounding=_rounding(op, narrowed)) if op.result == argument else Places()
    clip = _clip(op, wanted.out, here)
    if op.result != wanted.out:
        return Places(clip=clip)
    approximated = Site(wanted.out, Cause.FUNCTIONS, Knob("segments", (wanted.out,)))
    return Places(rounding=here.of_result(wanted.out), clip=clip, whole=(approximated,))


@PLACES.on(ops.Div)
def _quotient(wanted: ops.Div, op: ops.Op, here: KnownSites) -> Places:
    quotient = Site(wanted.out, Cause.QUOTIENTS, Knob("degree", (wanted.out,)))
    whole = (quotient,) if op.result == wanted.out else ()
    return Places(_rounding(op, quotient), _clip(op, wanted.out, here), whole=whole)


def _join_alike(here: KnownSites) -> None:
    """Parameters that are rounded by the same, as a conductance's and its product with a reversal potential of 1 or -1,
    are one site: what one loses the other may take back."""
    exact, graph = here.lowered.exact, here.graph
    alike: dict[bytes, list[Site]] = {}
    for places in here.found.values():
        for name, site in places.constants.items():
            real = exact[name]
            lost = np.abs(graph.constants[name] / real.scale + real.bias / real.scale - real.source)
            if site.cause is Cause.PARAMETERS and lost.any() and np.isfinite(lost).all():
                alike.setdefault(lost.tobytes(), []).append(site)
    joined = {}
    for sites in alike.values():
        names = tuple(dict.fromkeys(s.value for s in sites))
        for site in sites if len(names) > 1 else ():
            knob = Knob(site.knob.field, tuple(dict.fromkeys(v for s in sites for v in s.knob.values)))
            joined[site] = Site(", ".join(names), site.cause, knob)
    for name, places in here.found.items():
        if any(site in joined for site in places.constants.values()):
            here.found[name] = replace(places, constants={n: joined.get(s, s) for n, s in places.constants.items()})


def _rounding(op: ops.Op, site: Site) -> Site | None:
    """`site`, where an op brings its operand to fewer bits."""
    return site if isinstance(op, ops.Rescale) and op.shift > 0 else None


def _clip(op: ops.Op, name: str, here: KnownSites) -> Site | None:
    """Where a value is clipped to its calibrated range: a state by its name."""
    if not isinstance(op, ops.Rescale) or op.result not in here.clips:
        return None
    where = here.taken.get(op.out, name)
    return Site(where, Cause.CLIPPING, Knob("margin", ()))


def _with_whole_matrix(name: str, places: Places, found: Mapping[str, Places], lowered: Lowered) -> Places:
    """Of a matrix in parts, halves of weights meet no halves of messages: nothing is lost where weights are lifted."""
    op = lowered.made_for[name]
    if not isinstance(op, ops.MatVec) or name != op.out or name not in lowered.operands:
        return places
    parts = [n for n, other in lowered.made_for.items() if other is op]
    lost = (Cause.WEIGHTS, Cause.SUMS)
    sites = [s for n in parts if n in found for s in found[n].sites if s.cause in lost]
    return Places(places.rounding, places.clip, places.constants, tuple(dict.fromkeys(sites)))
