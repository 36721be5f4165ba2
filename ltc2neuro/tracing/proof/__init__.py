"""The proof that a recorded graph computes what torch computes."""
