"""A model from the command line: `train.py:build` or `package.module:build`, called with `--arg name=value`."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import torch

from hw_models.errors import InputError, Ltc2NeuroError
from ltc2neuro.frontends.keras.files import MODEL, load_model, on_torch
from ltc2neuro.frontends.keras.model_argument import check_model, is_keras
from ltc2neuro.loading.weight_files import refuse_keras
from ltc2neuro.tracing.recording.source import raised_at

Literal: TypeAlias = "bool | int | float | str | list[Literal] | tuple[Literal, ...] | dict[str, Literal] | None"

EXAMPLE = "Write it as train.py:build or package.module:build; build() returns the model."

_WEIGHTS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors")


def build_model(factory: str, arguments: Iterable[str] = ()) -> torch.nn.Module:
    """Import `factory` and call it with `arguments` ("name=value", a value as Python writes it, or bare text).

    A `.keras` file is the model itself.

    Its folder, or the current one, stays on `sys.path`, as when Python runs the file. Raises `InputError`.
    """
    keywords = dict(map(parse_argument, arguments))
    place, colon, name = factory.rpartition(":")
    if Path(factory).suffix == MODEL:
        if keywords:
            raise InputError("--arg is for a factory", where=factory, advice="Leave it out: the file is the model.")
        return load_model(Path(factory))
    refuse_keras(Path(factory))
    on_torch()
    if not colon and Path(factory).suffix in _WEIGHTS:
        raise InputError(
            f"{factory!r} holds weights, which do not define the model: how it is wired, its mode and activations, the "
            "steps of its solver",
            advice=f"Name what builds it: ltc2neuro compile train.py:build --weights {factory} ...",
        )
    if not (place and colon and name):
        raise InputError(f"{factory!r} names no model", advice=EXAMPLE)
    module = _import_file(Path(place), factory) if place.endswith(".py") else _import_package(place, factory)
    found = getattr(module, name, None)
    if isinstance(found, torch.nn.Module) and not keywords:
        return found
    if not callable(found) or isinstance(found, torch.nn.Module):
        wrong = f"has no {name!r}" if found is None else f"{name!r} cannot be called with arguments"
        raise InputError(f"{place}: {wrong}", where=str(module.__file__), advice=EXAMPLE)
    try:
        model = found(**keywords)
    except Exception as error:  # the user's code may raise anything
        raise _failed(f"calling {name}({_listed(keywords)})", error, factory) from error
    if is_keras(model):
        check_model(model)
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"{name}() returned {type(model).__name__}, not a torch.nn.Module", where=factory)
    return model


def parse_argument(text: str) -> tuple[str, Literal]:
    """Name and value of "name=value".

    >>> parse_argument("units=19"), parse_argument("wiring=ncp"), parse_argument("sizes=(8, 2)")
    (('units', 19), ('wiring', 'ncp'), ('sizes', (8, 2)))
    """
    name, equals, value = text.partition("=")
    if not (name.isidentifier() and equals):
        raise InputError(f"{text!r} is not an argument", advice="Write --arg name=value, such as --arg units=19.")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _import_file(path: Path, factory: str) -> ModuleType:
    if not path.is_file():
        raise InputError("there is no such Python file", where=str(path), advice=EXAMPLE)
    sys.path.insert(0, str(path.resolve().parent))
    name = f"model_factory_{path.stem}"  # a name of its own: the file may be called as an installed package
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError("this file cannot be imported", where=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the user's code may raise anything
        raise _failed(f"importing {path}", error, factory) from error
    return module


def _import_package(name: str, factory: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except Exception as error:  # the user's code may raise anything
        raise _failed(f"importing {name}", error, factory) from error


def _failed(what: str, error: Exception, factory: str) -> InputError:
    where = str(raised_at(error) or factory)
    if isinstance(error, Ltc2NeuroError):  # such as a cell of ours that refuses its arguments
        return InputError(
            f"{what} failed: {error.what}", where=error.where or where, numbers=error.numbers, advice=error.advice
        )
    return InputError(f"{what} failed: {type(error).__name__}: {error}", where=where)


def _listed(keywords: dict[str, Literal]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in keywords.items())
