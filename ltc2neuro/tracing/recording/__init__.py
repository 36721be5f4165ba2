"""Recording: symbolic tensors, the labels of their elements, and the recorder whose graph grows as a model runs."""
