"""Keras models on its torch backend: walked as Keras walks them, each layer's own `call` in a torch module."""
