"""DS: consents and eligibility as milestones, and how treatment and participation ended (SDTMIG 3.4, 6.2.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from theratrial.exchange.datasets.values import ASSIGNED, COLLECTED, DERIVED, Dataset, Method
from theratrial.exchange.sdtm.context import Death, SdtmContext, Subject
from theratrial.exchange.sdtm.judged import judged_at, latest
from theratrial.exchange.sdtm.observations import SUBJECT, Record, Supplement, observations
from theratrial.trialfolder.withdrawals import ENDS_VISITS, standing_withdrawals

ENDINGS: Final = {
    "completed": "COMPLETED",
    "gate_stop": "PROTOCOL-SPECIFIED WITHDRAWAL CRITERION MET",
    "withdrawal": "WITHDRAWAL BY SUBJECT",
    "progression": "PROGRESSIVE DISEASE",
    "death": "DEATH",
    "lost_to_follow_up": "LOST TO FOLLOW-UP",
    "screen_failure": "SCREEN FAILURE",
}
"""Event of `dispositions` -> term of CDISC's list of reasons (NCOMPLT)."""
_EVENT, _MILESTONE = "DISPOSITION EVENT", "PROTOCOL MILESTONE"
_TREATMENT, _PARTICIPATION = "STUDY TREATMENT", "STUDY PARTICIPATION"
_CONSENT: Final = "INFORMED CONSENT OBTAINED"
_ELIGIBLE: Final = "ELIGIBILITY CRITERIA MET"
_NOT_ELIGIBLE: Final = "ELIGIBILITY CRITERIA NOT MET"
_DECODED: Final = Method(
    "DSDECOD",
    "Standardized disposition term",
    "completed: COMPLETED; stopped by the gate: PROTOCOL-SPECIFIED WITHDRAWAL CRITERION MET; withdrawal: WITHDRAWAL BY "
    "SUBJECT; progression: PROGRESSIVE DISEASE; death: DEATH; lost: LOST TO FOLLOW-UP; not eligible: SCREEN FAILURE. "
    "Eligibility is the computed verdict over all criteria, with a positive selection image.",
)

_TOLD: Final = Method(
    "DSDTC",
    "Day of the news",
    "Only of a death whose day nobody recorded: the first contact by which the subject is known to have died.",
)
_STARTED: Final = Method(
    "DSSTDTC",
    "Start of the disposition event",
    "As recorded. Of a death: DM.DTHDTC, so cut to month or year, or empty, where the day was not recorded. Of "
    "eligibility: when the selection image was read, or the last record was made that a criterion was judged by.",
)
_UNKNOWN_DAY: Final = "Known to have died by the day in DSDTC; the day of death is not recorded"


def ds(context: SdtmContext) -> tuple[Dataset, ...]:
    """Disposition."""
    return observations(
        context,
        "DS",
        "Disposition",
        "DSTERM DSDECOD DSCAT DSSCAT EPOCH DSDTC DSDY DSSTDTC DSSTDY",
        (record for one in context.subjects for record in _records(context, one)),
        keys="DSSTDTC DSCAT DSSCAT DSDECOD DSTERM",
        structure="One record per disposition status or protocol milestone per subject",
        changes={
            "DSDECOD": {"origin": DERIVED, "method": _DECODED},
            "DSCAT": {"origin": ASSIGNED},
            "DSSCAT": {"origin": ASSIGNED},
            "DSDTC": {"method": _TOLD, "origin": DERIVED},
            "DSSTDTC": {"method": _STARTED, "origin": DERIVED},
        },
        supplements=(
            Supplement("DSREASON", "Reason as Recorded", COLLECTED),
            Supplement("CONSVERS", "Version of the Consent Form", COLLECTED),
            Supplement("DTHNOTE", "Note on the Day of Death", DERIVED),
        ),
    )


def _records(context: SdtmContext, subject: Subject) -> Iterator[Record]:
    yield from _consents(context, subject)
    yield from _eligibility(context, subject)
    yield from _endings(context, subject)


def _consents(context: SdtmContext, subject: Subject) -> Iterator[Record]:
    for row in context.folder.rows("consents", participant_id=subject.participant_id):
        if row["signed_at"] is not None:
            yield {
                SUBJECT: subject,
                "DSTERM": _CONSENT,
                "DSDECOD": _CONSENT,
                "DSCAT": _MILESTONE,
                "DSSTDTC": row["signed_at"],
                "CONSVERS": row["form_version"],
                "EPOCH": "SCREENING" if row["signed_at"] == subject.consented_at else None,
            }


def _eligibility(context: SdtmContext, subject: Subject) -> Iterator[Record]:
    result = subject.result
    if result is None or result.eligibility.verdict == "not known":
        return
    met = result.eligibility.verdict == "eligible" and result.selection.result == "positive"
    negative = result.eligibility.verdict == "not eligible" or result.selection.result == "negative"
    if not met and not negative:
        return
    term = _ELIGIBLE if met else _NOT_ELIGIBLE
    judged = [judged_at(context, subject, one) for one in result.eligibility.criteria]
    at = result.selection.read_at or latest([subject.row["screened_on"], *(one for one in judged if one is not None)])
    yield {SUBJECT: subject, "DSTERM": term, "DSDECOD": term, "DSCAT": _MILESTONE, "DSSTDTC": at, "EPOCH": "SCREENING"}


def _endings(context: SdtmContext, subject: Subject) -> Iterator[Record]:
    died = False
    ended = subject.ended
    if ended is not None:
        treated = bool(subject.sessions)
        died = ended["event"] == "death" and not treated
        yield _event(
            subject,
            ENDINGS[ended["event"]],
            ended["occurred_on"],
            _TREATMENT if treated else _PARTICIPATION,
            epoch="TREATMENT" if treated else "SCREENING",
            reason=ended["reason"] or "",
        )
    if subject.death is not None and not died:
        yield _died(context, subject, subject.death)
        return
    lost = context.folder.rows("dispositions", participant_id=subject.participant_id, event="lost_to_follow_up")
    for row in (one for one in lost if one is not ended):
        epoch = context.epoch(subject, row["occurred_on"])
        yield _event(subject, ENDINGS[row["event"]], row["occurred_on"], _PARTICIPATION, epoch=epoch)
        return
    for one in standing_withdrawals(context.folder, subject.participant_id):
        if one.kind in ENDS_VISITS and not subject.screen_failure:
            epoch = context.epoch(subject, one.withdrawn_at)
            yield _event(subject, "WITHDRAWAL BY SUBJECT", one.withdrawn_at, _PARTICIPATION, epoch=epoch)
            return


def _died(context: SdtmContext, subject: Subject, death: Death) -> Record:
    """Of who is only known to have died, day and epoch of the news: DSDTC, and no DSSTDTC beyond what is known."""
    epoch = context.epoch(subject, death.known_on)
    record = _event(subject, "DEATH", death.text or None, _PARTICIPATION, epoch=epoch)
    if death.on is not None:
        return record
    return {**record, "DSDTC": death.known_on, "DTHNOTE": _UNKNOWN_DAY}


def _event(subject: Subject, term: str, at: object, part: str, *, epoch: str | None, reason: str = "") -> Record:
    # SDTMIG asks that what is completed be said in that word; the recorded reason is kept beside it.
    said = reason if reason and term not in ("COMPLETED", "DEATH") else term
    return {
        SUBJECT: subject,
        "DSTERM": said,
        "DSDECOD": term,
        "DSCAT": _EVENT,
        "DSSCAT": part,
        "DSSTDTC": at,
        "EPOCH": epoch,
        "DSREASON": reason if reason and said != reason else None,
    }
