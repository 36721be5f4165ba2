"""Chips as data: limits and abilities, each number with its source. One TOML file a chip, in `chips/`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from pathlib import Path

from hw_models.errors import ChipError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the standard library has it from 3.11 on
    import tomli as tomllib

CHIPS = Path(__file__).parent / "chips"


@dataclass(frozen=True)
class Chip:
    """What a chip's neuron programs, messages and synapses can do. Widths in bits, sign included."""

    name: str
    title: str
    word_bits: int
    """registers and words of a neuron, and messages' accumulators"""
    product_bits: int
    """a product's magnitude stays below 2^product_bits inside multiply-shift"""
    message_bits: int
    weight_bits: int
    """magnitude bits of a synapse's weight; the sign belongs to the connection"""
    sums: int
    """accumulators of a neuron in one tick"""
    messages: int
    """messages of a neuron in one tick"""
    max_delay: int
    divide: bool
    table: bool
    lava: bool
    """whether Lava's stock connections carry its messages and weights"""
    sources: dict[str, str]
    """key -> where its number comes from"""

    def __post_init__(self) -> None:
        widths = dict.fromkeys(("word_bits", "product_bits", "message_bits", "weight_bits"), (2, 64))
        for key, (low, high) in {**widths, "sums": (1, 64), "messages": (1, 64), "max_delay": (0, 1024)}.items():
            number = getattr(self, key)
            if type(number) is not int or not low <= number <= high:
                raise ChipError(
                    f"{key} must be {low} to {high}", where=f"chip {self.name}", numbers=f"{key} = {number!r}"
                )

    @property
    def word_high(self) -> int:
        """The largest integer of a word."""
        return 2 ** (self.word_bits - 1) - 1

    @property
    def weight_high(self) -> int:
        """The largest magnitude of a weight."""
        return 2**self.weight_bits - 1


def chip_names() -> list[str]:
    """The names of the chips that come with the package."""
    return sorted(path.stem for path in CHIPS.glob("*.toml"))


def load_chip(chip: str | Path | Chip) -> Chip:
    """A chip by name, or by the path of a TOML file of the user's own.

    >>> load_chip("loihi2").word_bits
    24
    """
    if isinstance(chip, Chip):
        return chip
    path = Path(chip) if str(chip).endswith(".toml") else CHIPS / f"{chip}.toml"
    if not path.is_file():
        raise ChipError(
            f"no chip {str(chip)!r}", where=str(path), advice=f"Use one of {', '.join(chip_names())}, or a .toml file."
        )
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ChipError(f"not a TOML file: {error}", where=str(path)) from error
    return _from_table(data, path)


def _from_table(data: dict[str, object], path: Path) -> Chip:
    kinds = {"int": int, "str": str, "bool": bool}
    sources: dict[str, str] = {}
    values: dict[str, object] = {}
    for field in fields(Chip):
        if field.name == "sources":
            continue
        entry = data.get(field.name)
        if isinstance(entry, dict):
            sources[field.name] = f"{entry.get('source', '')} [{entry.get('sure', '')}]"
            entry = entry.get("value")
        kind = kinds[str(field.type)]
        if not isinstance(entry, kind) or (kind is int and isinstance(entry, bool)):
            raise ChipError(
                f"{field.name} must be {'an' if kind is int else 'a'} {kind.__name__}, not {entry!r}",
                where=f"{path}, key {field.name}",
                advice=f"See {CHIPS.name}/loihi2.toml for a whole file.",
            )
        values[field.name] = entry
    return Chip(**values, sources=sources)  # type: ignore[arg-type]
