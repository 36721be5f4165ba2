"""Trained liquid neural networks to Loihi-class neuromorphic chips, with the same integers everywhere."""

__version__ = "0.1.0"
