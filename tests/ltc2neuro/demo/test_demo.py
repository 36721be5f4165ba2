"""The demo from end to end, on the kept weights."""

import numpy as np
import pytest

pytest.importorskip("ncps", reason="the demo needs the extra all")
pytest.importorskip("sklearn", reason="the demo needs the extra all")
pytest.importorskip("matplotlib", reason="the demo needs the extra all")

from hw_models.errors import InputError
from ltc2neuro.demo.demo import demo, examples, load_digits
from ltc2neuro.demo.plot import choose, rival
from ltc2neuro.extras import LAVA


def test_the_demo_explains_compares_and_draws(tmp_path, capsys):
    plot = tmp_path / "demo.png"
    demo(plot)
    said = " ".join(capsys.readouterr().out.split())
    assert plot.read_bytes().startswith(b"\x89PNG") and plot.stat().st_size > 50_000
    assert "540 of 540 images" in said
    if LAVA.missing():
        assert LAVA.command in said
    else:
        assert said.count("of outputs and states equal the reference's.") == 2
    assert "DIFFER" not in said


@pytest.mark.parametrize(
    ("name", "message"), [("demo.jpg", "a PNG file"), ("nowhere/demo.png", "no such folder"), ("a.png", "cannot write")]
)
def test_a_plot_that_cannot_be_written_is_refused(tmp_path, name, message):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(InputError, match=message):
        demo(tmp_path / name)


def test_train_and_test_images_are_apart_and_complete():
    digits = load_digits()
    assert digits.x_train.shape == (1257, 8, 8) and digits.x_test.shape == (540, 8, 8)
    assert digits.x_train.min() == 0 and digits.x_train.max() == 1
    seen = {image.tobytes() for image in digits.x_train}
    assert not any(image.tobytes() in seen for image in digits.x_test)


def test_the_plot_shows_right_answers_and_a_wrong_one():
    labels = np.array([0, 3, 4, 7, 9, 1])
    shown = choose(labels, np.array([0, 3, 4, 7, 9, 8]))
    assert list(shown) == [0, 1, 2, 3, 5]
    assert list(choose(labels, labels)) == [0, 1, 2, 3, 4]


def test_the_rival_is_the_best_of_the_others():
    assert rival(2, np.array([0.0, 3.0, 5.0])) == 1 and rival(1, np.array([0.0, 3.0, 5.0])) == 2


def test_the_examples_are_found():
    assert (examples() / "weights" / "digits_ltc.safetensors").is_file()
