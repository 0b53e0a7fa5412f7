"""Rules on treatment."""
