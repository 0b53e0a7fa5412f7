"""Whether a serious event is a suspected unexpected reaction that goes to the authority within days, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Final, Literal

from theratrial.errors import InputError
from theratrial.safety.adverse.terms import as_written

ExpeditedVerdict = Literal["due", "not_due", "undetermined"]

_LIFE_GRADE: Final = 4


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Whether an event is owed within days, in which time, and why."""

    verdict: ExpeditedVerdict
    urgent: bool
    """Whether the short time holds: it was fatal or life-threatening, or nobody can say that it was not."""
    because: str


def suspicion(
    *, serious: bool | None, related: str | None, expected: Iterable[str | None], urgent: bool, urgent_because: str
) -> Suspicion:
    """Whether a serious event is a suspected (related) unexpected reaction.

    One answer that clears it (not related; expected) makes it not due. Whatever is not answered leaves it
    undetermined, which is counted as due: a report too many harms nobody.

    Parameters
    ----------
    serious, related
        As recorded; None or ``not_assessed``: not known.
    expected
        What each report says of expectedness (``yes``, ``no``, ``not_known``, empty).
    urgent, urgent_because
        From `urgency`.

    References
    ----------
    ICH E2A (1994), III A.

    Examples
    --------
    >>> suspicion(serious=True, related="related", expected=["no"], urgent=False, urgent_because="not fatal").verdict
    'due'
    """
    said = {one for one in expected if one in ("yes", "no")}
    if related == "not_related":
        return Suspicion("not_due", urgent, "not related to the treatment")
    if said == {"yes"}:
        return Suspicion("not_due", urgent, "expected by the reference safety information")
    doubts = []
    if serious is None:
        doubts.append("whether it is serious is not recorded")
    if related != "related":
        doubts.append("the relation to the treatment is not assessed")
    if not said:
        doubts.append("whether it was expected is not known")
    elif len(said) > 1:
        doubts.append("the reports disagree whether it was expected")
    if doubts:
        return Suspicion("undetermined", urgent, "; ".join((*doubts, "counted as due", urgent_because)))
    return Suspicion("due", urgent, "; ".join(("related and not expected", urgent_because)))


def urgency(
    *, fatal: bool, reasons: str, criteria: Sequence[str], urgent_criteria: Sequence[str], grade: int | None, text: str
) -> tuple[bool, str]:
    """(whether the short time holds, why): fatal, life-threatening, or nobody can say that it was neither.

    Parameters
    ----------
    fatal
        By grade 5 or outcome.
    reasons
        Why it is serious, in the protocol's words, separated by semicolons.
    criteria, urgent_criteria
        All of the protocol; those that mean death or danger to life.
    grade, text
        The grade and what CTCAE prints for it: grade 4 of many terms reads "Life-threatening consequences".
    """
    if fatal:
        return True, "fatal"
    given = {as_written(one) for one in reasons.split(";") if one.strip()}
    if not given:
        return True, "why it is serious is not recorded, so that danger to life is not excluded"
    if not given <= {as_written(one) for one in criteria}:
        return True, "a reason is no criterion of the protocol, so that danger to life is not excluded"
    if not urgent_criteria:
        return True, "the protocol does not say which criteria mean danger to life"
    if given & {as_written(one) for one in urgent_criteria}:
        return True, "fatal or life-threatening by its reason of seriousness"
    if grade == _LIFE_GRADE and "life-threatening" in text.casefold():
        return True, "grade 4 of this term is life-threatening"
    return False, "neither fatal nor life-threatening"


def end_of_day(aware: datetime, days: int, zone: tzinfo) -> datetime:
    """The last moment of the day that is `days` calendar days after the day of `aware` (day 0) in `zone`.

    Raises
    ------
    InputError
        If the moment has no time zone.

    Examples
    --------
    >>> from datetime import UTC
    >>> end_of_day(datetime(2024, 3, 1, 9, tzinfo=UTC), 7, UTC).isoformat(timespec="seconds")
    '2024-03-08T23:59:59+00:00'
    """
    if aware.tzinfo is None:
        raise InputError(f"{aware.isoformat()} has no time zone; a clock of days needs one")
    day = aware.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, time.max, tzinfo=zone)
