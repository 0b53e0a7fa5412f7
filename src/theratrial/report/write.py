"""The report as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from theratrial.report.document import report_sections
from theratrial.report.dosimetry_page import write_dosimetry_pages
from theratrial.report.pdf import write_pdf
from theratrial.report.render import footline, page, report_head
from theratrial.report.studio import Studio
from theratrial.results.pictures import Pictures
from theratrial.results.values import TrialResult


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """What was written."""

    html: Path
    pdf: Path | None
    without_pdf_because: str
    """"" where there is a PDF."""
    dosimetry: tuple[Path, ...] = ()
    """The physicist's pages."""


def write_report(result: TrialResult, pictures: Pictures, folder: Path, *, pdf: bool = True) -> WrittenReport:
    """Write ``report.html``, ``figures/``, ``dosimetry/`` and, where it can be made, ``report.pdf``.

    Parameters
    ----------
    pdf
        Whether a PDF is wanted; it takes about as long as all the rest.

    Notes
    -----
    The same values give the same bytes of page and figures, on one machine and with the same versions of the libraries.
    """
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    sections = report_sections(result, pictures, Studio(figures, footline(result)))
    head = report_head(result)
    place = folder / "report.html"
    place.write_text(page(head, sections), encoding="utf-8")
    because = "not asked for"
    if pdf:
        because = write_pdf(page(head, sections, folded=False), folder / "report.pdf")
    pages = write_dosimetry_pages(result, pictures, folder)
    return WrittenReport(place, None if because else folder / "report.pdf", because, pages)
