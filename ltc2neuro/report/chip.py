"""The chip: cores, a sample tick by tick, time and energy, and the sources of what they are computed from."""

from __future__ import annotations

from hw_models.explain import band_text, entries
from ltc2neuro import plot
from ltc2neuro.report.material import Material
from ltc2neuro.report.page import Section, figure, fold, listing, table
from ltc2neuro.report.svg import picture


def chip(material: Material) -> Section:
    """Where it lies, and what it costs."""
    mapped, found, record = material.mapped, material.cost, material.own.record
    body = []
    if mapped is not None:
        drawn = picture("ticks", [lambda ax: plot.schedule(mapped, ax)], 8, 1.2 + 0.6 * (1 + len(mapped.populations)))
        body.append(figure(drawn, "A sample on the chip. Point at a bar or a line for its numbers."))
    if isinstance(found, str):
        return Section("chip", "The chip", f"What a sample costs is not known: {found}.", tuple(body))
    placed = found.placement
    cores = picture("cores", [lambda ax: plot.placement(placed, ax)], 8, 3.4)
    body.insert(0, figure(cores, "The chip's cores: the darker, the fuller. Point at one for what it holds."))
    costs = picture("cost", [lambda ax: plot.cost(found, ax)], 8, 3.4)
    total = sum(found.terms.values())
    rows = [(term, f"{seconds / total:.0%}") for term, seconds in sorted(found.terms.items(), key=lambda t: -t[1])]
    body.append(figure(costs, "From low to high, as far as the chip is known; above each: low, default and high."))
    body.append(table(["what the time of a sample is spent on", ""], rows))
    busy = found.dynamic.default / found.energy.default
    shares = [("power of the chip at rest, while a sample lasts", f"{1 - busy:.0%}"), ("cores at work", f"{busy:.0%}")]
    body.append(table(["what the energy of a sample is spent on", ""], shares))
    sources = [
        (n.key, n.shown, n.source.text, n.source.sure)
        for n in entries(record.chip)
        if n.section in ("timing", "energy", "memory")
    ]
    body.append(fold("the numbers behind it, and their sources", table(["", "", "source", "how sure"], sources)))
    body.append(fold("as text, with the placement", listing(f"{found}\n\n{placed}")))
    name, share = placed.bottleneck
    how = "counted from a run" if found.recorded else "if every message is sent"
    conclusion = (
        f"It takes {placed.count:,} core{'s' * (placed.count != 1)} of {placed.chip.title}, where {name} are scarcest "
        f"({share:.1%} on the fullest); a sample takes {band_text(found.sample, 's')} and "
        f"{band_text(found.energy, 'J')} ({how}); "
        f"{found.terms[found.dominant] / total:.0%} of the time is for: {found.dominant}."
    )
    return Section("chip", "The chip", conclusion, tuple(body))
