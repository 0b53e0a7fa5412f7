"""The report as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from theratrial.report.document import report_sections
from theratrial.report.pdf import write_pdf
from theratrial.report.render import page, report_head
from theratrial.results.pictures import Pictures
from theratrial.results.values import TrialResult


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """What was written."""

    html: Path
    pdf: Path | None
    without_pdf_because: str
    """"" where there is a PDF."""


def write_report(result: TrialResult, pictures: Pictures, folder: Path) -> WrittenReport:
    """Write ``report.html``, ``figures/`` and, where it can be made, ``report.pdf`` into an existing folder.

    The same values give the same bytes of page and figures, on one machine and with the same versions of the libraries.
    """
    (folder / "figures").mkdir(exist_ok=True)
    html = page(report_head(result), report_sections(result, pictures))
    place = folder / "report.html"
    place.write_text(html, encoding="utf-8")
    because = write_pdf(html, folder / "report.pdf")
    return WrittenReport(place, None if because else folder / "report.pdf", because)
