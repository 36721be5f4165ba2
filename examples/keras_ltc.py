"""Sine to square wave with Keras: the LTC layer of ncps.keras in a Sequential model, compiled as it is.

    python examples/keras_ltc.py [--train]

The task is that of sine_to_square.py. Keras runs on torch: KERAS_BACKEND=torch, set before Keras is imported. The kept
model is weights/keras_ltc.keras; from the shell: ltc2neuro compile examples/weights/keras_ltc.keras ...
"""

from collections.abc import Sequence

from keras_training import trained  # first: it sets Keras's backend

# isort: split
import keras
from ncps.keras import LTC
from ncps.wirings import AutoNCP
from sine_to_square import waves
from walkthrough import GREY, check, figure, keep, options

import ltc2neuro
from ltc2neuro import plot


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
    found = plot.traces(net, x)
    drawn, (top, bottom) = figure("A liquid network of Keras turns a sine into a square wave", [1.4, 1.4])
    top.plot(range(1, 65), x[0], color="black", lw=1, ls=":", label="input")
    top.step(range(1, 65), task.y_test[0], where="mid", color=GREY, lw=3, label="target")
    plot.states(found, top, of="outputs")
    plot.states(found, bottom, of="rnn.v")
    keep(drawn, asked.plot)


if __name__ == "__main__":
    main()
