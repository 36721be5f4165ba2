"""What a network's proof rests on: on which probes the graph was compared with torch, and how far they were apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from hw_models.json_dataclasses import Json


@dataclass(frozen=True)
class ProbeRun:
    """One batch that torch and the graph were run on.

    `left_out` counts rows on which torch failed or was not finite, `undecided` those that were compared only up to
    the step at which rounding has reached a hundredth of a state, as in a chaotic network. `why` says more, `fewer`
    what the budget has cut.
    """

    name: str
    rows: int
    steps: int
    arithmetic: str
    left_out: int = 0
    undecided: int = 0
    why: str = ""
    fewer: str = ""


@dataclass(frozen=True)
class Evidence:
    """The proof of a network: its probes, and for each value the largest difference from torch.

    `arithmetic` is that of the tight comparison, "float64" where the model runs in it. `differences` are relative to
    the largest that the value's channel had in that row, as a power of ten that they stay below; those in `amplified`
    are larger, and as large as rounding makes them.
    """

    arithmetic: str
    probes: tuple[ProbeRun, ...]
    differences: Mapping[str, float] = field(default_factory=dict)
    amplified: Mapping[str, float] = field(default_factory=dict)

    @property
    def fewer(self) -> tuple[ProbeRun, ...]:
        """Probes that say what is left out: it would have taken too long, or rows with time spans run alone."""
        return tuple(p for p in self.probes if p.fewer)

    def joined(self, other: Evidence) -> Evidence:
        """Both together."""
        differences, amplified = (
            {n: max(a.get(n, 0.0), b.get(n, 0.0)) for n in dict.fromkeys([*a, *b])}
            for a, b in ((self.differences, other.differences), (self.amplified, other.amplified))
        )
        return Evidence(self.arithmetic, self.probes + other.probes, differences, amplified)

    def headline(self) -> str:
        """One line of the summary."""
        rows, steps = max(p.rows for p in self.probes), max(p.steps for p in self.probes)
        left = sum(p.left_out for p in self.probes)
        text = f"compared with torch in {self.arithmetic} on {len(self.probes)} probes of up to {rows} rows and "
        text += f"{steps:,} steps"
        text += f"; {left} rows left out, where torch is not finite or fails" if left else ""
        undecided = sum(p.undecided for p in self.probes)
        text += f"; {undecided} rows up to the step from which rounding decides" if undecided else ""
        if self.fewer:
            text += "; fewer than usual: "
            text += ", ".join(dict.fromkeys(f"{p.name}: {p.fewer}" for p in self.fewer))
        return text

    def __str__(self) -> str:
        width = max(len(p.name) for p in self.probes)
        lines = [f"proof of the trace, {self.arithmetic}", "", "probes (rows, steps)"]
        for p in self.probes:
            notes = [p.arithmetic, p.fewer and f"fewer: {p.fewer}"]
            notes += [f"{p.left_out} rows left out: {p.why}" if p.left_out else ""]
            notes += [f"{p.undecided} rows up to where rounding decides" if p.undecided else ""]
            lines.append(f"  {p.name:{width}}  {p.rows:4} {p.steps:6}  {', '.join(n for n in notes if n)}")
        lines += ["", "largest difference from torch, relative to the channel's largest value"]
        width = max((len(n) for n in self.differences), default=0)
        for name, largest in self.differences.items():
            more = f", where rounding is amplified below {self.amplified[name]:.0e}" if name in self.amplified else ""
            lines.append(f"  {name:{width}}  {f'below {largest:.0e}' if largest else 'none'}{more}")
        return "\n".join(lines)

    def plain(self) -> dict[str, Json]:
        """As JSON holds it."""
        return {
            "arithmetic": self.arithmetic,
            "probes": [asdict(p) for p in self.probes],
            "differences": dict(self.differences),
            "amplified": dict(self.amplified),
        }
