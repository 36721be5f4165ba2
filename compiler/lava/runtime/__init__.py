"""What Lava's processes and the runs of graphs stand on: the import, supervision, memory that processes share."""
