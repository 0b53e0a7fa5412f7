"""Rules on required."""
