"""The Llama family in numpy and float64, and where results go."""
