"""Small models of every architecture and quantization, and what transformers computes with them."""
