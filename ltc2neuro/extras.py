"""The optional packages: which extra brings them, whether they are here, and the command where they are not."""

from __future__ import annotations

from compiler.running.extra import LAVA, Extra

__all__ = ["COUNTING", "DASK", "DEMO", "KERAS", "LAVA", "NIR", "PLOT", "SOLVING", "TORCH", "Extra"]

TORCH = Extra("torch", ("torch", "ncps"), "compiling a model; a saved network runs without")
SOLVING = Extra("simulator", ("scipy",), "solving differential equations")
COUNTING = Extra("simulator", ("scipy",), "counting the messages of a run")
KERAS = Extra("keras", ("keras",), "compiling a Keras model")
PLOT = Extra("plot", ("matplotlib",), "plots")
DEMO = Extra("all", ("torch", "ncps", "matplotlib", "sklearn"), "the demo")
DASK = Extra("dask", ("distributed",), "sharing work among machines")
NIR = Extra("nir", ("nir",), "NIR graphs")
