"""NIR, the Neuromorphic Intermediate Representation: graphs of neurons and synapses between simulators and chips.

J. E. Pedersen et al., "Neuromorphic intermediate representation: A unified instruction set for interoperable
brain-inspired computing", Nature Communications 15, 8122, 2024. Its equations are those of continuous time; here each
is a step of Euler.
"""
