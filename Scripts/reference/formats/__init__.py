"""Blocks and numbers of every tensor type."""
