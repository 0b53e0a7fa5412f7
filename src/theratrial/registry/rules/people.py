"""Rules on people."""
