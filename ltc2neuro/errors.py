"""Every error of the project, under the name that users import: `ltc2neuro.errors`."""

from hw_models.errors import (
    ArtifactError,
    AssemblyError,
    ChipError,
    GraphError,
    InputError,
    LavaError,
    Ltc2NeuroError,
    MissingExtraError,
    PlacementError,
    ProofError,
    QuantizeError,
    TraceError,
    WeightsError,
    WorkerError,
)

__all__ = [
    "ArtifactError",
    "AssemblyError",
    "ChipError",
    "GraphError",
    "InputError",
    "LavaError",
    "Ltc2NeuroError",
    "MissingExtraError",
    "PlacementError",
    "ProofError",
    "QuantizeError",
    "TraceError",
    "WeightsError",
    "WorkerError",
]
