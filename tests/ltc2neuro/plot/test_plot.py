"""Each picture draws what it is given, on the axes it is given."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from urllib.parse import unquote

import numpy as np
import pytest

pytest.importorskip("ncps")
pytest.importorskip("matplotlib")

from matplotlib.figure import Figure
from networks import sequences, tracked

from compiler.assembly import code_instructions
from ltc2neuro import attribute, plot
from ltc2neuro.errors import InputError
from ltc2neuro.plot.network import SIGNS
from ltc2neuro.plot.ranges import spreads
from ltc2neuro.searching.deployment import Deployment
from ltc2neuro.searching.search_result import Point, Search
from ltc2neuro.searching.trials import Trial


def axes():
    return Figure().subplots()


@cache
def traces() -> plot.Traces:
    return plot.traces(tracked(), sequences())


def test_states_are_those_of_the_run():
    x, found = sequences(), traces()
    run = tracked().run(x)
    lsb = tracked().state_lsb("v")
    for n in range(len(x)):
        assert np.array_equal(found.states["v"].integer[n], np.asarray(run.states["v"])[n] * lsb)
        assert np.array_equal(found.answers["outputs"].integer[n], np.asarray(run.outputs)[n])
    ax = axes()
    assert plot.states(found, ax, of="v", sequence=2) is ax
    exact, dots = (line.get_ydata() for line in ax.lines[:2])
    assert np.array_equal(exact, found.states["v"].exact[2][:, 0])
    assert np.array_equal(dots, found.states["v"].integer[2][:, 0])


def test_errors_are_integer_minus_float():
    ax = plot.errors(traces(), axes(), of="outputs", sequence=1)
    assert np.array_equal(ax.lines[1].get_ydata(), traces().answers["outputs"].error[1][:, 1])


def test_time_constants_lie_within_what_is_held():
    ax = plot.time_constants(traces(), axes())
    held, real = (np.asarray(line.get_ydata()) for line in ax.lines[:2])
    assert held[0] < real[0] <= real[1] < held[1] and len(ax.lines) == 3 * 6


def test_of_what_has_no_time_constants_none_are_drawn():
    found = replace(traces(), taus={}, held={})
    for of in (None, "v"):
        with pytest.raises(InputError, match=r"has no time constants(.|\n)*plot\.states"):
            plot.time_constants(found, axes(), of=of)
    with pytest.raises(InputError, match=r"no time constant 'v'(.|\n)*There are tau"):
        plot.time_constants(traces(), axes(), of="v")


def test_only_the_first_samples_of_long_sequences_are_run():
    found = plot.traces(tracked(), sequences(1, 20), steps=5)
    assert found.states["v"].exact[0].shape == (5, 6) and found.lengths == (20,)
    assert "first 5 of up to 20" in plot.states(found, axes()).get_xlabel()


def test_a_name_that_is_not_there_is_an_error():
    with pytest.raises(InputError, match="no 'h'"):
        plot.states(traces(), axes(), of="h")


@pytest.mark.parametrize("draw", [plot.states, plot.errors])
@pytest.mark.parametrize("sequence", [4, -1, "first"])
def test_a_sequence_that_is_not_there_is_an_error(draw, sequence):
    with pytest.raises(InputError, match=r"no such sequence(.|\n)*there are 4, counted from 0"):
        draw(traces(), axes(), sequence=sequence)


def test_lines_have_the_numbers_of_their_elements():
    texts = plot.states(traces(), axes(), of="v", elements=[4, 1]).texts
    assert sorted(t.get_text() for t in texts) == ["[1]", "[4]"]
    low, high = sorted(t.get_position()[1] for t in texts)
    assert high - low > 0.06 and 0 <= low and high <= 1


def test_traces_tell_themselves_on_a_screen():
    lines = repr(traces()).splitlines()
    assert lines[0].startswith("float and integer over 4 sequences") and len(lines) == 4
    assert "state v: 6 elements, off by " in lines[2] and "state v" in traces()._repr_html_()


def test_ranges_count_what_is_clipped():
    net = tracked()
    with pytest.warns(UserWarning, match="clipped"):
        run = net.run(sequences() * 100, record=net.names())
    (own,) = [s for s in spreads(net.parts, run) if s.name == "input"]
    assert own.clipped == run.saturations["input"] / np.prod(sequences().shape) > 0.1
    texts = [t.get_text() for t in plot.ranges(net, sequences() * 100, axes()).texts]
    assert f"{own.clipped:.2%} clipped" in texts and "input" in texts


def test_causes_are_cells_of_the_table():
    found = attribute(tracked(), sequences())
    ax = plot.causes(found, axes())
    shown = {t.get_text() for t in ax.texts}
    least = min(r.alone for r in found.rows if r.value and r.of == found.wholes[0].of)
    assert f"{least:.0f}" in shown and len(ax.patches) == len(ax.texts) > 3
    with pytest.raises(InputError, match=r"no answer or state 'w' here(.|\n)*There are outputs, v"):
        plot.causes(found, axes(), of="w")


def test_the_network_has_a_box_a_population_and_an_arrow_a_pair():
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    mapped = tracked().mapped()
    ax = plot.network(tracked(), axes())
    boxes = [p for p in ax.patches if isinstance(p, FancyBboxPatch)]
    curves = [p for p in ax.patches if isinstance(p, FancyArrowPatch)]
    assert len(boxes) == len(mapped.populations) + 2
    assert len(curves) == len({(c.source.population, c.target.population) for c in mapped.connections})
    form = tracked().input_format
    told = [unquote(curve.get_gid()) for curve in curves]
    assert any(f"messages of {form.bits} bits, {form.fraction} of them fraction bits" in text for text in told)
    assert all("messages of" in text for text in told)
    assert any("synapses with positive weights in" in text for text in told)
    assert not any("excitatory" in text or "inhibitory" in text for text in told)
    held = tracked().parts.record.graph.state_format("v")
    assert any(f"state v: {held.bits} bits, {held.fraction} of them" in unquote(box.get_gid()) for box in boxes)
    legend = ax.get_legend()
    assert legend is not None and {t.get_text() for t in legend.get_texts()} <= {*SIGNS.values()}


def test_the_chip_shows_its_cores_ticks_and_bands():
    net = tracked()
    assert len(plot.placement(net.placement, axes()).patches) == net.chip.cores
    ax = plot.schedule(net.mapped(), axes())
    assert len(ax.patches) == net.mapped().ticks_per_sample * len(net.mapped().populations)
    assert len(plot.cost(net.cost(), axes()).texts) == 6


def test_what_a_population_is_called_is_one_count_of_instructions():
    for p in tracked().mapped().populations:
        size = f"{p.size} neurons, {code_instructions(p.listing)} instructions"
        assert size in str(tracked().mapped()) and size in [t.get_text() for t in plot.network(tracked(), axes()).texts]


def test_of_few_ticks_the_numbers_are_whole():
    few = replace(tracked().mapped(), ticks_per_sample=2, sends={})
    ticks = plot.schedule(few, axes()).get_xticks()
    assert all(t == int(t) for t in ticks)


def test_the_front_is_a_line_with_its_start_and_best():
    precision = tracked().precision
    trials = (Trial(precision, cost, 4, db, db - 1) for cost, db in ((1.0, 40.0), (2.0, 60.0)))
    front = tuple(Point(trial, tracked(), Deployment(4)) for trial in trials)
    start = Trial(precision, 9.0, 1, 58.0, 57.0)
    laid_out, narrowed = replace(start, cost=3.0, cores=4), replace(front[1].trial, cost=6.0, cores=1)
    found = Search(start, laid_out, narrowed, front[1], front, "time", 7, True)
    ax = plot.pareto(found, axes())
    shown = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines}
    assert shown["front"] == ([1.0, 2.0], [40.0, 60.0]) and shown["best"] == ([2.0], [60.0])
    assert shown["start"] == ([3.0], [58.0])
    assert ax.get_xlabel() == "time a sample, s, on 4 cores; the start on 1 core: 9"


@pytest.mark.parametrize(
    "draw", [plot.placement, plot.schedule, plot.cost, plot.states, plot.errors, plot.time_constants, plot.causes]
)
def test_a_network_is_not_what_a_picture_of_a_part_of_it_draws(draw):
    with pytest.raises(
        InputError, match=r"this picture is of a \w+(.|\n)*got Network(.|\n)*Give what .*(net|traces|attribute)"
    ):
        draw(tracked(), axes())
