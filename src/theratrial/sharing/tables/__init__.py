"""The tables of a trial folder without identity, with their risk and their data dictionary."""
