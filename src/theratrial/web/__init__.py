"""The shell: Django. Views fetch rows, build core values, call the core, store the result with its ledger entry."""
