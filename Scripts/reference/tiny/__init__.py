"""Tiny random Llamas, and what the oracle computes with them and with the default model."""
