"""A registration record for people: the registry's page, a PDF, and the sheet to paste into the registry's form."""
