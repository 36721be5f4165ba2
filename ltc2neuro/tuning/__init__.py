"""Additive constants of an integer network, learned by distillation from its float network."""
