"""The programs of a compiled network, as text and as JSON; docs/instruction-set.md describes both."""

from __future__ import annotations

from compiler.assembly import populations_text
from compiler.mapping.exchange import mapped_to_json
from compiler.mapping.mapped_network import MappedNetwork
from compiler.mapping.titles import titles
from hw_models.chip import Chip
from hw_models.json_dataclasses import Json
from ltc2neuro.compiled.record import Record


def assembly(chip: Chip, network: MappedNetwork) -> str:
    """Every population complete, in the text that `compiler.assembly.parse` reads."""
    timing = f"{network.ticks_per_sample} ticks a sample, latency {network.latency}"
    head = f"; {chip.title} ({chip.name}): {len(network.populations)} populations, {timing}"
    return f"{head}\n\n{populations_text(network.populations, titles(network))}".rstrip("\n")


def assembly_json(record: Record, network: MappedNetwork) -> dict[str, Json]:
    """The same with connections, ticks, and what the host and the chip's tools must know."""
    chip = record.chip
    widths = ("word_bits", "product_bits", "message_bits", "weight_bits", "registers", "neuron_words")
    found: dict[str, Json] = {"name": chip.name, **{width: getattr(chip, width) for width in widths}}
    tokens = () if record.tokens is None else record.tokens.tables
    looked_up = [{"places": list(t.places), "rows": t.rows.tolist()} for t in tokens]
    host = {**host_maps(record), **({"tokens": looked_up} if looked_up else {})}
    return {**mapped_to_json(network), "chip": found, "host": host}


def host_maps(record: Record) -> dict[str, Json]:
    """What the host computes beside the chip: samples to integers, integers to answers."""
    graph, form = record.graph, record.graph.input_format
    return {
        "input": {
            "fraction": form.fraction,
            "low": form.low,
            "high": form.high,
            "scale": graph.input_map.scale.tolist(),
            "offset": graph.input_map.offset.tolist(),
        },
        "output": {
            "fraction": graph.output_fraction,
            "scale": graph.output_map.scale.tolist(),
            "offset": graph.output_map.offset.tolist(),
        },
    }
