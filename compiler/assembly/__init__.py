"""A population's program as a listing of chip instructions."""
