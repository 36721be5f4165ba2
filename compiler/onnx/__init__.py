"""Integer and float graphs as ONNX: a model that any runtime executes to the same integers, and an executor of it.

A model has one node of the domain `ltc2neuro` for each op; what such a node computes stands in the model, too, as a
function of ONNX's own operators.
"""
