"""How a model is called in torch: its copies, the order of its axes, and the shape of its answer."""
