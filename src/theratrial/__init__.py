"""theratrial runs a radiopharmaceutical-therapy trial from its registration record to its registered result."""

__version__ = "0.1.0"
