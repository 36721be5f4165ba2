"""What one sees of an object as the last line of a cell."""

from __future__ import annotations

import pytest

pytest.importorskip("ncps")

import torch
from networks import sequences, tracked, tracker

import ltc2neuro
from ltc2neuro.extras import LAVA


class Readout(torch.nn.Linear):
    def __init__(self) -> None:
        super().__init__(3, 2)


def shown() -> list[object]:
    net, x = tracked(), sequences()
    run = net.run(x)
    seen = ltc2neuro.verify(net, tracker(), x, on=["reference"])
    causes, findings = ltc2neuro.attribute(net, x), ltc2neuro.check(net, "xylo")
    found = [net, run, seen, net.placement, net.cost(), net.cost(run), causes, net.stream(), findings, *findings]
    return [*found, net.mapped(), ltc2neuro.compile(Readout(), x, microcode=False).cost()]


def test_every_object_is_one_screen_of_text_and_of_html():
    for thing in shown():
        text, html = repr(thing), thing._repr_html_()  # type: ignore[attr-defined]
        assert 0 < len(text.splitlines()) <= 40 and len(text) < 6000 and "object at 0x" not in text, text
        assert html.startswith("<pre") and html.endswith("</pre>") and len(html) < 12000
        assert "<" not in html.partition(">")[2].removesuffix("</pre>")


def test_the_repr_of_a_cost_and_a_verification_are_what_print_shows():
    _, _, seen, _, cost, *_ = shown()
    assert repr(cost) == str(cost) and repr(seen) == str(seen) and repr(seen).startswith("passed")


@pytest.mark.skipif(LAVA.missing() != (), reason="needs Lava")
@pytest.mark.parametrize("mode", ["mapped", "fused"])
def test_a_lava_process_says_what_it_is(mode):
    net = tracked()
    process = net.to_lava(mode, name="tracker")
    text = repr(process)
    assert "'tracker'" in text and "states v" in text and "object at 0x" not in text and "\n" not in text
    assert process._repr_html_().startswith("<pre")
    assert f"out {process.out.shape}" in text and f"latency {process.latency}" in text


def test_the_logger_tells_the_stages(caplog):
    with caplog.at_level("INFO", "ltc2neuro"):
        ltc2neuro.verify(tracked(), None, sequences(), on=["reference"])
    assert "running on reference" in [r.getMessage() for r in caplog.records if r.name == "ltc2neuro"]
