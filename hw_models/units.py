"""SI units that one reads easily: the prefix that suits a number."""

from __future__ import annotations

SI = ("s", "J", "W")
PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"), (1e-12, "p"), (1e-15, "f"))


def scale_of(number: float, unit: str) -> tuple[float, str]:
    """The scale and the name of the unit that suit a number of seconds, joules or watts; of another unit, 1 and itself.

    >>> scale_of(8.13e-6, "s"), scale_of(24, "bits")
    ((1e-06, 'us'), (1.0, 'bits'))
    """
    if unit not in SI or number <= 0:
        return 1.0, unit
    scale, prefix = next((found for found in PREFIXES if number >= found[0]), PREFIXES[-1])
    return scale, prefix + unit


def three_digits(number: float) -> str:
    """Three digits, the larger ones with commas.

    >>> three_digits(1.5), three_digits(123456.0)
    ('1.5', '123,000')
    """
    return f"{float(f'{number:.3g}'):,.10g}"
