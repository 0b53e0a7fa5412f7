"""Data sets as regulators take them: the values, and Dataset-JSON 1.1, XPT version 5 and Define-XML 2.1 of them."""
