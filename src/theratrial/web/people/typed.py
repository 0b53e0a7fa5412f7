"""What people type into this app's forms."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.forms.moments import typed_date
from theratrial.trialfolder.moments import CellProblem
from theratrial.web.sentences.shown import said_plain


def day_typed(text: str, what: str) -> date:
    """The day, typed in either calendar.

    Raises
    ------
    InputError
        It is missing or no date.
    """
    if not text.strip():
        raise InputError(_("%(what)s: give the day, as 2022-03-05 or 1400/12/14.") % {"what": what})
    try:
        return typed_date(text).value
    except CellProblem as problem:
        # Apart: as one text the remedy would be taken for a part of the message.
        parts = [said_plain(one) for one in (problem.message, problem.remedy) if one]
        between = _("; ")
        raise InputError(f"{what}: {between.join(parts)}") from None


def day_typed_or_none(text: str, what: str) -> date | None:
    """The day, or None where nothing was typed."""
    return day_typed(text, what) if text.strip() else None
