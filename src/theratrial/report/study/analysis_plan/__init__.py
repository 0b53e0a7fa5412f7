"""The statistical analysis plan, from the protocol alone."""
