"""The core's English sentences in Persian: a table of templates and how a sentence finds its own (decision 0012)."""
