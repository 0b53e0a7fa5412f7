"""The protocol in force, open conflicts, the state of the data, the overview."""
