"""When a criterion was judged: not before the newest of the records that its truth rests on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from theratrial.exchange.sdtm.context import Moment, SdtmContext, Subject
from theratrial.results.values import CriterionResult


def judged_at(context: SdtmContext, subject: Subject, criterion: CriterionResult) -> Moment | None:
    """The moment of the newest record that the criterion's trace names; never before the day of screening.

    A therapy years ago may decide a criterion; what it meant for the trial was judged when she was screened. None where
    it cannot be told which of several lines is meant: lines of a shared trial have no numbers.
    """
    moments: list[Moment] = [subject.row["screened_on"]]
    for source in criterion.trace.inputs.values():
        rows = context.lines(source, subject)
        if len(rows) > 1:
            return None
        moments += [row.moment for row in rows if row.moment is not None]
    return latest(moments)


def latest(moments: Sequence[Moment]) -> Moment:
    """The last of days and instants; of one day an instant, which says more."""
    return max(moments, key=_order)


def _order(moment: Moment) -> tuple[date, bool, str]:
    if isinstance(moment, datetime):
        return moment.date(), True, moment.isoformat()
    return moment, False, ""
