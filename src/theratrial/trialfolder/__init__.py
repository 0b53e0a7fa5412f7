"""The trial as files: read, check, write. ``protocol.yaml``, ``registration.yaml``, ``records/*.csv``, ``images/``."""

from theratrial.trialfolder.reader import read_folder
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.trialfolder.writer import write_table

__all__ = ["Row", "TrialFolder", "read_folder", "write_table"]
