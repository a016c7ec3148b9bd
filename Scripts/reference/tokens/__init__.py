"""Tokenizers, and what the packages that are their origin make of mixed lines."""
