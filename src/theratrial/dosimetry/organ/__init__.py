"""Organ doses from S values: tables of a user's own, their linter, MIRD 21 sums, marrow, heart wall, walled organs."""
