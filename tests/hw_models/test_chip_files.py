"""Chip files: what is in them, boards, and every way in which one can be wrong: file, key and expectation."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from hw_models.bands import Band
from hw_models.chip import CHIPS, Chip, chip_names, load_chip
from hw_models.constants import SURE, ChipTiming, Energy, Memory
from hw_models.errors import ChipError
from hw_models.explain import entries, explain, keys
from hw_models.json_dataclasses import made

REFUSAL = {"key": "a", "reason": "b", "source": {"text": "c", "sure": "measured"}}
LOIHI2 = (CHIPS / "loihi2.toml").read_text()


def refused(tmp_path, old: str, new: str, text: str = LOIHI2) -> ChipError:
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ChipError) as error:
        load_chip(path)
    assert str(path) in error.value.where and error.value.advice
    return error.value


@pytest.mark.parametrize("name", chip_names())
def test_through_json_and_back(name):
    chip = load_chip(name)
    assert made(Chip, json.loads(json.dumps(asdict(chip)))) == chip


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.pop("sources"),
        lambda t: t.update(sources={"word_bits": "a book"}),
        lambda t: t.update(name=5),
        lambda t: t.update(more=1),
        lambda t: t.update(word_bits=True),
        lambda t: t.update(cores="many"),
        lambda t: t.update(chips=0),
        lambda t: t.update(boards={"desk": 0}),
        lambda t: t.update(memory=[1]),
        lambda t: t["memory"].pop("words"),
        lambda t: t["memory"].update(words=-1),
        lambda t: t["timing"].update(sync=1.0),
        lambda t: t["timing"]["sync"].update(low=float("nan")),
        lambda t: t["energy"]["hop"].update(high="1"),
        lambda t: t.update(facts=7),
        lambda t: t.update(
            refuses=[{"key": "a", "reason": "b", "source": {"text": "", "sure": ""}, "measure": "size"}]
        ),
        lambda t: t.update(refuses=[{**REFUSAL, "limit": "9"}]),
    ],
)
def test_what_is_no_chip_is_refused(change):
    table = json.loads(json.dumps(asdict(load_chip("loihi2"))))
    change(table)
    with pytest.raises((TypeError, ValueError, ChipError)):
        made(Chip, table)


@pytest.mark.parametrize("name", chip_names())
def test_every_entry_of_the_file_is_explained_with_its_source(name):
    text, chip = explain(load_chip(name)), load_chip(name)
    sources = re.findall(r'^source = "(.*)"$', (CHIPS / f"{name}.toml").read_text(), re.MULTILINE)
    assert len(entries(chip)) == len(sources)
    for entry, source in zip(sorted(e.source.text for e in entries(chip)), sorted(sources), strict=True):
        assert entry == source and source in text
    assert all(e.source.sure in SURE and e.key in text for e in entries(chip))


def test_loihi2_has_all_that_costs_need():
    chip = load_chip("loihi2")
    assert chip.memory is not None and chip.timing is not None and chip.energy is not None and chip.cores == 120
    assert chip.memory.words == 15000 and chip.memory.synapse_bits.default == 18
    assert chip.timing.sync.default == 0.8e-6 and chip.energy.static_power.low == 0.23


def test_chips_that_do_not_tell_have_none():
    for name in ("ideal", "spinnaker2", "loihi1", "xylo"):
        chip = load_chip(name)
        assert chip.memory is None and chip.timing is None and chip.energy is None
    assert bool(load_chip("xylo").refuses) and bool(load_chip("loihi1").refuses)
    assert not load_chip("spinnaker2").refuses
    assert "not known, or without limit: memory, timing, energy" in explain(load_chip("spinnaker2"))


@pytest.mark.parametrize(("name", "is_there"), [("mine.toml", False), ("mine.txt", True), ("mine", False)])
def test_what_is_no_chip_file(tmp_path, name, is_there):
    path = tmp_path / name
    if is_there:
        path.write_text(LOIHI2)
    with pytest.raises(ChipError, match=r"no chip '.*mine") as error:
        load_chip(path)
    assert error.value.where == (str(path) if name.endswith(".toml") else "") and "a .toml file" in error.value.advice


def test_boards_and_chips():
    assert load_chip("loihi2").chips == 1
    assert load_chip("loihi2", board="hala_point").chips == 1152
    assert load_chip("loihi2", board="kapoho_point", chips=4).chips == 4
    assert load_chip(load_chip("loihi2"), chips=3).chips == 3
    with pytest.raises(ChipError, match="no board 'kapoho'") as error:
        load_chip("loihi2", board="kapoho")
    assert "kapoho_point" in error.value.advice
    with pytest.raises(ChipError, match="chips must be from 1 to 8"):
        load_chip("loihi2", board="kapoho_point", chips=9)
    with pytest.raises(ChipError, match="chips must be"):
        load_chip("loihi2", chips=0)
    with pytest.raises(ChipError, match="no board"):
        load_chip("ideal", board="oheo_gulch")


@pytest.mark.parametrize("section", ["timing", "energy"])
def test_what_takes_time_or_energy_may_be_free_and_has_an_end(section):
    item = getattr(load_chip("loihi2"), section)
    for f in fields(item):
        most = 1e6 if f.name.endswith("power") else 1
        assert getattr(replace(item, **{f.name: Band(0, 0, most)}), f.name) == Band(0, 0, most)
        with pytest.raises(ChipError, match=f"{f.name} must be a band from 0 to {most:,.0f}, not"):
            replace(item, **{f.name: Band(0, 0, most * 1.001)})


@pytest.mark.parametrize("section", ["memory", "timing", "energy"])
def test_a_section_may_be_left_out_but_not_a_key_of_it(tmp_path, section):
    cls = {"memory": Memory, "timing": ChipTiming, "energy": Energy}[section]
    for f in fields(cls):
        error = refused(tmp_path, f"[{section}.{f.name}]", f"[{section}.other]")
        assert f"{f.name} is missing" in error.what and f"{section}.{f.name}" in error.where
    without = re.sub(rf"\[{section}\..*\]\n(.+\n)+", "", LOIHI2)
    path = tmp_path / "without.toml"
    path.write_text(without)
    assert getattr(load_chip(path), section) is None


@pytest.mark.parametrize(
    ("old", "new", "what", "key"),
    [
        ("[word_bits]", "[wrod_bits]", "word_bits is missing", "word_bits"),
        ("[cores]", "[corse]", "corse is not a key here: did you mean cores?", "corse"),
        ("[timing.hop]", "[timing.hops]", "hop is missing", "timing.hop"),
        ("[energy.hop]", "[energy.fuel]\nvalue=1\n[energy.hop]", "fuel is not a key here", "energy.fuel"),
        ("value = 24\n", "valeu = 24\n", "value of word_bits is missing", "word_bits"),
        ("value = 24\n", "value = 24\nunit = 1\n", "unit is not a key here", "word_bits.unit"),
        ("[word_bits]\nvalue = 24\n", "word_bits = 24\n[word_bites]\n", "must be a table", "word_bits"),
        ("value = 15000", "value = 0", "words must be an int from 1 to", "memory.words"),
        ("value = 0.75", 'value = "much"', "neuron_unit_words must be a number", "memory.neuron_unit_words"),
        ("low = 15\n", "low = 19\n", "low, default and high must rise", "memory.synapse_bits"),
        ("low = 15\n", "", "low must be a number, not None", "memory.synapse_bits.low"),
        ("high = 2e-6", "high = inf", "high must be a number, not inf", "timing.sync.high"),
        ("high = 2e-6", "high = 7", "sync must be a band from 0 to 1", "timing.sync"),
        ('source = "', 'source = " " # "', "source must be a str that is not empty", "word_bits.source"),
        ('sure = "documented"', 'sure = "certain"', "sure must be one of measured, documented", "word_bits.sure"),
        ('sure = "documented"', "", "sure must be one of", "word_bits.sure"),
        ("value = 24\n", "value = 7\n", "word_bits must be an int from 8 to 64, not 7", "word_bits"),
        ("value = 31\n", "value = 63\n", "product_bits must be an int from 0 to 62, not 63", "product_bits"),
        ("value = 24\n", "value = 33\n", "lava must be false where word_bits is more than 32", "word_bits"),
        ("value = 31\n", "value = 32\n", "lava must be false where product_bits is more than 31", "product_bits"),
        ("value = 8\nsource = \"lava-dl netx", "value = 0\nsource = \"lava-dl netx", "kapoho_point must be", "boards"),
    ],
)  # fmt: skip
def test_a_wrong_file_says_file_key_and_expectation(tmp_path, old, new, what, key):
    error = refused(tmp_path, old, new)
    assert what in error.what and key in error.where, error


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('measure = "fan_in"', 'measure = "length"', "measure must be one of inputs"),
        ('measure = "fan_in"\n', "", "a limit needs the measure"),
        ("limit = 63", 'limit = "63"', "limit must be an int"),
        ('reason = "it has 16 inputs"', 'reason = " "', "reason must be a str that is not empty"),
        ("value = 64000", "value = true", "value must be a number"),
        ('unit = "mW"', "unit = 5", "unit must be a str"),
        ("[facts.power]", "[facts.power]\nhow = 1", "how is not a key here"),
    ],
)
def test_wrong_reasons_and_facts(tmp_path, old, new, what):
    assert what in refused(tmp_path, old, new, (CHIPS / "xylo.toml").read_text()).what


def test_files_that_are_none(tmp_path):
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ChipError, match="not a TOML file"):
        load_chip(tmp_path / "bytes.toml")
    with pytest.raises(ChipError, match="no chip"):
        load_chip(tmp_path)


def test_the_docs_have_every_key_and_their_example_is_right(tmp_path):
    docs = Path(__file__).parents[2] / "docs"
    table, page = ((docs / name).read_text("utf-8") for name in ("reference/chip.md", "chips.md"))
    assert keys() in table, "docs/reference/chip.md is stale: its table is hw_models.explain.keys()"
    blocks = page.split("```toml\n")[1].split("```")[0].strip().split("\n\n")
    path = tmp_path / "mine.toml"
    for block in blocks[1:]:  # each in place of its like in a whole file, or as one more
        name = block.split("]")[0] + "]"
        whole = re.sub(rf"{re.escape(name)}\n(.+\n)+", "", LOIHI2)
        path.write_text(f"{whole}\n{block}\n")
        assert name.strip("[]").split(".")[-1] in {e.key for e in entries(load_chip(path))}
