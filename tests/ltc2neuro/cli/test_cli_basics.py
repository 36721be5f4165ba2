"""The command line without a network: help, usage, errors and the files of samples."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import ltc2neuro
from ltc2neuro.cli import samples
from ltc2neuro.cli.main import COMMANDS, main
from ltc2neuro.cli.measures import fraction
from ltc2neuro.errors import InputError

CLI = [sys.executable, "-m", "ltc2neuro.cli.main"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.NAME)
def test_each_command_has_help(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command.NAME, "--help"])
    assert "--json" in capsys.readouterr().out


def test_version_and_usage(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"ltc2neuro {ltc2neuro.__version__}\n"
    for wrong in ([], ["fly"], ["run"], ["verify", "m.l2n", "--min-sqnr", "much"]):
        with pytest.raises(SystemExit, match="2"):
            main(wrong)


@pytest.mark.parametrize("command", ["run", "verify", "inspect"])
def test_errors_have_no_traceback_unless_asked_for(command, tmp_path, capsys):
    arguments = [command, str(tmp_path / "none.l2n"), *(["x.npy"] if command == "run" else [])]
    assert main(arguments) == 2
    text = capsys.readouterr().err
    assert text.startswith("ltc2neuro: cannot open the network") and "Traceback" not in text and "where:" in text
    assert main([*arguments, "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err
    assert main([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "ArtifactError"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--targets", "y.npy"],
        ["--metric", "mse"],
        ["--min-sqnr", "60"],
        ["--max-metric-change", "1%"],
        ["--causes"],
        ["x.npy", "--calibration", "x.npy"],
    ],
)
def test_limits_of_verify_that_do_not_go_together(arguments, capsys):
    assert main(["verify", "m.l2n", *arguments]) == 2
    assert "ltc2neuro: " in capsys.readouterr().err


def test_help_is_quick():
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ltc2neuro.cli.main", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0 and "commands:" in run.stdout
    assert "numpy" not in run.stderr


@pytest.mark.parametrize(("text", "value"), [("1%", 0.01), ("0.5", 0.5), ("0", 0.0), ("2.5%", 0.025)])
def test_fraction(text, value):
    assert fraction(text) == value


def test_samples_come_back_in_order(tmp_path):
    x = np.arange(12.0).reshape(2, 3, 2)
    samples.save(str(tmp_path / "x.npy"), x)
    assert np.array_equal(samples.load(str(tmp_path / "x.npy")), x)
    many = [np.full((n + 1, 2), float(n)) for n in range(12)]
    samples.save(str(tmp_path / "x.npz"), many)
    got = samples.load(str(tmp_path / "x.npz"))
    assert [len(g) for g in got] == list(range(1, 13)) and all(map(np.array_equal, got, many))


def test_samples_that_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        samples.load(str(tmp_path / "none.npy"))
    (tmp_path / "text.npy").write_text("1, 2, 3")
    with pytest.raises(InputError, match="of numbers"):
        samples.load(str(tmp_path / "text.npy"))
    np.save(tmp_path / "object.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(InputError, match="of numbers"):
        samples.load(str(tmp_path / "object.npy"))
    with pytest.raises(InputError, match=r"written to a \.npz"):
        samples.save(str(tmp_path / "y.npy"), [np.zeros((1, 1))])
    with pytest.raises(InputError, match="no such folder"):
        samples.save(str(tmp_path / "no" / "y.npy"), np.zeros((1, 1)))


def test_a_zip_file_of_other_things_holds_no_samples(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as file:
        file.writestr("data.pkl", b"no array")
    with pytest.raises(InputError, match=r"not a \.npy"):
        samples.load(str(tmp_path / "w.npz"))
