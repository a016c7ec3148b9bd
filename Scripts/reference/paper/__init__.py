"""What Examples/paper must find on small models."""
