"""Judging what has arrived: whose it is, where it belongs, and what is to be asked about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.utils.translation import gettext_noop as _

from theratrial.web.capture.models import Query
from theratrial.web.capture.queries import PENDING, system_query, system_query_resolved
from theratrial.web.capture.selectors import participant_rows
from theratrial.web.capture.services import LockedError
from theratrial.web.ledger.act import SystemActor, act
from theratrial.web.participants.models import Participant
from theratrial.web.studies.arrival_checks import PREFIX, Finding, findings
from theratrial.web.studies.belonging import Place, Reason, places
from theratrial.web.studies.models import Series

ARRIVAL_CHECKS: Final = SystemActor("arrival-checks")
_UNKNOWN: Final = Reason(
    "patient_unknown",
    "The PatientID in the header is no participant of this site.",
    _("Assign the series to its participant, register the person first, or set it aside."),
)


def judged(actor: Any, rows: Iterable[Series], *, check: bool = True) -> set[Participant]:
    """Give every row its participant and place, or its reasons; call inside an act.

    Returns
    -------
    Participants whose images were judged.
    """
    waiting = [row for row in rows if row.state != "set_aside"]
    codes = {row.patient_id for row in waiting if row.participant_id is None}
    people = {one.code: one for one in Participant.objects.filter(code__in=codes).select_related("site")}
    concerned: dict[int, Participant] = {}
    for row in waiting:
        if row.participant is None and (whose := _known(people.get(row.patient_id), row)) is not None:
            row.participant, row.site = whose, whose.site
            row.save()
        if row.participant is None:
            _saved(row, Place(reasons=(*_blocked(row), _UNKNOWN)))
        else:
            concerned[row.participant.pk] = row.participant
    for participant in concerned.values():
        participant_judged(actor, participant, check=check)
    return set(concerned.values())


def _known(participant: Participant | None, row: Series) -> Participant | None:
    """A participant of another site is as unknown as nobody: the answer must not tell who is treated elsewhere."""
    if participant is None or (row.site_id is not None and participant.site_id != row.site_id):
        return None
    return participant


def participant_judged(actor: Any, participant: Participant, *, check: bool = True) -> None:
    """Judge all series of a participant together, and bring her queries up to date; idempotent.

    Call it after a correction of an administration, a consent or a visit, too.
    """
    rows = list(participant_series(participant))
    with act(actor, "images.match"):
        free = [row for row in rows if row.settled_by or not row.header["blocking"]]
        folder = participant_rows(participant).folder
        found = places(folder, participant.code, free)
        for row in rows:
            _saved(row, found.get(str(row.pk)) or Place(reasons=_blocked(row)))
    if check:
        queries_brought_up_to_date(
            participant, findings(folder, participant, [r for r in rows if r.state == "matched"])
        )


def participant_series(participant: Participant) -> Sequence[Series]:
    """All series of a participant that count."""
    return list(
        Series.objects.filter(participant=participant)
        .exclude(state="set_aside")
        .select_related("participant", "site", "upload")
    )


def queries_brought_up_to_date(participant: Participant, found: Sequence[Finding]) -> None:
    """One pending query per finding; those whose cause is gone close themselves and say so."""
    try:
        with act(ARRIVAL_CHECKS, "images.check"):
            for one in found:
                system_query(
                    PREFIX + one.rule, one.text, subject=one.subject, participant=participant, actor=ARRIVAL_CHECKS
                )
            there = {(PREFIX + one.rule, one.subject) for one in found}
            pending = Query.objects.filter(
                participant=participant, kind="system", rule__startswith=PREFIX, state__in=PENDING
            ).values_list("rule", "subject")
            for rule, subject in list(pending):
                if (rule, subject) not in there:
                    system_query_resolved(
                        rule,
                        subject=subject,
                        participant=participant,
                        actor=ARRIVAL_CHECKS,
                        text="The images and records of now no longer give cause for this query.",
                    )
    except LockedError:
        # What is locked is not asked about any more; the images page still shows the finding.
        return


def _blocked(row: Series) -> tuple[Reason, ...]:
    return tuple(Reason(**one) for one in row.header["blocking"])


def _saved(row: Series, place: Place) -> None:
    state = "quarantined" if place.reasons else "matched"
    before = (row.imaging, row.session, row.part, row.state, row.because)
    because = [one.as_json() for one in place.reasons]
    if before == (place.imaging, place.session, place.part, state, because) and not row._state.adding:
        return
    row.imaging, row.session, row.part, row.state, row.because = (
        place.imaging,
        place.session,
        place.part,
        state,
        because,
    )
    row.save()


__all__ = [
    "ARRIVAL_CHECKS",
    "judged",
    "participant_judged",
    "participant_series",
    "queries_brought_up_to_date",
]
