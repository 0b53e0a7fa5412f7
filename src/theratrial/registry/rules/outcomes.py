"""Rules on outcomes."""
