"""The trial as files: read, check, write. ``protocol.yaml``, ``registration.yaml``, ``records/*.csv``, ``images/``."""
