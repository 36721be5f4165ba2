"""Denoising with Keras: a functional model, in which a CfC hears a noisy signal and corrects what a Dense layer makes.

    python examples/keras_denoising.py [--train]

The task is that of denoising.py. Layers side by side, `Add` and whatever else a functional model has compile as well.
"""

from collections.abc import Sequence

from keras_training import answers, trained  # first: it sets Keras's backend

# isort: split
import keras
import numpy as np
from denoising import gain, noisy_signals
from ncps.keras import CfC
from walkthrough import GREY, check, figure, keep, options

import ltc2neuro
from ltc2neuro import plot


def build() -> keras.Model:
    """24 closed-form neurons with a readout, and a way around them."""
    heard = keras.Input((None, 1))
    rnn = CfC(24, backbone_units=32, return_sequences=True, name="rnn")(heard)
    readout, around = keras.layers.Dense(1, name="readout")(rnn), keras.layers.Dense(1, name="around")(heard)
    return keras.Model(heard, keras.layers.Add(name="sum")([readout, around]))


def main(arguments: Sequence[str] | None = None) -> None:
    asked = options(__doc__, "keras_denoising", arguments)
    task = noisy_signals()
    model = trained(build, "keras_denoising", task, asked.train, epochs=20, rate=0.01)

    net = ltc2neuro.compile(model, task.x_train)
    print(net)
    check(net, model, task)
    exact, integer = answers(model, task.x_test), np.asarray(net(task.x_test))
    print(f"noise taken away: {gain(task, exact):.2f} dB by Keras, {gain(task, integer):.2f} dB by the integers")

    found = plot.traces(net, task.x_test[:2])
    drawn, panels = figure("A CfC of Keras takes the noise from two signals", [1.4, 1.4])
    steps = np.arange(1, task.x_test.shape[1] + 1)
    for i, panel in enumerate(panels):
        panel.plot(steps, task.x_test[i], ".", color=GREY, ms=5, alpha=0.6, label=None if i else "heard")
        panel.plot(steps, task.y_test[i], color=GREY, lw=5, label=None if i else "clean")
        plot.states(found, panel, of="outputs", sequence=i)
    keep(drawn, asked.plot)


if __name__ == "__main__":
    main()
