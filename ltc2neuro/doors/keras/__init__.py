"""Keras models on its torch backend: their graph is walked, and each layer's own `call` runs in a torch module."""
