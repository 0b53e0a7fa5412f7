"""The data-safety report for a monitoring board, as of a date."""
