"""Sine to square wave with Keras: the LTC layer of ncps.keras in a Sequential model, compiled as it is.

    python examples/keras_ltc.py [--train]

The task is that of sine_to_square.py. Keras runs on torch: KERAS_BACKEND=torch, set before Keras is imported. The kept
model is weights/keras_ltc.keras; from the shell: ltc2neuro compile examples/weights/keras_ltc.keras ...
"""

from collections.abc import Sequence

from keras_training import answers, trained  # first: it sets Keras's backend

# isort: split
import keras
from ncps.keras import LTC
from ncps.wirings import AutoNCP
from sine_to_square import waves
from walkthrough import GREY, check, figure, keep, lines_and_dots, options, states

import ltc2neuro


def build() -> keras.Model:
    """A neural circuit policy: 12 liquid neurons, sparsely wired, one of them the answer."""
    return keras.Sequential([keras.Input((None, 1)), LTC(AutoNCP(12, 1, seed=1), return_sequences=True, name="rnn")])


def main(arguments: Sequence[str] | None = None) -> None:
    asked = options(__doc__, "keras_ltc", arguments)
    task = waves()
    model = trained(build, "keras_ltc", task, asked.train, epochs=60, rate=0.03)

    net = ltc2neuro.compile(model, task.x_train)
    print(net)
    check(net, model, task)

    x = task.x_test[:1]
    drawn, (top, bottom) = figure("A liquid network of Keras turns a sine into a square wave", [1.4, 1.4])
    top.plot(x[0], color="black", lw=1, ls=":", label="input")
    top.step(range(64), task.y_test[0], where="mid", color=GREY, lw=3, label="target")
    lines_and_dots(top, answers(model, x)[0], net(x)[0], "answer")
    lines_and_dots(bottom, states(net, x, "floating")["rnn.v"][0], states(net, x, "reference")["rnn.v"][0])
    bottom.set_ylabel("states v")
    keep(drawn, asked.plot)


if __name__ == "__main__":
    main()
