"""What a chip file may say of a chip's memory, time and energy, and why a chip refuses; with units and meanings.

Each field carries its `Meaning`: the loader checks values by it and `ltc2neuro chips` explains them with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from hw_models.bands import Band
from hw_models.errors import ChipError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SURE = ("measured", "documented", "secondary", "inferred")
"""How sure a number is: measured on the chip; in the maker's own text or code; in a text of others; concluded here."""


@dataclass(frozen=True)
class Citation:
    """Where a number comes from, and how `sure` it is, one of `SURE`."""

    text: str
    sure: str

    def __str__(self) -> str:
        return f"{self.text} [{self.sure}]"


@dataclass(frozen=True)
class Meaning:
    """What a number of a chip file is: its unit, what it says, and between what it may lie."""

    unit: str
    text: str
    low: float
    high: float


def meaning(unit: str, text: str, low: float = 0, high: float = 1e12) -> Mapping[str, Meaning]:
    """The metadata of a field."""
    return {"meaning": Meaning(unit, text, low, high)}


def problem(value: object, kind: str, key: str, limits: Meaning | None) -> str:
    """What is wrong with `value`, which should be of `kind` (as the field's type is written); empty where nothing is.

    >>> problem(99, "int", "word_bits", Meaning("bits", "", 2, 64))
    'word_bits must be an int from 2 to 64, not 99'
    """
    kinds: dict[str, tuple[str, type | tuple[type, ...]]] = {
        "int": ("an int", int),
        "float": ("a number", (int, float)),
        "bool": ("a bool", bool),
        "str": ("a str", str),
        "Band": ("a band", Band),
    }
    article, wanted = kinds[kind]
    room = f" from {limits.low:,.10g} to {limits.high:,.10g}" if limits and kind not in ("bool", "str") else ""
    fits = isinstance(value, wanted) and (kind == "bool" or not isinstance(value, bool))
    if fits and limits and room:
        numbers = [value.low, value.high] if isinstance(value, Band) else [value]
        fits = all(isinstance(n, (int, float)) and limits.low <= n <= limits.high for n in numbers)
    return "" if fits else f"{key} must be {article}{room}, not {value!r}"


def check_fields(item: DataclassInstance, where: str) -> None:
    """Raise `ChipError` for the first field of a dataclass that its `Meaning` does not allow; None is allowed."""
    for f in fields(item):
        limits, value = f.metadata.get("meaning"), getattr(item, f.name)
        optional = str(f.type).endswith(" | None")
        if limits is None or (optional and value is None):
            continue
        found = problem(value, str(f.type).removesuffix(" | None"), f.name, limits)
        if found:
            raise ChipError(found, where=where)


@dataclass(frozen=True)
class Memory:
    """The memory of one core: what its parts hold, and how much of the whole each entry takes."""

    words: int = field(metadata=meaning("words", "the whole memory of a core", 1))
    synapse_words: int = field(metadata=meaning("words", "most of them that synapses can use", 1))
    neuron_units: int = field(metadata=meaning("units", "for neurons' words", 1))
    state_words_per_unit: int = field(metadata=meaning("", "a neuron's words in one unit", 1))
    neuron_unit_words: float = field(metadata=meaning("words", "taken by a unit"))
    in_axons: int = field(metadata=meaning("axons", "most incoming axons of a core", 1))
    in_axon_words: float = field(metadata=meaning("words", "taken by an incoming axon"))
    axon_map: int = field(metadata=meaning("entries", "of the axon map: where neurons send to, core and connection", 1))
    axon_map_words: float = field(metadata=meaning("words", "taken by such an entry"))
    programs: int = field(metadata=meaning("programs", "most that the neurons of one core can have", 1))
    synapse_word_bits: int = field(metadata=meaning("bits", "of a word of synapses", 1))
    synapse_block: int = field(metadata=meaning("synapses", "most that are packed together, of one axon", 1))
    synapse_header_bits: int = field(metadata=meaning("bits", "before each packed block"))
    synapse_bits: Band = field(metadata=meaning("bits", "of a packed synapse: weight, index, delay", 1))

    def __post_init__(self) -> None:
        check_fields(self, "memory")


@dataclass(frozen=True)
class ChipTiming:
    """What things take, in seconds."""

    sync: Band = field(metadata=meaning("s", "the barrier at the end of a tick, one chip", 0, 1))
    extra_chip: Band = field(metadata=meaning("s", "what each further chip adds to the barrier", 0, 1))
    synop: Band = field(metadata=meaning("s", "a message at a synapse: weight times message, added", 0, 1))
    update: Band = field(metadata=meaning("s", "a neuron's update without its instructions", 0, 1))
    instruction: Band = field(metadata=meaning("s", "an instruction of a neuron's program", 0, 1))
    message_in: Band = field(metadata=meaning("s", "a message enters a core", 0, 1))
    message_out: Band = field(metadata=meaning("s", "a message leaves a core", 0, 1))
    hop: Band = field(metadata=meaning("s", "a message passes from one core to the next", 0, 1))

    def __post_init__(self) -> None:
        check_fields(self, "timing")


@dataclass(frozen=True)
class Energy:
    """What things cost: powers in watts, the rest in joules."""

    static_power: Band = field(metadata=meaning("W", "of a chip at rest", 0, 1e6))
    core_power: Band = field(metadata=meaning("W", "what each busy core adds", 0, 1e6))
    synop: Band = field(metadata=meaning("J", "a message at a synapse", 0, 1))
    update: Band = field(metadata=meaning("J", "a neuron's update without its instructions", 0, 1))
    instruction: Band = field(metadata=meaning("J", "an instruction of a neuron's program", 0, 1))
    message: Band = field(metadata=meaning("J", "a message sent", 0, 1))
    hop: Band = field(metadata=meaning("J", "a message passes from one core to the next", 0, 1))

    def __post_init__(self) -> None:
        check_fields(self, "energy")


@dataclass(frozen=True)
class Fact:
    """A number that a chip's maker or others state, and nothing here computes with."""

    key: str
    value: float
    unit: str
    text: str
    source: Citation


@dataclass(frozen=True)
class Refusal:
    """Why a chip refuses a liquid network: always or, with a `measure`, where the model has more of it than `limit`."""

    key: str
    reason: str
    source: Citation
    measure: str = ""
    """what of the model is counted, one of `MEASURES`; shown beside the reason"""
    limit: int | None = None

    def __post_init__(self) -> None:
        known = isinstance(self.reason, str) and self.measure in ("", *MEASURES)
        if not known or (self.limit is not None and type(self.limit) is not int):
            raise ChipError("a refusal needs a reason, a known measure and a whole limit", where=f"refuses.{self.key}")


MEASURES = {
    "inputs": "features of a sample",
    "outputs": "outputs",
    "neurons": "state variables",
    "fan_in": "values in the longest sum",
    "products": "products of two values that change",
    "functions": "smooth functions to evaluate",
    "divisions": "divisions",
}
"""What of a model a refusal can count: its name in the file, and in words."""
