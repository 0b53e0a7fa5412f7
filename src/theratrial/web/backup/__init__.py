"""Backup, restoring and moving of a site: the database as lines that either database takes back, and its files."""
