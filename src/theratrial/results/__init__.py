"""What the trial knows after a run: one tree of plain values, its JSON, and the first difference between two."""
