"""The rules of the check, a module for each kind: what a record must have, how its dates stand, what its words say."""
