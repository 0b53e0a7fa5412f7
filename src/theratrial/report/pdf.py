"""The page as PDF, where WeasyPrint and its pango are installed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any


def _only_data(url: str, *_: Any, **__: Any) -> Any:
    """Fetches ``data:`` and nothing else: a report never reaches for a network or another file."""
    from weasyprint import default_url_fetcher

    if not url.startswith("data:"):
        raise ValueError("a report loads nothing from outside")
    return default_url_fetcher(url)


def write_pdf(html: str, place: Path) -> str:
    """Write the PDF and return "", or why there is none."""
    try:
        from weasyprint import HTML
    except ImportError:
        return "WeasyPrint is not installed"
    except OSError:
        return "the pango library is not installed (Debian: apt install libpango-1.0-0 libpangoft2-1.0-0)"
    # It reports style rules meant for browsers, which are no fault.
    logger = logging.getLogger("weasyprint")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        HTML(string=html, url_fetcher=_only_data).write_pdf(place)
    finally:
        logger.setLevel(level)
    return ""
