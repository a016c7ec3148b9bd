"""Facts, and what the commands for whole sets of them must give."""
