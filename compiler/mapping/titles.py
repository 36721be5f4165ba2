"""Populations in words, for prints, pictures and headings: what each is. Its name is what files and records have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np

from compiler.assembly.counts import code_instructions
from compiler.assembly.population import Population
from compiler.graph.graph import Graph
from compiler.graph.names import FORMS, OF_A_STEP, ending, unique
from compiler.mapping.connection import Connection

INPUT, OUTPUT = "input", "output"
"""What stands for a port of the network's own"""
_MADE = ending(FORMS)
_NUMBER = re.compile(r"(?:_\d+)+$")
_CALL = re.compile(r"#\d+(?=\.)")
AGO = re.compile(r"(?P<of>.+)\.(?P<steps>\d+)_ago(?:_\d+)?")
"""A state that keeps what a value was so many steps ago"""
FLAG = re.compile(r"started\.(?P<steps>\d+)(?:_\d+)?")
"""A state that tells whether so many steps came before"""
_OPS = {"mul": "product", "add": "sum", "sub": "difference", "div": "quotient", "neg": "negative", "rsub": "difference"}
_SUMS = frozenset(_OPS)
"""What rewrites make parts of; no module has such a name"""
_OPS |= {"matmul": "layer", "linear": "layer", "addmm": "layer", "cat": "joined", "stack": "joined"}
_OPS |= {"gather": "received"}


class Connected(Protocol):
    """What titles are made of, of a mapped network."""

    @property
    def populations(self) -> tuple[Population, ...]:
        """All of them."""
        ...

    @property
    def connections(self) -> tuple[Connection, ...]:
        """All between them, and with the network's own ports."""
        ...

    @property
    def values(self) -> Mapping[str, str]:
        """Of the graph's values, which population computes or receives each."""
        ...


def titles(network: Connected) -> dict[str, str]:
    """What each population is, by its name: a layer, neurons with a state, synapses and from where."""
    made: dict[str, str] = {}
    for population in network.populations:
        into = [c for c in network.connections if c.target.population == population.name]
        onto = [c for c in network.connections if c.source.population == population.name]
        made[population.name] = _title(population, into, onto, network)
    return dict(zip(made, unique(made.values(), mark=" "), strict=True))


def size_title(population: Population) -> str:
    """How large a population is, and the program of each of its neurons."""
    return f"{amount(population.size, 'neuron')}, {amount(code_instructions(population.listing), 'instruction')}"


def amount(count: int, of: str) -> str:
    """So many of something.

    >>> amount(1, "tick"), amount(1200, "synapse")
    ('1 tick', '1,200 synapses')
    """
    return f"{count:,} {of}{'s' * (count != 1)}"


def is_copy(state: str) -> bool:
    """Whether a state only keeps for later what is computed elsewhere."""
    return state_title(state) != state


def state_title(name: str) -> str:
    """What a state is: its own name, but for those that keep what the model was some steps ago.

    >>> state_title("rnn.v"), state_title("x.2_ago"), state_title("started.1")
    ('rnn.v', 'x, 2 steps ago', 'flag of the first step')
    """
    if ago := AGO.fullmatch(name):
        steps = int(ago["steps"])
        where, dot, of = ago["of"].rpartition(".")
        return f"{where}{dot}{_OPS.get(_NUMBER.sub('', of), of)}, {steps} step{'s' if steps > 1 else ''} ago"
    if flag := FLAG.fullmatch(name):
        steps = int(flag["steps"])
        return f"flag of the first {f'{steps} steps' if steps > 1 else 'step'}"
    return name


def value_titles(names: Iterable[str], network: Connected | None, graph: Graph | None = None) -> dict[str, str]:
    """What values of the graph are, by their names: in which population, and there what. A name may be several,
    separated by commas; of what no population computes it is the one that reads it, where `graph` is known."""
    named = titles(network) if network is not None else {}
    homes = _homes(network, graph) if network is not None else {}
    made = {}
    for name in names:
        words: dict[str, list[str]] = {}
        for part in name.split(", "):
            home = homes.get(part, "")
            words.setdefault(named.get(home, home), []).append(_word(part, home, graph))
        each = (", ".join(filter(None, (where, " and ".join(filter(None, what))))) for where, what in words.items())
        made[name] = "; ".join(each)
    return dict(zip(made, unique(made.values(), mark=" "), strict=True))


def _homes(network: Connected, graph: Graph | None) -> dict[str, str]:
    """The population of each value: that computes it, or else that reads it, as of what a matrix adds up."""
    homes = dict(network.values)
    if graph is None:
        return homes
    for _, op in reversed([*graph.ops()]):
        home = OUTPUT if op is graph.answer else homes.get(op.result or "", "")
        for name in op.operands if home else ():
            homes.setdefault(name, "" if _is_input(name, graph) else home)
    return homes


def _is_input(name: str, graph: Graph) -> bool:
    return _MADE.sub("", name) == _MADE.sub("", graph.entry.out)


def _word(name: str, population: str, graph: Graph | None) -> str:
    """A value within its population, without what both names begin with, and without its number."""
    plain = _NUMBER.sub("", _MADE.sub("", name))
    if not population and graph is not None and _is_input(name, graph):
        return INPUT
    if plain in (population, f"{population}_read"):
        return ""
    if not population:
        plain = state_title(plain)
    for head in (population, _split(population)[0]):
        plain = plain.removeprefix(f"{head}.")
    where, dot, word = _CALL.sub("", plain).rpartition(".")
    module, _, last = where.rpartition(".")
    value = graph.values.get(name) if graph is not None else None
    of = _NUMBER.sub("", last)
    if (word in OF_A_STEP or of in _OPS) and where and value is not None and where not in value.modules:
        what = f"{OF_A_STEP.get(word, f'{word} of')} {f'the {_OPS[of]}' if of in _OPS else of}"
        return ", ".join(filter(None, (module, what)))
    if last == word:  # a module that is named after the only thing that it does
        return where
    if (population, word) == (OUTPUT, "gather"):
        return where
    return f"{where}{dot}{_OPS.get(word, word)}{' as products' * name.endswith('.product')}"


def _title(own: Population, into: list[Connection], onto: list[Connection], network: Connected) -> str:
    name = own.name
    if (title := state_title(name)) != name:
        return title
    plain, _, part = _CALL.sub("", name).partition("[")
    where, of = _split(plain)
    if any(state.partition("[")[0] == plain for state in own.states):
        return _in(where, f"neurons {of}{part and '['}{part}")
    if name.startswith(f"{INPUT}."):
        return f"{INPUT}: {'sent once a sample' if name.endswith('.gate') else 'handed on'}"
    held = {p.name for p in network.populations if p.states}
    targets, sources = {c.target.population for c in onto}, {c.source.population for c in into}
    alone = _receives_one(into)
    if alone and targets and targets <= held:
        return _in(_split(min(filter(None, targets)))[0], _synapses(sources, targets))
    where, of = _split(_MADE.sub("", plain))
    word = _OPS.get(of, of) if alone else "layer"
    return _in(where, f"{word}{part and '['}{part}")


def _synapses(sources: Iterable[str | None], targets: set[str | None]) -> str:
    """From where a population of synapses receives."""
    outside = {s for s in sources if s is None or s.startswith(f"{INPUT}.")}
    others = set(sources) - outside
    if outside and not others:
        return f"synapses from the {INPUT}"
    return "synapses among the neurons" if others <= targets and not outside else "synapses"


def _receives_one(into: Iterable[Connection]) -> bool:
    """Whether each neuron receives a single element: it is a synapse, or a function of that element."""
    if any(np.bincount(c.rows).max(initial=0) > 1 for c in into):
        return False
    received = {(int(r), c.source.population, int(k)) for c in into for r, k in zip(c.rows, c.columns, strict=True)}
    return len(received) == len({row for row, *_ in received})


def _split(name: str) -> tuple[str, str]:
    """The module's path, and the value's own name without its number."""
    where, _, of = name.rpartition(".")
    module, _, last = where.rpartition(".")
    return module if _NUMBER.sub("", last) in _SUMS else where, _NUMBER.sub("", of)


def _in(where: str, what: str) -> str:
    return f"{where}: {what}" if where else what
