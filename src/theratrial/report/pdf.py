"""The page as PDF, where WeasyPrint and its pango are installed."""

from __future__ import annotations

import logging
from pathlib import Path


def write_pdf(html: str, place: Path) -> str:
    """Write the PDF and return "", or why there is none.

    Only ``data:`` is fetched: a report never reaches for a network or another file.
    """
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except ImportError as error:
        return f"WeasyPrint is not installed ({error})"
    except OSError:
        return "the pango library is not installed (Debian: apt install libpango-1.0-0 libpangoft2-1.0-0)"
    # It reports style rules meant for browsers, which are no fault.
    logger = logging.getLogger("weasyprint")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        HTML(string=html, url_fetcher=URLFetcher(allowed_protocols=["data"])).write_pdf(place)
    finally:
        logger.setLevel(level)
    return ""
