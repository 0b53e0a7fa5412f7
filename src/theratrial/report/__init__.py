"""A trial's values as a document for people: one page, its figures, and a PDF; the registration record as pages."""
