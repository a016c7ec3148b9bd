"""Comparisons of the oracles with other programs, which write no fixture."""
