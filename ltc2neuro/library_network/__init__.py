"""Networks without microcode: of the processes of Lava's library alone, as users see them."""
