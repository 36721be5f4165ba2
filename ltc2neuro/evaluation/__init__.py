"""Data sets larger than memory, on one machine or many: streamed, resumed, and the same however they are split."""
