"""How precisely a network is quantized: one structured dataclass, its named settings, overrides by name.

`reference` values come from measurements on trained models (see `docs/numerics.md`); `explain` says what
holds for a name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from numbers import Integral
from types import MappingProxyType

from hw_models.arguments import check_choice, check_flag, check_text, is_real, nearest, shown
from hw_models.chip import Chip
from hw_models.errors import InputError

LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "word": (8, 48),
        "operand": (4, 32),
        "parameter": (4, 32),
        "weight": (1, 24),
        "argument_fraction": (0, 30),
        "segments": (1, 2**16),
        "degree": (1, 5),
        "margin": (1.0, 1e6),
    }
)
"""What each number of a `Precision` may be; the chip's own widths come on top."""


ACCURATE_ARGUMENT = 15
"""Fraction bits of an element function's argument where weights and messages are split: 13 would be the limit there."""
ACCURATE_PIECES = {"segments": 12, "degree": 4}
"""Of a function there, without tables: 8 cubics of an exponential, as in a pure CfC, are what limits it then."""
SPARE_WEIGHT_BITS = 2
"""The bits of a split weight's first half: see `Precision.first_weight`."""
SMALL_TABLE = 64
"""Entries of a table where it should be small."""


@dataclass(frozen=True)
class Precision:
    """Widths in bits, sign included, and the size of approximations.

    `overrides` maps a glob over value names to fields that differ there:
    `Precision(overrides={"rnn.*": {"segments": 16}})`.
    """

    word: int = 24
    """states, sums and everything that is not narrowed"""
    operand: int = 17
    """messages and other operands of a product with a parameter"""
    parameter: int = 16
    """mantissa of a parameter in a product; each element has its own exponent"""
    weight: int = 8
    """magnitude of a synapse's weight in a matrix; each row has a factor in the neuron's program"""
    split_weights: bool = False
    """each weight is split in two: a second matrix holds its rounding error, eight bits lower"""
    split_readouts: bool = True
    """the same for a matrix that would be the coarsest part: that reads the states of conductances, or is beside a norm
    and leaves too little of its sums on the calibration"""
    calibrated_weights: bool = True
    """weights are rounded for the least error over the calibration data, not each to its nearest, where a part of them
    that is held back says that the row errs less so; of 8 bits and more in matrices of up to 1024 columns"""
    split_messages: bool = False
    """each message to a matrix is split in two: its upper and its lower bits"""
    argument_fraction: int = 13
    """fraction bits of an element function's argument"""
    segments: int = 8
    degree: int = 3
    wide_products: bool = True
    """a product of two values splits its longer one, instead of narrowing both"""
    whole_products: bool = False
    """with wide products, no product narrows an operand at all; a factor of what only the host reads is the host's"""
    carry: bool = True
    """the bits that rounding drops from a slow state's steps are kept in a second word"""
    margin: float = 2.0
    """a calibrated range is this much wider than what was seen"""
    overrides: Mapping[str, Mapping[str, int | float | bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {f.name for f in fields(self)} - {"overrides"}
        if not isinstance(self.overrides, Mapping) or not all(
            isinstance(glob, str) and isinstance(changes, Mapping) for glob, changes in self.overrides.items()
        ):
            raise InputError(
                "overrides must be fields by globs over value names",
                numbers=f"overrides = {shown(self.overrides)}",
                advice="Such as overrides={'rnn.*': {'segments': 16}}.",
            )
        for glob, changes in self.overrides.items():
            for name in changes:
                if name not in known:
                    raise InputError(
                        f"Precision has no field {name!r}",
                        where=f"overrides[{glob!r}]",
                        advice=f"{nearest(name, known)}Use one of {', '.join(sorted(known))}.",
                    )
        copied = {glob: dict(changes) for glob, changes in self.overrides.items()}  # to pickle, and nobody else's
        object.__setattr__(self, "overrides", copied)
        for name, (low, high) in LIMITS.items():
            value, real = getattr(self, name), name == "margin"
            if not is_real(value) or not (real or isinstance(value, Integral)) or not low <= value <= high:
                wanted = "lie" if real else "be a whole number"
                raise InputError(f"{name} must {wanted} in {low}..{high}", numbers=f"{name} = {shown(value)}")
            object.__setattr__(self, name, float(value) if real else int(value))
        flags = ("split_weights", "split_readouts", "calibrated_weights", "split_messages", "carry")
        for name in (*flags, "wide_products", "whole_products"):
            object.__setattr__(self, name, check_flag(getattr(self, name), name))
        for glob, changes in copied.items():
            try:
                changed = replace(self, overrides={}, **changes)
            except InputError as error:
                raise InputError(error.what, where=f"overrides[{glob!r}]", numbers=error.numbers) from error
            copied[glob] = {name: getattr(changed, name) for name in changes}

    @property
    def first_weight(self) -> int:
        """Magnitude bits of a matrix's weights, the first of two where they are split.

        A row's sum has one width for weight and message. Where only weights are split, they have bits to spare, and
        messages have too few: two go over to these.
        """
        spare = SPARE_WEIGHT_BITS if self.split_weights and not self.split_messages else 0
        return max(1, self.weight - spare)

    def at(self, name: str) -> Precision:
        """The precision that holds for the value `name`.

        >>> Precision(overrides={"rnn.*": {"segments": 16}}).at("rnn.v").segments
        16
        """
        changes = self.changes(check_text(name, "name"))
        return replace(self, overrides={}, **changes) if changes else self

    def changes(self, name: str) -> dict[str, int | float | bool]:
        """The fields that overrides change for the value `name`."""
        found: dict[str, int | float | bool] = {}
        for glob, changes in self.overrides.items():
            if fnmatchcase(name, glob):
                found.update(changes)
        return found

    def explain(self, name: str) -> str:
        """What holds for `name`, and which override says so."""
        check_text(name, "name")
        globs = [g for g in self.overrides if fnmatchcase(name, g)]
        source = f"overridden by {', '.join(globs)}" if globs else "as everywhere"
        held = self.at(name)
        return f"{name} ({source}): " + ", ".join(
            f"{f.name} {getattr(held, f.name)}" for f in fields(held) if f.name != "overrides"
        )


def precision_for(chip: Chip, wanted: Precision | str | None = None) -> Precision:
    """What to use on `chip`: its default, a named setting ("default", "accurate", "small"), or the user's own.

    Raises `InputError` where that is wider than the chip, or overrides what holds for all values alike.
    """
    if isinstance(wanted, Precision):
        _check_widths("precision", {name: getattr(wanted, name) for name in WIDTHS}, chip)
        for glob, changes in wanted.overrides.items():
            _check_widths(f"overrides[{glob!r}]", changes, chip)
        return wanted
    default = _with_tables(chip) if chip.table else _without_tables(chip)
    settings = {
        "default": default,
        "accurate": replace(
            default,
            split_weights=True,
            split_messages=True,
            whole_products=True,
            argument_fraction=max(default.argument_fraction, ACCURATE_ARGUMENT),
            **({} if chip.table else ACCURATE_PIECES),
        ),
        "small": replace(
            default, segments=SMALL_TABLE if chip.table else 4, wide_products=False, split_readouts=False, carry=False
        ),
    }
    name = "default" if wanted is None else wanted
    return settings[check_choice(name, settings, "precision", also=", or ltc2neuro.Precision(...)")]


def check_globs(precision: Precision, names: Collection[str]) -> None:
    """Raise `InputError` for an override of no value: these are the `names` that there are."""
    for glob in precision.overrides:
        if not any(fnmatchcase(name, glob) for name in names):
            advice = f"{nearest(glob, names)}net.explain_precision() lists the names, attribute() those that cost most."
            raise InputError(
                "no value has a name that this override is for", where=f"overrides[{glob!r}]", advice=advice
            )


WIDTHS: Mapping[str, str] = MappingProxyType(
    {"word": "word_bits", "operand": "word_bits", "parameter": "word_bits", "weight": "weight_bits"}
)
"""The chip's own width that is the most which a field may be."""


def _check_widths(where: str, given: Mapping[str, int | float | bool], chip: Chip) -> None:
    for name, width in WIDTHS.items():
        most = getattr(chip, width)
        if given.get(name, 0) > most:
            raise InputError(
                f"{name} is wider than the chip's {width}",
                where=where,
                numbers=f"{name} = {given[name]}, {width} of {chip.name} = {most}",
                advice=f"Give {name}={most} or less, or another chip.",
            )
    if where != "precision" and "margin" in given:
        advice = f"Give it to all: Precision(margin={given['margin']:g})."
        raise InputError("margin holds for all values alike, and has no overrides", where=where, advice=advice)


def _without_tables(chip: Chip) -> Precision:
    return Precision(word=min(Precision.word, chip.word_bits), weight=min(Precision.weight, chip.weight_bits))


def _with_tables(chip: Chip) -> Precision:
    """As wide as the chip's words and products allow; in a row's sum, weight and message share the word."""
    word, wide = min(40, chip.word_bits), chip.product_bits // 2
    return Precision(
        word=word,
        operand=wide,
        parameter=wide,
        weight=min(chip.weight_bits, word // 2 - 4),
        argument_fraction=24,
        segments=4096 if chip.word_bits > 32 else 1024,
        degree=1,
        wide_products=False,
        split_readouts=False,
        calibrated_weights=False,
    )
