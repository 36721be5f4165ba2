"""What precision is worth: settings searched for the least cost that keeps what is asked for."""
