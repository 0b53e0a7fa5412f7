"""Records, forms drawn from the protocol, queries, source verification, freeze and lock."""
