"""The network as it lies on the chip: populations and what connects them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from compiler.graph.integers import IntegerGraph
from compiler.mapping.mapped_network import Connection, MappedNetwork, Population
from compiler.mapping.titles import INPUT, OUTPUT, amount, size_title, titles
from ltc2neuro.plot.style import BAD, FLOAT, INTEGER, LINK, SOFT, axes, bare, hover

if TYPE_CHECKING:
    from matplotlib.axes import Axes


COLORS = {1: INTEGER, -1: BAD, 0: SOFT}
SIGNS = {1: "positive weights", -1: "negative weights", 0: "weights of both signs"}
"""By the sum of their signs. Whether a synapse excites is another matter: an LTC's erev is in the neurons' programs"""


class _Mappable(Protocol):
    @property
    def graph(self) -> IntegerGraph: ...
    def mapped(self) -> MappedNetwork: ...


@dataclass(frozen=True)
class Arrow:
    """All connections from one population to another."""

    source: int
    target: int
    parts: tuple[Connection, ...]

    @property
    def synapses(self) -> int:
        """How many."""
        return sum(c.weights.size for c in self.parts)

    @property
    def signs(self) -> set[int]:
        """Those of its weights."""
        return {int(s) for c in self.parts for s in np.unique(np.sign(c.weights)) if s}

    @property
    def delay(self) -> int:
        """The longest, in ticks beyond the first."""
        return max(c.delay for c in self.parts)


def network(net: _Mappable | MappedNetwork, ax: Axes | None = None, *, graph: IntegerGraph | None = None) -> Axes:
    """Populations from the input down to the output, and their connections: forward on the right, back on the left.

    Where one points, a connection tells the formats of its messages: those of `net`, or of `graph` where `net` is only
    its mapping.
    """
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    mapped, graph = (net, graph) if isinstance(net, MappedNetwork) else (net.mapped(), net.graph)
    ax = axes(ax)
    bare(ax)
    names = [INPUT, *(p.name for p in mapped.populations), OUTPUT]
    ends = [amount(size, "channel") for size in (mapped.input_size, mapped.output_size)]
    sizes = [ends[0], *map(size_title, mapped.populations), ends[1]]
    order = _order(mapped, names)
    shown = [INPUT, *titles(mapped).values(), OUTPUT]
    for place, n in enumerate(order):
        inner = 0 < n < len(names) - 1
        box = FancyBboxPatch((-1, -place - 0.27), 2, 0.54, "round,pad=0,rounding_size=0.1", lw=1.2)
        box.set(facecolor=FLOAT if inner else SOFT, alpha=0.25, edgecolor=FLOAT if inner else SOFT)
        ax.add_patch(box)
        link = LINK + str(n - 1) if inner else None
        box.set_url(link)
        held = _states(mapped.populations[n - 1], graph) if inner else ""
        hover(box, f"{shown[n]}: {sizes[n]}{held}{'; click for its listing' if inner else ''}")
        ax.text(0, -place + 0.09, shown[n], ha="center", va="center", weight="bold", url=link)
        ax.text(0, -place - 0.13, sizes[n], ha="center", va="center", fontsize="small", url=link)
    at = {n: place for place, n in enumerate(order)}
    for arrow in arrows(mapped, names):
        a, b = at[arrow.source], at[arrow.target]
        side, far = (1, abs(b - a)) if b > a else (-1, max(1, a - b))
        start, end = ((side, -a - 0.1), (side, -b + 0.1)) if b > a else ((side, -a + 0.1), (side, -b - 0.1))
        color = COLORS[sum(arrow.signs)]
        bend = 0.45 if a != b else -1.6  # one onto itself goes out to the left, too
        curve = FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, connectionstyle=f"arc3,rad={-bend}")
        curve.set(color=color, lw=1 + np.log10(max(arrow.synapses, 1)) / 2)
        told = hover_text(arrow, shown, mapped) + _formats(arrow, mapped, graph)
        hover(ax.add_patch(curve), told)
        label = ax.text(
            side * (1.06 + 0.1 * far),
            -(a + b) / 2,
            f"{arrow.synapses:,}",
            ha="left" if side > 0 else "right",
        )
        label.set(va="center", fontsize="small", color=color)
        hover(label, told)
    _key(ax, {sum(arrow.signs) for arrow in arrows(mapped, names)})
    reach = 1.25 + 0.12 * max([abs(at[a.source] - at[a.target]) for a in arrows(mapped, names)], default=1)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-len(names) + 0.6, 0.4)
    ax.set_title(f"{amount(mapped.ticks_per_sample, 'tick')} a sample, the answer after {mapped.latency}", loc="left")
    return ax


def arrows(mapped: MappedNetwork, names: list[str]) -> list[Arrow]:
    """The connections, those of the same two populations together."""
    pairs: dict[tuple[int, int], list[Connection]] = {}
    for c in mapped.connections:
        source = names.index(c.source.population, 1) if c.source.population is not None else 0
        target = names.index(c.target.population, 1) if c.target.population is not None else len(names) - 1
        pairs.setdefault((source, target), []).append(c)
    return [Arrow(source, target, tuple(parts)) for (source, target), parts in pairs.items()]


def hover_text(arrow: Arrow, names: list[str], mapped: MappedNetwork) -> str:
    """An arrow as text: sizes, signs, delays, ticks."""
    sign = SIGNS[sum(arrow.signs)]
    ticks = sorted({t for c in arrow.parts for t in mapped.sends.get(c.source, {})})
    delay = f", up to {arrow.delay} ticks later" if arrow.delay else ""
    parts = amount(len(arrow.parts), "connection")
    return (
        f"{names[arrow.source]} to {names[arrow.target]}: {amount(arrow.synapses, 'synapse')} with {sign} in "
        f"{parts}, sent at tick{'s' * (len(ticks) != 1)} {', '.join(map(str, ticks[:12]))}"
        f"{' ...' if len(ticks) > 12 else ''}{delay}"
    )


def _formats(arrow: Arrow, mapped: MappedNetwork, graph: IntegerGraph | None) -> str:
    """Those of what is sent, where they are known."""
    sent = dict.fromkeys(v for c in arrow.parts for v in mapped.sends.get(c.source, {}).values())
    known = [graph.format(v) for v in sent if v in graph.values] if graph is not None else []
    told = dict.fromkeys(f"{form.bits} bits, {form.fraction} of them fraction bits" for form in known)
    return f"; messages of {', or of '.join(told)}" if told else ""


def _states(population: Population, graph: IntegerGraph | None) -> str:
    """The formats of its states, where they are known."""
    if graph is None:
        return ""
    held = {state.name for state in graph.states}
    forms = {s: graph.state_format(s) for s in population.states if s in held}
    each = (
        f"; state {name}: {form.bits} bits, {form.fraction} of them fraction bits, {form.real_low:.4g} .. "
        f"{form.real_high:.4g}"
        for name, form in forms.items()
    )
    return "".join(each)


def _key(ax: Axes, signs: set[int]) -> None:
    """What the colours mean, below the picture."""
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=COLORS[sign], lw=2, label=SIGNS[sign]) for sign in COLORS if sign in signs]
    ax.legend(handles=lines, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, frameon=False, fontsize="small")


def _order(mapped: MappedNetwork, names: list[str]) -> list[int]:
    """The input, then whatever is reached first, the output last."""
    found, onward = [0], arrows(mapped, names)
    for n in found:
        found += [a.target for a in onward if a.source == n and a.target not in found and a.target != len(names) - 1]
    return [*found, *(n for n in range(1, len(names) - 1) if n not in found), len(names) - 1]
