"""What the proof looked at, in words: what was left out or cut short is said."""

from __future__ import annotations

import dataclasses

from ltc2neuro.compiled.evidence import Evidence, ProbeRun

WHOLE = ProbeRun("calibration", 4, 20, "float32")


def test_the_headline_says_what_is_missing() -> None:
    start = "compared with torch in float32 on {} probes of up to 4 rows and 2,048 steps"
    long = ProbeRun("long", 1, 2048, "float32")
    assert Evidence("float32", (WHOLE, long)).headline() == start.format(2)
    left = dataclasses.replace(WHOLE, left_out=3)
    open_ = dataclasses.replace(WHOLE, undecided=2)
    cut, shorter = dataclasses.replace(WHOLE, fewer="2 of 4"), dataclasses.replace(long, fewer="1 of 8 rows")
    assert Evidence("float32", (WHOLE, left, open_, cut, shorter)).headline() == (
        start.format(5) + "; 3 rows left out, where torch is not finite or fails"
        "; 2 rows up to the step from which rounding decides"
        "; fewer than usual: calibration: 2 of 4, long: 1 of 8 rows"
    )
