"""CDISC ODM: the trial's metadata, every change of its records, and its state, out and back in.

See ``docs/methods/odm.md``. Pure: rows and changes go in, bytes come out; the site and the
command line fetch and write.
"""
