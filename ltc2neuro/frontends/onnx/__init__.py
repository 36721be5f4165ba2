"""The frontend for ONNX models: a step with its states, or a graph over whole sequences."""
