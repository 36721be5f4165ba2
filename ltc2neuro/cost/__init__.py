"""What a network costs on its chip."""
