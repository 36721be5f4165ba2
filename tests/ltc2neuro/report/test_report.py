"""The report: one file, complete by itself, with every section."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("ncps")
pytest.importorskip("matplotlib")

import torch
from html_pages import Page, read
from ncps.torch import CfC
from networks import classified, classifier, sequences, tracked, tracker

import ltc2neuro
from ltc2neuro.cli.main import main
from ltc2neuro.compiled.default_executor import float_work
from ltc2neuro.compiled.runs import RunRequest, run_network
from ltc2neuro.errors import ArtifactError, InputError
from ltc2neuro.plot.ranges import spreads
from ltc2neuro.report import material
from ltc2neuro.report.writing import SECTIONS

ON = ["simulator"]
LABELS = np.array([0, 1, 2, 3])


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("report") / "net.html"
    classified().report(path, classifier(), sequences(), LABELS, "accuracy", on=ON)
    return path.read_text("utf-8")


@pytest.fixture(scope="module")
def page(text) -> Page:
    return read(text)


def test_every_section_is_there_with_a_sentence_of_its_own(text, page):
    assert len(text) < 2e6
    assert page.tags.count("section") == len(SECTIONS) == text.count('<p class="conclusion">')


def test_the_verdict_names_executors_metric_and_error(text):
    seen = ltc2neuro.verify(classified(), classifier(), sequences(), LABELS, "accuracy", on=ON)
    (row,) = [r for r in seen.rows if r.name == "outputs" and r.unit == "dB"]
    assert f"{row.value:.1f} dB" in text and "return the same integers" in text and "accuracy, integer" in text


def test_the_worst_sequence_can_be_picked_and_is_named(text, page):
    exact = classifier()(torch.from_numpy(sequences())).detach().numpy()
    error = np.square(np.asarray(classified()(sequences())) - exact)
    worst = int(np.argmax(np.mean(error / np.var(exact, axis=0), axis=1)))
    labels = re.findall(r'<label for="sequence-\d">([^<]*)</label>', text)
    assert labels[0].startswith(f"{worst}, the worst, ") and f"the worst of all 4 is number {worst}," in text
    assert sorted(int(label.split(",")[0]) for label in labels) == [0, 1, 2, 3]
    for word in ("the best", "the median", "the first"):
        assert sum(word in label for label in labels) == 1
    assert not any("the worst" in label and "worse" in label for label in labels)


def test_names_of_the_compilers_own_are_seen_nowhere(page):
    words = [w for w in page.words if not w.startswith("\n:root")]
    seen = [w for w in words if re.search(r"\.(scaled|centred|rows|gate|part)\b|_read\b|@\d|#\d", w)]
    listed = [w for w in seen if "population " in w or "overrides=" in w or "lifted by" in w or "ops " in w]
    assert seen == listed


def test_provenance_has_the_hash_of_the_file(text, tmp_path):
    classified().save(tmp_path / "net.l2n")
    assert hashlib.sha256((tmp_path / "net.l2n").read_bytes()).hexdigest() in text


def test_without_data_it_shows_the_known_answer(tmp_path):
    classified().report(tmp_path / "net.html", on=ON)
    assert "no data were given" in read_file(tmp_path / "net.html")


def read_file(path) -> str:
    text = path.read_text("utf-8")
    read(text)
    return text


def test_names_of_users_are_escaped(tmp_path):
    net = classified()
    chip = replace(net.chip, title="<script>alert(1)</script> & co")
    replace(net, chip=chip).report(tmp_path / "<b>.html", on=ON)
    found = read_file(tmp_path / "<b>.html")
    assert "&lt;script&gt;alert(1)" in found and "<b>" not in found


@pytest.mark.parametrize(("name", "text"), [("net.pdf", "HTML file"), ("nowhere/net.html", "no such folder")])
def test_a_wrong_path_is_said_first(tmp_path, name, text):
    with pytest.raises(InputError, match=text):
        classified().report(tmp_path / name)


def test_a_report_that_cannot_be_written_leaves_what_was_there(tmp_path):
    (tmp_path / "net.html").mkdir()
    with pytest.raises(ArtifactError, match="cannot write the report"):
        classified().report(tmp_path / "net.html", on=ON)
    assert [p.name for p in tmp_path.iterdir()] == ["net.html"]


def test_what_a_file_clips_is_not_put_down_to_what_it_does_not_when_quantized_again(tmp_path):
    net, x = ltc2neuro.compile(tracker(), sequences() / 5), sequences(6)
    net.save(tmp_path / "net.l2n")
    ltc2neuro.load(tmp_path / "net.l2n").report(tmp_path / "net.html", x=x, on=[])
    net.report(tmp_path / "own.html", x=x, on=[])
    again, own = (read_file(tmp_path / name) for name in ("net.html", "own.html"))
    assert "Most of the error of the file&#x27;s network, " in again and "is clipping: quantized again" in again
    most = r"The error of outputs is [\d.]+ dB over all [^;]*; most is gained where clipping is lifted"
    assert re.search(most, own) and "Precision(margin=4.0)" in own


def test_the_shell_writes_it(tmp_path, capsys):
    classified().save(tmp_path / "net.l2n")
    np.save(tmp_path / "x.npy", sequences())
    files = [str(tmp_path / name) for name in ("net.l2n", "x.npy", "net.html")]
    assert main(["report", *files[:2], "-o", files[2], "--on", "simulator"]) == 0
    assert "MB" in capsys.readouterr().out and "4 sequences of 36 samples" in read_file(tmp_path / "net.html")


def test_sequences_of_their_own_lengths_and_what_is_clipped_are_shown(tmp_path):
    tracked().report(tmp_path / "net.html", x=[sequences()[0] * 100, sequences()[1][:2]], on=ON)
    text = read_file(tmp_path / "net.html")
    assert "2 sequences of 11 samples" in text and re.search(r"[1-9][.\d]*% of input is clipped", text)


def test_of_a_network_without_time_constants_that_is_said(tmp_path, text):
    net = ltc2neuro.compile(CfC(3, 4), sequences())
    assert not net.held_time_constants
    net.report(tmp_path / "net.html", x=sequences()[:2], on=[])
    found = read_file(tmp_path / "net.html")
    assert "No liquid time constants are shown" in found and "No liquid" not in text


def test_one_sequence_has_no_rank(tmp_path):
    tracked().report(tmp_path / "net.html", x=sequences()[:1], on=[])
    text = read_file(tmp_path / "net.html")
    (caption,) = re.findall(r"<figcaption>Sequence ([^<]*)</figcaption>", text)
    assert re.match(r"0, [\d.]+ dB\. Answers", caption) and "SQNR over one sequence" in text


def test_of_a_long_sequence_the_first_samples_are_recorded_and_that_is_said(tmp_path, monkeypatch):
    net, x = tracked(), sequences(1, 300)
    whole = float_work(net.float_graph, list(x))
    monkeypatch.setattr(material, "RECORDED", whole / 6)
    monkeypatch.setattr(material, "WORK", 1e6)
    net.save(tmp_path / "net.l2n")
    ltc2neuro.load(tmp_path / "net.l2n").report(tmp_path / "net.html", x=x, on=[])
    text = read_file(tmp_path / "net.html")
    assert "On these data, on the first 50 of 300 samples, " in text
    assert "The dB of sequences are measured on the first 50 of 300 samples." in text
    part = "on one sequence, the first 100 of up to 300 samples"
    begins = rf'<p class="conclusion">The error of outputs, of the network quantized again[^<]* {part}'
    assert re.search(begins, text) and text.count("A file does not hold what its constants were rounded from") == 1
    assert re.search(r"over all data\. All data have [\d.]+ dB over all channels, not [\d.]+: SQNR is against", text)
    seen = ltc2neuro.verify(net, None, x, on=[])
    (row,) = [r for r in seen.rows if r.name == "outputs" and r.unit == "dB"]
    assert f"{row.value:.1f} dB" in text and "one sequence of 300 samples" in text
    first, parts = net.parts.host.sequences(x[:, :50], None), net.parts
    cut = run_network(parts, first, "reference", asked=RunRequest(parts.names.all()))
    for one in spreads(parts, cut):
        assert f"<td>{one.title}</td><td>{one.quantiles[0]:.4g} .. {one.quantiles[-1]:.4g}</td>" in text


def test_of_many_sequences_the_first_are_recorded(tmp_path, monkeypatch):
    net, x = tracked(), sequences(20)
    one, many = (float_work(net.float_graph, list(x[:n])) for n in (1, 20))
    monkeypatch.setattr(material, "RECORDED", one + (many - one) / 2)
    net.report(tmp_path / "net.html", x=x, on=[])
    (count,) = set(re.findall(r"on the first (\d+) of 20 sequences", read_file(tmp_path / "net.html")))
    assert 1 < int(count) < 20 and f"the worst of the first {count} is number" in read_file(tmp_path / "net.html")


def test_a_network_of_library_processes_has_the_sections_that_apply(tmp_path):
    net, x = ltc2neuro.compile(tracker(), sequences(), microcode=False), sequences()
    net.report(tmp_path / "net.html", tracker(), x, np.zeros((4, 9, 2)), "mse", on=[])
    text = read_file(tmp_path / "net.html")
    assert re.findall('<section id="([a-z]*)">', text) == ["verdict", "network", "time", "provenance"]
    (row,) = [r for r in ltc2neuro.verify(net, tracker(), x, on=[]).rows if r.name == "outputs" and r.unit == "dB"]
    assert f"{row.value:.1f} dB" in text and "mse, integer" in text and "<td>GradedReluVec</td>" in text
    assert "<td>LibraryForm</td>" in text and "ranges" not in re.findall(r'href="#(\w+)"', text)
    net.save(tmp_path / "net.l2n")
    assert hashlib.sha256((tmp_path / "net.l2n").read_bytes()).hexdigest() in text
    assert main(["report", str(tmp_path / "net.l2n"), "-o", str(tmp_path / "own.html"), "--on", "reference"]) == 0
    with pytest.raises(InputError, match=r"error by cause needs microcode(.|\n)*leave calibration= out"):
        net.report(tmp_path / "net.html", x=x, calibration=x)
