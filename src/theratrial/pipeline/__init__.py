"""The walk through the rooms below: trial folder -> results -> outputs; recompute and verify."""
