"""The page as PDF, where WeasyPrint and its pango are installed."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from theratrial.errors import InputError


def write_pdf(html: str, place: Path) -> str:
    """Write the PDF and return "", or why there is none.

    Only ``data:`` is fetched: a report never reaches for a network or another file.
    """
    try:
        content = pdf_bytes(html)
    except InputError as error:
        return str(error)
    place.write_bytes(content)
    return ""


def pdf_bytes(
    html: str,
    *,
    attached: Mapping[str, bytes] | None = None,
    variant: str | None = None,
    finisher: Callable[[Any, Any], None] | None = None,
) -> bytes:
    """The PDF of a page.

    Parameters
    ----------
    attached
        Files to carry inside, by name.
    variant
        ``pdf/ua-1`` and the like: which standard it keeps to.
    finisher
        Called with WeasyPrint's document and the PDF before the bytes are written.

    Raises
    ------
    InputError
        WeasyPrint or a library that it needs is not installed; says which.
    """
    html_class, fetcher, attachment = _weasyprint()
    files = [attachment(string=content, name=name, description=name) for name, content in (attached or {}).items()]
    # It reports style rules meant for browsers, which are no fault.
    logger = logging.getLogger("weasyprint")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    stated = os.environ.get("SOURCE_DATE_EPOCH")
    # fontTools writes the time into every subset of a font: the same page would never give the same bytes.
    os.environ["SOURCE_DATE_EPOCH"] = stated or "0"
    try:
        with _uncollected():
            page = html_class(string=html, url_fetcher=fetcher)
            made: bytes = page.write_pdf(attachments=files, pdf_variant=variant, finisher=finisher)
    finally:
        logger.setLevel(level)
        if stated is None:
            os.environ.pop("SOURCE_DATE_EPOCH", None)
    return made


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for garbage: laying out makes millions of boxes that live until its end, and searching them over and
    over takes a sixth of the time (and saves a tenth of the memory)."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _weasyprint() -> tuple[Any, Any, Any]:
    try:
        from weasyprint import HTML, Attachment
        from weasyprint.urls import URLFetcher
    except ImportError as error:
        raise InputError(f"WeasyPrint is not installed ({error})") from None
    except OSError:
        raise InputError(
            "the pango library is not installed (Debian: apt install libpango-1.0-0 libpangoft2-1.0-0)"
        ) from None
    return HTML, URLFetcher(allowed_protocols=["data"]), Attachment
