"""The chip: which cores are taken, what happens in which tick, and what a sample costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compiler.assembly import executed_instructions
from compiler.mapping.mapped_network import MappedNetwork
from compiler.mapping.titles import INPUT, titles, value_titles
from compiler.placement.placement import Placement
from hw_models.explain import band_text
from hw_models.memory import RESOURCES
from ltc2neuro.cost.sample_cost import Cost
from ltc2neuro.plot.style import BAD, FLOAT, INTEGER, SOFT, axes, bare, hover, quiet, require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CORES = 1024
MOST_TICKS = 64
MOST_ARROWS = 400


def placement(placed: Placement, ax: Axes | None = None) -> Axes:
    """The chip's cores, each as dark as the resource that it has least of is used; free ones are empty."""
    from matplotlib.patches import Rectangle

    require(placed, Placement, "net.placement")
    ax = axes(ax)
    bare(ax)
    shares, named = placed.load.shares(placed.memory), titles(placed.network)
    count = placed.count if placed.chip.cores is None else placed.chip.cores * placed.chips
    count = min(max(count, placed.count), MOST_CORES)
    columns = int(np.ceil(np.sqrt(2 * count)))
    for core in range(count):
        x, y = core % columns, -(core // columns)
        used = float(shares[:, core].max()) if core < placed.count else 0.0
        cell = Rectangle((x + 0.05, y + 0.05), 0.9, 0.9, lw=0.8, edgecolor=SOFT, facecolor="none")
        if core < placed.count:
            cell.set_facecolor((*_rgb(FLOAT if used < 0.9 else BAD), 0.15 + 0.8 * min(used, 1.0)))
            held = ", ".join(f"{named[name]} {n:,}" for name, n in placed.neurons(core).items())
            parts = ", ".join(f"{name} {share:.1%}" for name, share in zip(RESOURCES, shares[:, core], strict=True))
            hover(cell, f"core {core}: {held}; {parts}")
        ax.add_patch(cell)
    ax.set_xlim(0, columns)
    ax.set_ylim(1 - int(np.ceil(count / columns)), 1)
    ax.set_aspect("equal")
    name, share = placed.bottleneck
    of = f" of {placed.chip.cores * placed.chips:,}" if placed.chip.cores else ""
    ax.set_title(f"{placed.count:,}{of} cores; scarcest: {name}, {share:.1%} on the fullest", loc="left")
    return ax


def schedule(mapped: MappedNetwork, ax: Axes | None = None) -> Axes:
    """A sample tick by tick: what each population executes, as bars, and which messages travel, as arrows."""
    from matplotlib.ticker import MaxNLocator

    require(mapped, MappedNetwork, "net.mapped()")
    ax = axes(ax)
    period = mapped.ticks_per_sample
    shown = min(period, MOST_TICKS)
    names, named = [None, *(p.name for p in mapped.populations)], titles(mapped)
    rows = {name: -row for row, name in enumerate(names)}
    executed = {p.name: executed_instructions(p.listing, period)[:shown] for p in mapped.populations}
    most = max([1, *(n for each in executed.values() for n in each)])
    for name, each in executed.items():
        for tick, n in enumerate(each):
            bars = ax.bar(tick, 0.6 * n / most, 0.8, bottom=rows[name] - 0.3, color=FLOAT, alpha=0.55)
            hover(bars[0], f"tick {tick}: each of the {named[name]} executes up to {n} instructions")
    sent = value_titles(sorted({v for ticks in mapped.sends.values() for v in ticks.values()}), mapped)
    drawn = 0
    for c in mapped.connections:
        for tick, value in mapped.sends.get(c.source, {}).items():
            target, arrives = c.target.population, (tick + c.delay + 1) % period
            if target is None or tick >= shown or arrives >= shown or drawn >= MOST_ARROWS:
                continue
            drawn += 1
            start, end = rows[c.source.population], rows[target]
            (line,) = ax.plot(
                [tick, arrives], [start, end], color=INTEGER, lw=0.9, marker=".", markevery=[1], alpha=0.8
            )
            where = named.get(c.source.population or "", "the input")
            when = f"{where} at tick {tick} to {named[target]} at tick {arrives}"
            hover(line, f"{when}: {c.weights.size:,} synapses, {sent[value]}")
    ax.set_yticks(list(rows.values()), [INPUT, *named.values()])
    ax.set_ylim(-len(names) + 0.5, 0.5)
    ax.set_xlim(-0.6, shown - 0.4)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    quiet(ax)
    ax.set_xlabel("tick of a sample" + (f", the first {shown} of {period}" if shown < period else ""))
    ax.set_title("bars: instructions a neuron executes; lines: messages, to the dot", loc="left")
    return ax


def cost(found: Cost, ax: Axes | None = None) -> Axes:
    """Time and energy of a sample as bands from low to high, in parts of the default, which is written beside."""
    from matplotlib.ticker import LogLocator

    require(found, Cost, "net.cost()")
    ax = axes(ax)
    bands = [
        ("a tick, mean", found.tick, "s"),
        ("the longest tick", found.longest_tick, "s"),
        ("a sample", found.sample, "s"),
    ]
    bands += [("latency", found.latency, "s"), ("energy, power x time", found.energy, "J")]
    bands += [("energy, by operations", found.operations, "J")]
    for row, (_, band, unit) in enumerate(bands):
        if band.default <= 0:
            continue
        low, high = max(band.low / band.default, 1e-3), band.high / band.default
        (bar,) = ax.plot([low, high], [-row, -row], color=INTEGER if unit == "J" else FLOAT, lw=9, alpha=0.6)
        bar.set_solid_capstyle("butt")
        ax.plot([1], [-row], "|", color=SOFT, ms=14, mew=2)
        hover(bar, band_text(band, unit))
        ax.annotate(band_text(band, unit), (low, -row), (0, 8), textcoords="offset points", fontsize="small")
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    ax.xaxis.set_minor_formatter("{x:g}")
    ax.set_yticks([-row for row in range(len(bands))], [name for name, _, _ in bands])
    ax.set_ylim(-len(bands) + 0.5, 0.8)
    quiet(ax)
    ax.set_xlabel("low .. high, in parts of the default")
    return ax


def _rgb(color: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(color)
