"""What the Keras examples share: Keras on torch, fresh or kept models. Import this before Keras."""

import os
from collections.abc import Callable

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import ncps.keras  # its layers in files  # noqa: F401
import numpy as np
import torch
from tasks import Task
from training import WEIGHTS

BATCH = 64


def trained(
    build: Callable[[], keras.Model], name: str, task: Task, again: bool, *, epochs: int, rate: float
) -> keras.Model:
    """The model in weights/<name>.keras, or one that is trained now and kept there."""
    torch.set_num_threads(1)
    path = WEIGHTS / f"{name}.keras"
    if again:
        keras.utils.set_random_seed(0)
        model = build()
        steps = epochs * -(-len(task.x_train) // BATCH)
        falling = keras.optimizers.schedules.CosineDecay(rate, steps)
        model.compile(keras.optimizers.Adam(falling, global_clipnorm=1.0), "mse")
        model.fit(task.x_train, task.y_train, BATCH, epochs, verbose=2, validation_data=(task.x_test, task.y_test))
        kept = build()  # without the optimiser
        kept.set_weights(model.get_weights())
        kept.save(path)
    return keras.saving.load_model(path, compile=False)


def answers(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """What Keras answers to `x`."""
    return model.predict(x, verbose=0)
