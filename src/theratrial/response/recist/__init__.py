"""RECIST 1.1: from measured lesions to time-point response to best overall response (docs/methods/recist.md)."""
