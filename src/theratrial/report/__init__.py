"""A trial's values as a document for people: one page, its figures, and a PDF."""

from theratrial.report.dosimetry_page import write_dosimetry_pdfs
from theratrial.report.write import WrittenReport, write_report

__all__ = ["WrittenReport", "write_dosimetry_pdfs", "write_report"]
