"""Chips as data: limits and abilities, each number with its source. One TOML file a chip, in `chips/`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from numbers import Integral
from pathlib import Path

from hw_models.arguments import is_file, nearest, shown
from hw_models.chip_file import Entries
from hw_models.constants import ChipTiming, Citation, Energy, Fact, Memory, Refusal, check_fields, meaning
from hw_models.errors import ChipError, InputError
from hw_models.json_dataclasses import made

CHIPS = Path(__file__).parent / "chips"
MAX_CHIPS = 2**20

LAVA_WIDTHS = {"word_bits": 32, "product_bits": 31}
"""Most bits that the neurons' processes under Lava compute with: in int32, where anything wider would wrap."""


@dataclass(frozen=True)
class Chip:
    """What a chip's neuron programs, messages and synapses can do, and what is known of its memory, time and energy.

    Widths are in bits, sign included but for products and weights: theirs are of magnitudes. None stands for what the
    chip's file does not know.
    """

    name: str
    title: str
    word_bits: int = field(metadata=meaning("bits", "a neuron's registers, words and accumulators", 8, 64))
    product_bits: int = field(
        metadata=meaning("bits", "magnitude of a product inside multiply-shift; 0: neurons do not multiply", 0, 62)
    )
    message_bits: int = field(metadata=meaning("bits", "what a message carries; 1: only that it was sent", 1, 64))
    weight_bits: int = field(
        metadata=meaning("bits", "magnitude of a synapse's weight; the sign belongs to the connection", 1, 64)
    )
    sums: int = field(metadata=meaning("", "accumulators of a neuron in one tick", 1, 64))
    messages: int = field(metadata=meaning("", "messages of a neuron in one tick", 1, 64))
    max_delay: int = field(metadata=meaning("ticks", "the longest delay of a synapse", 0, 1024))
    divide: bool = field(metadata=meaning("", "whether neurons can divide"))
    table: bool = field(metadata=meaning("", "whether neurons can look up large tables"))
    lava: bool = field(metadata=meaning("", "whether Lava can carry its messages and weights, and compute its words"))
    sources: dict[str, Citation]
    """key -> where its number comes from"""
    registers: int | None = field(
        default=None, metadata=meaning("registers", "for a neuron's temporaries of one tick; 0: they are its words", 0)
    )
    neuron_words: int | None = field(
        default=None, metadata=meaning("words", "most for one neuron: parameters, states, values still to be used", 1)
    )
    cores: int | None = field(default=None, metadata=meaning("cores", "on one chip", 1))
    memory: Memory | None = None
    timing: ChipTiming | None = None
    energy: Energy | None = None
    boards: dict[str, int] = field(default_factory=dict)
    """how many chips the boards have"""
    facts: tuple[Fact, ...] = ()
    refuses: tuple[Refusal, ...] = ()
    chips: int = field(default=1, metadata=meaning("chips", "that are used together", 1, MAX_CHIPS))

    def __post_init__(self) -> None:
        check_fields(self, f"chip {self.name}")
        if not isinstance(self.name, str) or not isinstance(self.title, str):
            raise ChipError("a chip's name and title must be text", numbers=f"{self.name!r}, {self.title!r}")
        for board, chips in self.boards.items():
            if type(chips) is not int or not 1 <= chips <= MAX_CHIPS:
                raise ChipError(f"a board must have from 1 to {MAX_CHIPS} chips", where=board, numbers=f"{chips!r}")
        for key, most in LAVA_WIDTHS.items():
            bits = getattr(self, key)
            if self.lava and bits > most:
                raise ChipError(
                    f"lava must be false where {key} is more than {most}: Lava would wrap what is wider",
                    where=f"chip {self.name}, key {key}",
                    numbers=f"{bits} bits",
                    advice="Set lava to false: the network then runs on 'reference' and 'floating'.",
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


def load_chip(chip: str | Path | Chip, *, board: str | None = None, chips: int | None = None) -> Chip:
    """A chip by name, or by the path of a TOML file of the user's own.

    `board` is one of the chip's boards: all of its chips are there to be used, or `chips` of them.
    Raises `ChipError` for what is not there, and for a file that is wrong.

    >>> load_chip("loihi2").word_bits
    24
    >>> load_chip("loihi2", board="kapoho_point").chips
    8
    """
    if not isinstance(chip, (str, Path, Chip)):
        raise InputError(
            "chip must be a name, a .toml file or a Chip",
            numbers=f"chip = {shown(chip)}",
            advice=f"Use one of {', '.join(chip_names())}.",
        )
    found = chip if isinstance(chip, Chip) else _read(chip)
    if board is None and chips is None:
        return found
    if board is not None and (not isinstance(board, str) or board not in found.boards):
        raise ChipError(
            f"no board {shown(board)}",
            where=f"chip {found.name}",
            advice=f"{nearest(board, found.boards)}Use one of {', '.join(found.boards)}."
            if found.boards
            else "Give a number of chips.",
        )
    most = MAX_CHIPS if board is None else found.boards[board]
    wanted = most if chips is None else chips
    if isinstance(wanted, bool) or not isinstance(wanted, Integral) or not 1 <= wanted <= most:
        where = board or f"chip {found.name}"
        raise ChipError(f"chips must be from 1 to {most}", where=where, numbers=f"chips = {shown(wanted)}")
    return replace(found, chips=int(wanted))


def _read(chip: str | Path) -> Chip:
    own = str(chip) in chip_names()
    path = CHIPS / f"{chip}.toml" if own else Path(chip)
    if path.suffix != ".toml" or not is_file(path):
        raise ChipError(
            f"no chip {str(chip)!r}",
            where="" if path.suffix != ".toml" else str(path),
            advice=f"{nearest(str(chip), chip_names())}Use one of {', '.join(chip_names())}, or a .toml file.",
        )
    entries = Entries.of_file(path)
    values: dict[str, object] = {
        **entries.numbers(Chip),
        "memory": entries.section("memory", Memory),
        "timing": entries.section("timing", ChipTiming),
        "energy": entries.section("energy", Energy),
        "boards": entries.boards(),
        "facts": entries.facts(),
        "refuses": entries.refusals(),
    }
    entries.end()
    try:
        return made(Chip, {**values, "sources": entries.sources})
    except ChipError as error:
        raise ChipError(
            error.what, where=f"{path}, {error.where}", numbers=error.numbers, advice=error.advice
        ) from None
