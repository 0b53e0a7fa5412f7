"""The page of the Iranian Registry of Clinical Trials, saved as text, HTML or PDF: read into a record."""
