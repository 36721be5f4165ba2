"""The sections of a library network's report: its processes, and what any network has."""

from __future__ import annotations

from compiler.mapping.titles import amount
from ltc2neuro.library_network.cost import library_cost
from ltc2neuro.library_network.record import LibraryRecord
from ltc2neuro.library_network.summary import on_chip
from ltc2neuro.report.material import Material
from ltc2neuro.report.page import Section, listing, table
from ltc2neuro.report.provenance import provenance
from ltc2neuro.report.time import time
from ltc2neuro.report.verdict import verdict
from ltc2neuro.report.writing import Sections


def sections_of(record: LibraryRecord) -> Sections:
    """Those of the report of `record`, in the order of the page."""

    def network(_: Material) -> Section:
        cost = library_cost(record, record.chip)
        heads = ["population", "process of Lava", "neurons", "ticks after its iteration began"]
        rows = [(p.name, p.kind.value, f"{p.size:,}", str(p.level)) for p in on_chip(record.processes)]
        conclusion = (
            f"The model is {amount(cost.neurons, 'neuron')} of Lava's library in {amount(len(rows), 'population')} and "
            f"{amount(cost.synapses, 'synapse')}; a sample takes {amount(cost.ticks_per_sample, 'tick')}."
        )
        return Section("network", "The network", conclusion, (table(heads, rows), listing(str(cost))))

    return verdict, network, time, provenance
