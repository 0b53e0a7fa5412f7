"""Designs of single-arm trials with a yes/no outcome, their operating characteristics, and inference after them."""
