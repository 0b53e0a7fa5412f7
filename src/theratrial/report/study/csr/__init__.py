"""The clinical study report in the order of ICH E3 (30 November 1995)."""
