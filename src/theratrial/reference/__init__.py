"""Reads a printed table together with its passport; refuses one whose body is not what the passport says."""

from theratrial.reference.tables import Passport, Table, body_sha256, sealed, table, table_from_text

__all__ = ["Passport", "Table", "body_sha256", "sealed", "table", "table_from_text"]
