"""Networks with microcode and without are used in one way: each test here runs on both."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

from networks import sequences, tracker

import ltc2neuro
from ltc2neuro.artifact import container
from ltc2neuro.errors import ArtifactError, ChipError, InputError, PlacementError
from ltc2neuro.extras import LAVA

X = sequences(batch=6, time=9)
TARGETS = np.zeros((6, 9, 2))


class BothKinds:
    """What a network of either kind does. A subclass says how it is compiled, and what it is."""

    microcode: bool
    kind: type
    least_db: float
    left_out: set[str]
    """what older files do not tell"""

    @pytest.fixture(scope="class")
    @classmethod
    def net(cls):
        return ltc2neuro.compile(tracker(), X, microcode=cls.microcode)

    def test_a_file_says_which_kind_it_holds(self, net, tmp_path: Path) -> None:
        net.save(tmp_path / "a.l2n")
        again = ltc2neuro.load(tmp_path / "a.l2n")
        assert type(again) is type(net) is self.kind and again.chip == net.chip
        assert str(again) == str(net) and repr(again) == repr(net)
        again.save(tmp_path / "b.l2n")
        assert (tmp_path / "a.l2n").read_bytes() == (tmp_path / "b.l2n").read_bytes()

    def test_a_file_that_is_half_of_one_is_refused(self, net, tmp_path: Path) -> None:
        net.save(tmp_path / "a.l2n")
        header, graphs, arrays = container.read(tmp_path / "a.l2n")
        for gone in sorted(set(header) - {"evidence", "layout", *self.left_out}):
            container.write(tmp_path / "b.l2n", {k: v for k, v in header.items() if k != gone}, graphs, arrays)
            with pytest.raises(ArtifactError, match="not a network"):
                ltc2neuro.load(tmp_path / "b.l2n")

    def test_verify_compares_torch_and_executors(self, net) -> None:
        on = ["reference"] if LAVA.missing() else None
        found = ltc2neuro.verify(net, tracker(), X[:1], TARGETS[:1], "mse", on=on, min_sqnr=self.least_db)
        assert found.passed, str(found)
        told = {row.name for row in found.rows if row.check.startswith("integers against float")}
        assert told == {"outputs", "v"} and {row.on for row in found.rows} >= {"reference", "float graph", "float"}
        assert on or any(row.on == "lava" and row.held for row in found.rows)
        missed = ltc2neuro.verify(net, tracker(), X, on=(), min_sqnr=self.least_db + 100)
        assert not missed.passed

    def test_verify_finds_another_model_and_another_known_answer(self, net) -> None:
        assert not ltc2neuro.verify(net, tracker(seed=5), X, on=()).passed
        assert ltc2neuro.verify(net, None, on=()).passed
        integers = net.known.integers.copy()
        integers[0, 3, 1] += 1
        wrong = ltc2neuro.verify(replace(net, known=replace(net.known, integers=integers)), None, on=())
        assert not wrong.passed and "time 3, element 1" in str(wrong)

    def test_verify_counts_what_is_clipped(self, net) -> None:
        with pytest.warns(UserWarning, match="values were clipped") as told:
            run = net.run(9 * X)
        assert told[0].filename == __file__ and run.saturations["input"]
        assert not ltc2neuro.verify(net, None, 9 * X, on=(), max_clipped=0.001).passed
        assert ltc2neuro.verify(net, None, X, on=(), max_clipped=0.001).passed
        with pytest.raises(InputError, match="were clipped"):
            net.run(9 * X, strict=True)

    def test_check_finds_nothing_on_its_own_chip_and_says_why_not_on_others(self, net) -> None:
        assert not [f for f in ltc2neuro.check(net) if f.severity.value == "error"]
        refused = ltc2neuro.check(net, "loihi1")
        assert refused and {f.rule for f in refused} == {"refusal"}
        with pytest.raises(InputError, match="checked as it was compiled"):
            ltc2neuro.check(net, calibration=X)
        with pytest.raises(InputError, match="checked as it was compiled"):
            ltc2neuro.check(net, microcode=False)

    def test_check_of_a_model_finds_what_compile_would(self, net) -> None:
        asked = {"calibration": X, "microcode": self.microcode}
        assert not [f for f in ltc2neuro.check(tracker(), **asked) if f.severity.value == "error"]
        assert ltc2neuro.check(tracker(), "loihi1", **asked) == ltc2neuro.check(net, "loihi1")
        few = replace(net.chip, memory=replace(net.chip.memory, in_axons=2))
        assert ltc2neuro.check(tracker(), few, **asked) == ltc2neuro.check(net, few)

    def test_passes_are_kept_in_the_file(self, net, tmp_path: Path) -> None:
        net.save(tmp_path / "a.l2n")
        assert ltc2neuro.load(tmp_path / "a.l2n").passes == net.passes
        assert {"fold", "prune"} & {p.name for p in net.passes} and all(p.note for p in net.passes)

    def test_cost_and_print_agree(self, net) -> None:
        cost = net.cost()
        assert cost.ticks_per_sample > 0 and f"{cost.ticks_per_sample} " in str(cost) and str(cost)
        assert f"{cost.ticks_per_sample} ticks a sample" in str(net)
        assert cost.plain()["ticks_per_sample"] == cost.ticks_per_sample
        assert cost.plain()["fits"] and cost.plain()["chip"] == "loihi2" and repr(net).endswith("chip loihi2)")

    def test_states_are_recorded_streamed_and_handed_on(self, net) -> None:
        run = net.run(X, record=["v"])
        assert "v" in net.names()
        assert np.array_equal(run.record["v"], run.states["v"] * net.state_lsb("v"))
        stream = net.stream(batch=len(X))
        steps = [stream.step(x) for x in X.swapaxes(0, 1)]
        assert np.array_equal(np.stack(steps, 1), run.outputs)
        rest = net.run(X[:, 4:], state=net.run(X[:, :4]).final_state)
        assert np.array_equal(rest.integers, run.integers[:, 4:])
        with pytest.raises(InputError, match="not one of this network's integers"):
            net.run(X, state={"v": np.full((6, 6), 2**30)})
        with pytest.raises(InputError, match="nothing to record by the name 'w'"):
            net.run(X, record=["w"])

    def test_the_host_maps_both_ways(self, net) -> None:
        run = net.run(X)
        assert np.array_equal(net.dequantize(run.integers), run.outputs)
        assert np.array_equal(net.quantize(X), np.concatenate([x for x, _ in run.entered]))
        assert np.array_equal(net.shaped(run.outputs), net(X))

    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
    def test_a_copy_answers_the_same(self, net, copied) -> None:
        assert np.array_equal(copied(net)(X), net(X))

    def test_what_nobody_holds_is_freed_at_once(self, net) -> None:
        gc.disable()
        try:
            own = copy.deepcopy(net)
            own.run(X, record=own.names())
            str(own), own.cost(), own.stream().step(X[0, 0]), own.quantize_state(own.run(X).final_state)
            gone = [weakref.ref(each) for each in (own, own.parts, own.parts.runners.net, own.float_graph)]
            del own
            assert [found() for found in gone] == [None] * 4
        finally:
            gc.enable()

    def test_an_unknown_executor_is_refused_with_those_there_are(self, net) -> None:
        with pytest.raises(InputError) as caught:
            net.run(X, on="lawa")
        assert "Did you mean 'lava'?" in caught.value.advice
        with pytest.raises(InputError, match="does not run the mapped network"):
            net.run(X, options=ltc2neuro.Options())


class TestWithMicrocode(BothKinds):
    microcode, kind, least_db, left_out = True, ltc2neuro.Network, 60, set()


class TestOfLibraryProcesses(BothKinds):
    microcode, kind, least_db, left_out = False, ltc2neuro.LibraryNetwork, 40, {"library", "chip", "passes"}

    def test_what_only_microcode_has_is_one_clear_error(self, net) -> None:
        own = {n for n in dir(ltc2neuro.Network) if not n.startswith("_")}
        lacked = {n for n in own if not hasattr(net, n)}
        assert {"graph", "input_format", "mapped", "placement", "to_lava"} <= lacked < own
        looks = {n: lambda n=n: getattr(net, n) for n in lacked}
        looks |= {
            "placement": lambda: net.cost().placement,
            "attribute": lambda: ltc2neuro.attribute(net, X),
            "tune": lambda: ltc2neuro.tune(net, X),
            "counting messages": lambda: ltc2neuro.evaluate(net, X, activity=True, progress=False),
        }
        for name, look in looks.items():
            with pytest.raises(InputError, match=rf"{name} needs microcode") as caught:
                look()
            assert "Lava's library processes alone" in caught.value.numbers
            assert caught.value.advice.startswith("Compile the model without microcode=False")

    def test_its_cost_is_that_of_no_run_cores_or_mapping(self, net) -> None:
        for given in ({"run": net.run(X)}, {"cores": 2}, {"options": ltc2neuro.Options()}):
            with pytest.raises(InputError, match="needs microcode"):
                net.cost(**given)

    def test_its_cost_on_another_chip_is_that_where_it_fits(self, net) -> None:
        two = ltc2neuro.load_chip("loihi2", chips=2)
        assert net.cost(chip="loihi2").plain() == net.cost().plain() == net.cost(chip=two).plain()
        assert net.cost(chip=two).chip == two
        with pytest.raises(PlacementError, match=r"more inputs than a core(.|\n)*limit: 2\n"):
            net.cost(chip=replace(net.chip, memory=replace(net.chip.memory, in_axons=2)))
        with pytest.raises(ChipError, match=r"does not run Lava's library processes\n  where: chip ideal\n  what"):
            net.cost(chip="ideal")

    def test_a_file_that_tells_no_passes_is_read(self, net, tmp_path: Path) -> None:
        net.save(tmp_path / "a.l2n")
        header, graphs, arrays = container.read(tmp_path / "a.l2n")
        container.write(tmp_path / "b.l2n", {k: v for k, v in header.items() if k != "passes"}, graphs, arrays)
        again = ltc2neuro.load(tmp_path / "b.l2n")
        assert again.passes == () and np.array_equal(again(X), net(X))

    def test_a_chip_of_ones_own_is_kept(self, tmp_path: Path) -> None:
        chip = ltc2neuro.load_chip("loihi2", chips=2)
        net = ltc2neuro.compile(tracker(), X, microcode=False, chip=chip)
        net.save(tmp_path / "a.l2n")
        assert ltc2neuro.load(tmp_path / "a.l2n").chip == chip

    def test_check_says_who_does_not_run_it(self, net) -> None:
        (found,) = ltc2neuro.check(net, "ideal")
        assert found.rule == "library" and "does not run Lava's library processes" in found.message

    def test_check_finds_too_many_inputs_and_widths_that_may_be_left(self, net) -> None:
        few = replace(net.chip, memory=replace(net.chip.memory, in_axons=2))
        found = ltc2neuro.check(net, few)
        assert found and {(f.rule, f.limit) for f in found} == {("fan-in", "2")}
        with pytest.raises(ChipError, match="more inputs than a core has axons for"):
            ltc2neuro.compile(tracker(), X, microcode=False, chip=few)
        first, *rest = net.processes.connections
        wide = replace(first, exponent=first.exponent + 12)
        broken = replace(net, processes=replace(net.processes, connections=(wide, *rest)))
        assert "width" in {f.rule for f in ltc2neuro.check(broken)}
