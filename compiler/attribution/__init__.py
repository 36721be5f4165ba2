"""Where the integers of a graph lose what, and runs of it in which chosen losses are lifted."""
