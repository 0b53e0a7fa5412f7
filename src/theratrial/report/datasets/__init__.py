"""Data sets of a submission as pages for people: their definitions, and the reviewer's guide."""
