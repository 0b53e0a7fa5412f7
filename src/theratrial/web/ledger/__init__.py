"""Every change of every clinical fact: append-only, hash-chained, signed; knows no other app."""
