"""A mapped network as JSON, all that a chip's own tools need, and back. docs/instruction-set.md has the schema."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compiler.assembly.json_reader import JsonObject
from compiler.assembly.population import Population
from compiler.assembly.tables import population_of, population_table
from compiler.mapping.mapped_network import Connection, MappedNetwork, Port, StateMonitor
from hw_models.json_dataclasses import Json

FORMAT, VERSION = "ltc2neuro assembly", 1


def mapped_to_json(network: MappedNetwork) -> dict[str, Json]:
    """The network as objects, lists, strings and integers, ready for `json.dumps`."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "input_size": network.input_size,
        "output_size": network.output_size,
        "ticks_per_sample": network.ticks_per_sample,
        "latency": network.latency,
        "populations": [population_table(p) for p in network.populations],
        "connections": [_connection_table(c) for c in network.connections],
        "sends": [
            {**_port_table(port), "tick": tick, "value": value}
            for port, values in network.sends.items()
            for tick, value in values.items()
        ],
        "states": [
            {"state": p.state, "population": p.population, "word": p.word, "tick": p.tick} for p in network.monitors
        ],
    }


def mapped_from_json(data: Json) -> MappedNetwork:
    """The network again. Raises `AssemblyError` with the path of what is wrong."""
    table = JsonObject(data)
    if table.text("format") != FORMAT:
        raise table.error("format", repr(FORMAT))
    if table.integer("version") != VERSION:
        raise table.error("version", str(VERSION))
    if table.count("ticks_per_sample") == 0:
        raise table.error("ticks_per_sample", "an integer, at least 1")
    populations = tuple(map(population_of, table.tables("populations")))
    by_name = {p.name: p for p in populations}
    if len(by_name) < len(populations):
        raise table.error("populations", "populations of different names")
    sizes = (table.count("input_size"), table.count("output_size"))
    sends: dict[Port, dict[int, str]] = {}
    for t in table.tables("sends"):
        sends.setdefault(_port_of(t), {})[t.count("tick")] = t.text("value")
    return MappedNetwork(
        populations,
        tuple(_connection_of(t, by_name, *sizes) for t in table.tables("connections")),
        *sizes,
        table.count("ticks_per_sample"),
        table.count("latency"),
        tuple(_monitor_of(t, by_name) for t in table.tables("states")),
        sends,
    )


def _port_table(port: Port) -> dict[str, Json]:
    return {"population": port.population, "port": port.index}


def _port_of(table: JsonObject) -> Port:
    return Port(table.maybe_text("population"), table.count("port"))


def _monitor_of(table: JsonObject, populations: Mapping[str, Population]) -> StateMonitor:
    monitor = StateMonitor(table.text("state"), table.text("population"), table.text("word"), table.count("tick"))
    if monitor.population not in populations or monitor.word not in populations[monitor.population].words:
        raise table.error("word", "a word of a population")
    return monitor


def _connection_table(c: Connection) -> dict[str, Json]:
    return {
        "name": c.name,
        "from": _port_table(c.source),
        "to": _port_table(c.target),
        "sources": c.shape[1],
        "targets": c.shape[0],
        "sign": -1 if np.any(c.weights < 0) else 1,
        "exponent": 0,
        "delay": c.delay,
        "synapses": {"target": c.rows.tolist(), "source": c.columns.tolist(), "weight": np.abs(c.weights).tolist()},
    }


def _connection_of(table: JsonObject, populations: Mapping[str, Population], inputs: int, outputs: int) -> Connection:
    source, target = _port_of(table.table("from")), _port_of(table.table("to"))
    shape = (table.count("targets"), table.count("sources"))
    for key, port, size, outside in (("from", source, shape[1], inputs), ("to", target, shape[0], outputs)):
        population = populations.get(port.population or "")
        if port.population is not None and population is None:
            raise table.error(key, "a population")
        ports = 1
        if population is not None:
            ports = population.message_ports if key == "from" else population.sum_ports
        if port.index >= ports:
            raise table.error(key, f"one of {ports} ports")
        if size != (population.size if population is not None else outside):
            raise table.error("sources" if key == "from" else "targets", "the size of the population")
    if table.integer("exponent") != 0:
        raise table.error("exponent", "0")
    if table.integer("sign") not in (1, -1):
        raise table.error("sign", "1 or -1")
    synapses = table.table("synapses")
    rows, columns, weights = (np.array(synapses.integers(key), np.int64) for key in ("target", "source", "weight"))
    if not rows.size == columns.size == weights.size:
        raise synapses.error("weight", "as many weights as targets and sources")
    for key, numbers, size in (("target", rows, shape[0]), ("source", columns, shape[1])):
        if np.any((numbers < 0) | (numbers >= size)):
            raise synapses.error(key, f"integers from 0 to {size - 1}")
    if np.any(weights < 0):
        raise synapses.error("weight", "magnitudes: the sign is the connection's")
    return Connection(
        table.text("name"), source, target, shape, rows, columns, table.integer("sign") * weights, table.count("delay")
    )
