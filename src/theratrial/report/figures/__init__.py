"""Figures of the report: values in, one matplotlib figure out; nothing is written here."""
