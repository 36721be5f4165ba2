"""What users hand in: arrays, how they lie, and other arguments, checked."""
