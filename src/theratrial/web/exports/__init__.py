"""The trial folder, certified copies, the ledger as a file."""
