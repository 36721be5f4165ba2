"""The integer graph as one C99 file, for microcontrollers, SpiNNaker 2's ARM cores and hosts."""
