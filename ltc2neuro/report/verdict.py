"""The verdict: who computes the same integers, how far these are from the floats, and what was proved."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.mapping.titles import state_title
from compiler.running.interpreted import REFERENCE
from ltc2neuro.report.material import Material
from ltc2neuro.report.page import Html, Section, fold, html, listing, table
from ltc2neuro.verification.verdict import Row
from ltc2neuro.verification.verifying import SAME

SQNR = "integers against float, SQNR of the worst channel"


def verdict(material: Material) -> Section:
    """What one would want to know if there were room for one table only."""
    rows, evidence = material.seen.rows, material.net.evidence
    ran = _ran(rows)
    lines: list[Sequence[str | Html]] = [
        ("executors", _mark(all(r.held for r in ran)) if ran else "", _executors(rows)),
    ]
    for row in rows:
        if row.check == "float graph against torch":
            text = f"the float graph computes what torch does: {_torch(row)}"
            lines.append(("the model", _mark(bool(row.held)), text))
        elif row.check == "task metric" or row.check == SQNR:
            lines.append((state_title(row.name), _value(row), row.note))
    lines += _clipping(material)
    if evidence is not None:
        lines.append(("proof", "", evidence.headline()))
    body = [table(["", "", ""], lines)]
    cells = [(r.check, r.name, r.on, "" if r.held is None else _mark(r.held), _value(r), r.note) for r in rows]
    body.append(fold(f"all {len(rows)} checks and measures", table(["check", "of", "on", "", "value", "note"], cells)))
    if evidence is not None:
        body.append(fold("the proof of the trace", listing(str(evidence))))
    return Section("verdict", "Verdict", _conclusion(material), tuple(body))


def _conclusion(material: Material) -> str:
    seen = material.seen
    names = list(dict.fromkeys([REFERENCE.name, *(r.on for r in _ran(seen.rows))]))
    if not seen.passed:
        missed = "; ".join(f"{r.check}, {r.name} on {r.on}" for r in seen.rows if r.held is False)
        return f"{seen.headline}: {missed}."
    same = f"{', '.join(names)} return the same integers" if len(names) > 1 else "Only the reference ran here"
    worst = [r.value for r in seen.rows if r.check == SQNR and r.value is not None]
    count = len(material.x.arrays)
    on = f"all {count} sequences" if count > 1 else "one sequence"
    far = [f"in their worst channel they are {min(worst):.1f} dB from the floats (SQNR over {on})"] if worst else []
    scored = [r for r in seen.rows if r.check == "task metric" and not r.name.startswith("change")]
    clipped, where = material.clipped
    parts = [
        same,
        *far,
        *(f"{r.name} {r.value:.4g}" for r in scored),
        f"{'values were' if any(share > 0 for _, share, _ in clipped.rows()) else 'nothing was'} clipped{where}",
    ]
    return f"{'; '.join(parts)}."


def _ran(rows: Sequence[Row]) -> list[Row]:
    return [r for r in rows if r.check == SAME and r.held is not None]


def _executors(rows: Sequence[Row]) -> str:
    ran = dict.fromkeys(r.on for r in _ran(rows))
    away = [f"{r.on} ({r.note})" for r in rows if r.check == SAME and r.held is None]
    equal = []
    for on in ran:
        own = [r for r in rows if r.check == SAME and r.on == on]
        if all(r.held for r in own):
            part = own[0].note.removeprefix("equal").strip()
            equal.append(f"{on} ({part})" if part else on)
    other = [f"{on} DIFFERS: {r.note}" for on in ran for r in rows if r.on == on and r.check == SAME and not r.held]
    text = f"equal to the reference, integer by integer: {', '.join(equal) or 'none ran'}"
    return ". ".join([text, *other, *([f"Not run here: {', '.join(away)}"] if away else [])])


def _torch(row: Row) -> str:
    known = row.value is not None and row.limit is not None
    return f"{row.note}: {row.value:.1e}, at most {row.limit:.0e} allowed" if known else row.note


def _clipping(material: Material) -> list[tuple[str | Html, ...]]:
    whole, where = material.clipped
    clipped = whole.titled(material.parts.titles, 0)
    found = [(name, share, note) for name, share, note in clipped.rows() if share > 0]
    if not found:
        return [("clipping", _mark(True), f"nothing was beyond its calibrated range{where}")]
    return [
        ("clipping", Html(f'<span class="bad">{share:.2%}</span>'), f"{name}: {note}{where}")
        for name, share, note in found
    ]


def _mark(held: bool) -> Html:
    return Html('<span class="good">ok</span>' if held else '<span class="bad">MISSED</span>')


def _value(row: Row) -> Html:
    if row.value is None:
        return Html("")
    return Html(html(f"{row.value:.1f} dB" if row.unit == "dB" else f"{row.value:.6g} {row.unit}".rstrip()))
