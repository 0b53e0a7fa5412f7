"""The trial as data: verbatim text, machine reading and decision of every clause; expressions; conflicts."""
