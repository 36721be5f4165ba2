"""Sine to square wave with Keras, by a CfC: the layer of ncps.keras and a Dense readout.

    python examples/keras_cfc.py [--train]

The task is that of sine_to_square.py. The CfC of Keras has no tanh on its heads and another sign in its gate than that
of torch: see docs/cells.md. Nothing of it is re-implemented: its own `call` is recorded.
"""

from collections.abc import Sequence

from keras_training import trained  # first: it sets Keras's backend

# isort: split
import keras
from ncps.keras import CfC
from sine_to_square import waves
from walkthrough import GREY, check, figure, heat, keep, options

import ltc2neuro
from ltc2neuro import plot


def build() -> keras.Model:
    """16 closed-form neurons, and a linear readout."""
    cfc = CfC(16, backbone_units=24, return_sequences=True, name="rnn")
    return keras.Sequential([keras.Input((None, 1)), cfc, keras.layers.Dense(1, name="readout")])


def main(arguments: Sequence[str] | None = None) -> None:
    asked = options(__doc__, "keras_cfc", arguments)
    task = waves()
    model = trained(build, "keras_cfc", task, asked.train, epochs=60, rate=0.01)

    net = ltc2neuro.compile(model, task.x_train)
    print(net)
    check(net, model, task)

    x = task.x_test[:1]
    found = plot.traces(net, x)
    drawn, (top, bottom) = figure("A CfC of Keras turns a sine into a square wave", [1.4, 1.2])
    top.plot(range(1, 65), x[0], color="black", lw=1, ls=":", label="input")
    top.step(range(1, 65), task.y_test[0], where="mid", color=GREY, lw=3, label="target")
    plot.states(found, top, of="outputs")
    heat(bottom, found.states["rnn.h"].integer[0], "neurons h")
    keep(drawn, asked.plot)


if __name__ == "__main__":
    main()
