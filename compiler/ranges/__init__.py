"""What values can be: observed, real intervals, integer spans, and what is clipped."""
