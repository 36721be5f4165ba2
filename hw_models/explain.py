"""A chip in words: every number with its unit, what it means, where it comes from, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from hw_models.bands import Band
from hw_models.chip import Chip
from hw_models.constants import MEASURES, ChipTiming, Citation, Energy, Meaning, Memory
from hw_models.units import scale_of, three_digits

WIDTH = 26
KINDS = {"bool": "true or false", "int": "whole number", "float": "number", "Band": "band"}


@dataclass(frozen=True)
class ChipNumber:
    """One number of a chip's file; `value` is a number, a bool, a `Band`, or a refusal's reason."""

    section: str
    key: str
    value: object
    unit: str
    text: str
    source: Citation

    @property
    def shown(self) -> str:
        """The value with its unit, times and energies in units that one reads easily.

        >>> ChipNumber("timing", "sync", Band(2e-7, 8e-7, 2e-6), "s", "", Citation("", "")).shown
        '200 / 800 / 2,000 ns'
        """
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        if isinstance(self.value, Band):
            return band_text(self.value, self.unit)
        if isinstance(self.value, (int, float)):
            return f"{self.value:,.10g} {self.unit}".rstrip()
        return str(self.value)


def band_text(band: Band, unit: str) -> str:
    """Low, default and high, in a unit that suits the default where it is one of seconds, joules or watts.

    >>> band_text(Band(0.7e-6, 8.13e-6, 1.5e-5), "s"), band_text(Band(0, 0, 0), "J")
    ('0.7 / 8.13 / 15 us', '0 / 0 / 0 J')
    """
    scale, name = scale_of(band.default, unit)
    return f"{' / '.join(three_digits(n / scale) for n in band.ends)} {name}".rstrip()


def entries(chip: Chip) -> list[ChipNumber]:
    """Everything that the chip's file says, in its order."""
    found = list(_numbers(chip, chip, ""))
    found += [
        ChipNumber("boards", name, chips, "chips", "how many chips it has", chip.sources[f"boards.{name}"])
        for name, chips in chip.boards.items()
    ]
    for name, section in (("memory", chip.memory), ("timing", chip.timing), ("energy", chip.energy)):
        if section is not None:
            found += _numbers(chip, section, name)
    found += [ChipNumber("facts", f.key, f.value, f.unit, f.text, f.source) for f in chip.facts]
    for refusal in chip.refuses:
        measured = f"counted: {MEASURES[refusal.measure]}" if refusal.measure else ""
        limit = "" if refusal.limit is None else f"; most {refusal.limit:,}"
        found.append(ChipNumber("refuses", refusal.key, refusal.reason, "", measured + limit, refusal.source))
    return found


def explain(chip: Chip) -> str:
    """All of it as text."""
    titles = {
        "": "",
        "boards": "boards",
        "memory": "memory of one core",
        "timing": "time, as low / default / high",
        "energy": "energy, as low / default / high",
        "facts": "stated only: nothing computes with it",
        "refuses": "it refuses a liquid network, because",
    }
    lines = [f"{chip.name}: {chip.title}"]
    every = entries(chip)
    for section, title in titles.items():
        those = [e for e in every if e.section == section]
        lines += ["", *([title] if title else [])] if those else []
        for e in those:
            after = f"\n{'':25}" if len(e.shown) > WIDTH and e.text else ""
            lines.append(f"  {e.key:20} {e.shown:{WIDTH}} {after}{e.text}".rstrip())
            lines.append(f"{'':25}[{e.source.sure}] {e.source.text}")
    unknown = [n for n in ("cores", "memory", "timing", "energy") if getattr(chip, n) is None]
    if unknown:
        lines += ["", f"not known, or without limit: {', '.join(unknown)}"]
    return "\n".join(lines)


def keys() -> str:
    """What a chip's file has, as a table for docs/reference/chip.md."""
    lines = ["| key | unit | meaning | must be |", "|---|---|---|---|"]
    for cls, section in ((Chip, ""), (Memory, "memory."), (ChipTiming, "timing."), (Energy, "energy.")):
        for f in fields(cls):
            limits = f.metadata.get("meaning")
            if not isinstance(limits, Meaning) or f.name == "chips":
                continue
            kind = str(f.type)
            name, optional = kind.removesuffix(" | None"), "; may be left out" if kind.endswith(" | None") else ""
            wanted = KINDS[name] if name == "bool" else f"{KINDS[name]}, {limits.low:,g} to {limits.high:g}"
            lines.append(f"| `{section}{f.name}` | {limits.unit} | {limits.text} | {wanted}{optional} |")
    return "\n".join(lines)


def _numbers(chip: Chip, item: Chip | Memory | ChipTiming | Energy, section: str) -> Iterator[ChipNumber]:
    for f in fields(item):
        limits, key = f.metadata.get("meaning"), f"{section}.{f.name}".lstrip(".")
        if isinstance(limits, Meaning) and key in chip.sources:
            yield ChipNumber(section, f.name, getattr(item, f.name), limits.unit, limits.text, chip.sources[key])
