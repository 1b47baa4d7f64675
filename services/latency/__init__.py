"""Measures how old, how even and how complete a stream of ours arrives."""
