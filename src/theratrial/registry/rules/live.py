"""Rules on live."""
