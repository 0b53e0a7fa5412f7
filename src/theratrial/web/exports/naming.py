"""What an export is called on the pages; the ledger keeps the names of its actions."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from theratrial.web.refusals import words


def failure_words(error: Exception) -> str:
    """Why something could not be made: a refusal in its own words, anything else as what it is."""
    known = words(error)
    if known is not None:
        return known[1]
    text = _("The program failed, which it should not: %(what)s. The log of the worker has the place.")
    return text % {"what": f"{type(error).__name__}: {error}"}


def package_words(kind: str) -> str:
    """What a package holds."""
    return {
        "copy": _("certified copy"),
        "odm": _("history as ODM"),
        "archive": _("inspector's archive"),
        "images": _("inspector's archive with the images"),
        "dicom": _("derived images"),
        "sdtm": _("tabulated data (SDTM)"),
        "adam": _("analysis data (ADaM)"),
    }.get(kind, kind)


def document_words(kind: str) -> str:
    """Which document of the trial it is."""
    return {
        "csr": _("Clinical study report"),
        "sap": _("Statistical analysis plan"),
        "safety": _("Data-safety report"),
        "m11": _("Protocol"),
    }.get(kind, kind)


def export_words(action: str, detail: dict[str, Any]) -> str:
    """What was exported, from the action in the ledger and what was noted with it."""
    kind = str(detail.get("kind", ""))
    if action == "export.certified-copy-request":
        return _("asked for: %(what)s") % {"what": package_words(kind or "copy")}
    if action == "export.certified-copy":
        return package_words(kind or "copy")
    if action == "export.archive":
        return package_words("images" if detail.get("images") else "archive")
    if action == "export.study-document":
        return document_words(kind)
    if action == "export.odm":
        return _("state as ODM %(version)s") % {"version": detail.get("odm", "")}
    if action == "export.shared-release":
        return _("release %(number)s of shared data") % {"number": detail.get("release", "")}
    return {
        "export.folder": _("trial folder"),
        "export.listing": _("listings"),
        "export.ledger": _("ledger"),
        "export.completeness": _("missing and late data"),
        "export.activity-ledger": _("activity ledger"),
        "export.registration": _("registration record"),
    }.get(action, action)
