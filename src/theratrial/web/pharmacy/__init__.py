"""Batches, release, calibrator readings, administrations: the activity ledger."""
