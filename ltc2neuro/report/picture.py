"""The network as a picture: populations and connections, each population's listing behind it."""

from __future__ import annotations

from compiler.assembly.text import populations_text
from compiler.mapping.titles import INPUT, OUTPUT, amount, size_title, titles
from ltc2neuro import plot
from ltc2neuro.plot.style import LINK
from ltc2neuro.report.material import Material
from ltc2neuro.report.page import Section, figure, fold, listing, paragraph, table
from ltc2neuro.report.svg import picture

LONGEST = 60_000
"""In characters: listings of large networks hold long vectors of parameters"""


def network(material: Material) -> Section:
    """Populations and connections."""
    mapped, record = material.mapped, material.own.record
    if mapped is None:
        text = f"{record.chip.name} has no populations: the network is not mapped."
        return Section("network", "The network", text, ())
    height = 1.0 + 0.9 * (len(mapped.populations) + 2)
    drawn = picture("network", [lambda ax: plot.network(mapped, ax, graph=record.graph)], 8, height)
    caption = "Point at a population or a connection for its numbers; click a population for what its neurons execute. "
    caption += "Colours are the signs of weights, which do not tell what excites: what a synapse of an LTC pulls to "
    caption += "(erev) is in the neurons' programs."
    body = [figure(drawn, caption)]
    named = titles(mapped)
    for number, p in enumerate(mapped.populations):
        text = populations_text([p], named)
        text = text if len(text) < LONGEST else f"{text[:LONGEST]}\n... and {len(text) - LONGEST:,} characters more"
        anchor = f"{LINK[1:]}{number}"
        body.append(fold(f"{named[p.name]}: {size_title(p)}", listing(text), anchor=anchor))
    sent = material.own.titles(v for ticks in mapped.sends.values() for v in ticks.values())
    rows = []
    for c in mapped.connections:
        source, target = named.get(c.source.population or "", INPUT), named.get(c.target.population or "", OUTPUT)
        sign = "positive" if c.weights.sum() > 0 else "negative"
        messages = "; ".join(dict.fromkeys(sent[v] for v in mapped.sends.get(c.source, {}).values()))
        rows.append((source, target, f"{c.weights.size:,}", sign, str(c.delay), messages))
    body.append(fold("connections", table(["from", "to", "synapses", "weights", "delay in ticks", "messages"], rows)))
    if record.passes:
        body.append(paragraph(f"{len(record.passes)} passes have simplified it; Provenance lists them."))
    conclusion = (
        f"The model is {amount(mapped.neurons, 'neuron')} in {amount(len(mapped.populations), 'population')} and "
        f"{amount(mapped.synapses, 'synapse')}; a sample enters every {amount(mapped.ticks_per_sample, 'tick')}, and "
        f"its answer is out after {mapped.latency}."
    )
    return Section("network", "The network", conclusion, tuple(body))
