"""The runner of the fuzzers: whatever a trial does is noted with its seed, and a run that was cut off goes on."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.fuzz.__main__ import main, show
from benchmarks.fuzz.journal import Chunk, Journal
from benchmarks.fuzz.runner import run


def test_every_way_to_fail_is_noted_with_its_seed(capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal("failing")
    run("failing_kind", journal, 12, processes=2, chunk=4)
    assert journal.tried == 12
    assert journal.outcomes == Counter({"odd": 4, "even": 4, "FAILED": 4})
    assert "ValueError: three is wrong" in journal.failures[3]
    assert journal.failures[5] == "the process died with exit code 7"
    assert journal.failures[6] == "no answer within 1.5 s"
    assert "MemoryError" in journal.failures[8]
    assert not multiprocessing.active_children()
    assert show(journal) == 1
    assert "1 failed, seeds 3: ValueError: three is wrong" in capsys.readouterr().out


def test_a_run_goes_on_from_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    journal = Journal("failing", path)
    journal.add(Chunk(10, 12, Counter({"odd": 1, "even": 1})))
    journal.add(Chunk(0, 2, Counter({"FAILED": 2}), {0: "zero", 1: "one"}))
    with path.open("ab") as file:
        file.write(b'{"seeds": [2, ')  # as if cut off while it was written
    again = Journal("failing", path)
    assert (again.tried, again.failures, again.outcomes["FAILED"]) == (4, {0: "zero", 1: "one"}, 2)
    assert [(c.start, c.stop) for c in again.missing(3, 14)] == [(2, 5), (5, 8), (8, 10), (12, 14)]
    endless = again.missing(3)
    assert [next(endless).start for _ in range(5)] == [2, 5, 8, 12, 15]
    assert list(again.missing(3, 2)) == [] and list(Journal("failing", path).missing(3, 1)) == []
    again.add(Chunk(2, 4, Counter({"odd": 2})))
    assert Journal("failing", path).tried == 6
    with pytest.raises(SystemExit, match="another kind"):
        Journal("programs", path)


def test_a_run_ends_after_its_seconds() -> None:
    journal = Journal("failing")
    run("failing_kind", journal, None, seconds=1.0, chunk=2)
    assert journal.tried > 0 and journal.tried % 2 == 0


@pytest.mark.parametrize("line", ['{"kind": "lava"}\n', "notes\n", "notes", "\xff\n"])
def test_a_journal_of_another_kind_is_refused(line: str, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_bytes(line.encode("latin-1"))
    with pytest.raises(SystemExit, match="not a journal, or one of another kind"):
        Journal("programs", path)
    assert path.read_bytes() == line.encode("latin-1")


@pytest.mark.parametrize("wrong", [["--count", "-1"], ["--seed", "-1"], ["--count", "1", "--processes", "0"]])
def test_wrong_numbers_are_refused(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["fuzz", "programs", *wrong])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert f"{wrong[-2]} {wrong[-1]}: from" in capsys.readouterr().err
