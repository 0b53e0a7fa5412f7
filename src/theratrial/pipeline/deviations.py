"""Deviations from the protocol that the records tell of: noted in the results, no reason to stop computing them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from theratrial.pipeline.matching import PlannedImage
from theratrial.protocol.schema import Sessions
from theratrial.results.values import EligibilityText, Note
from theratrial.safety.pregnancy import pregnancy_test_needed
from theratrial.schedule.history import History, TakenImage
from theratrial.schedule.sessions import planned_sessions
from theratrial.schedule.visits import planned_visits
from theratrial.trialfolder.histories import participant_history
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.trialfolder.withdrawals import ENDS_DATA_USE, ENDS_SESSIONS, standing_withdrawals, withdrawals


def history(folder: TrialFolder, participant_id: str, images: Sequence[PlannedImage] = ()) -> History:
    """What the schedule needs to know of a participant."""
    taken = tuple(
        TakenImage(one.plan.id, one.acquired_at, one.session)
        for one in images
        if one.series is not None and one.acquired_at is not None
    )
    return participant_history(folder, participant_id, images=taken)


def deviations(
    folder: TrialFolder, participant_id: str, *, eligible: EligibilityText, past: History, now: datetime
) -> tuple[tuple[Note, ...], int]:
    """Every deviation of one participant that the records tell of, and how many of them are major.

    Major is what may hurt a person or the trial's answer: here an injection without a negative pregnancy test.

    Parameters
    ----------
    eligible
        Whether the participant was eligible at the moment of judgement.
    past
        As `history` gives it.
    now
        The moment the results are as of.
    """
    therapy = folder.protocol.sessions.reading
    if therapy is None:
        return (), 0
    rows = sorted(folder.rows("administrations", participant_id=participant_id), key=lambda row: row["injected_at"])
    major = [message for row in rows for message in _pregnancy(folder, row)]
    found = [
        *major,
        *(message for row in rows for message in _consent(folder, row)),
        *_data_use(folder, participant_id),
        *(message for row in rows for message in _batch(folder, row)),
        *_first_therapy(folder, participant_id, rows, therapy, eligible),
        *_intervals(folder, therapy, past, now),
        *_visits(folder, past, now),
    ]
    return tuple(Note(participant_id, "deviation", place, message) for place, message in found), len(major)


_Found = Iterator[tuple[str, str]]


def _place(row: Row) -> str:
    what = f"session {row['session']}" if row["session"] is not None else row["timepoint"] or row["product_id"]
    return f"{what}, {row.file} line {row.line}"


def _clock(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="minutes")


def _consent(folder: TrialFolder, row: Row) -> _Found:
    consents = folder.rows("consents", participant_id=row["participant_id"])
    first = min((one["signed_at"] for one in consents), default=None)
    if first is None:
        yield _place(row), f"{row['product_id']} was injected, but no consent is recorded"
    elif row["injected_at"] < first:
        yield (
            _place(row),
            f"{row['product_id']} was injected at {_clock(row['injected_at'])}, before the consent of {_clock(first)}",
        )
    for one in withdrawals(folder, row["participant_id"]):
        if one.kind in ENDS_SESSIONS and one.stands(row["injected_at"]):
            yield (
                _place(row),
                f"{row['product_id']} was injected at {_clock(row['injected_at'])}, after consent was withdrawn on "
                f"{_clock(one.withdrawn_at)}",
            )


def _data_use(folder: TrialFolder, participant_id: str) -> _Found:
    for one in standing_withdrawals(folder, participant_id):
        if one.kind in ENDS_DATA_USE:
            yield (
                one.source.removeprefix("record:").replace("#", " line "),
                f"consent to the use of the data was withdrawn on {_clock(one.withdrawn_at)}: whether what was "
                "recorded before may be analysed is to be decided by people",
            )


def _pregnancy(folder: TrialFolder, row: Row) -> _Found:
    """An injection without a negative pregnancy test, where the protocol asks for one."""
    person = folder.rows("participants", participant_id=row["participant_id"])[0]
    asked = pregnancy_test_needed(folder.protocol, row["product_id"], person["sex"])
    if not asked or row["pregnancy_test"] in ("negative", "not_applicable"):
        return
    said = {None: "not recorded", "not_done": "not done", "positive": "positive"}[row["pregnancy_test"]]
    yield _place(row), f"{row['product_id']} was injected although the pregnancy test is {said}"


def _batch(folder: TrialFolder, row: Row) -> _Found:
    batch = folder.rows("batches", batch_id=row["batch_id"])[0]
    name, at = f"batch {batch['batch_id']} ({batch.file} line {batch.line})", row["injected_at"]
    if not batch["released"]:
        yield _place(row), f"{name} was injected although it was not released"
    elif batch["released_at"] is not None and at < batch["released_at"]:
        yield _place(row), f"{name} was injected at {_clock(at)}, before its release at {_clock(batch['released_at'])}"
    if at > batch["expires_at"]:
        yield _place(row), f"{name} was injected at {_clock(at)}, after it expired at {_clock(batch['expires_at'])}"
    clause = folder.protocol.products.get(batch["product_id"])
    product = clause.reading if clause is not None else None
    least = product.minimum_radiochemical_purity_percent if product is not None else None
    purity = batch["radiochemical_purity_percent"]
    if least is None:
        return
    if purity is None:
        yield _place(row), f"{name}: its radiochemical purity is not recorded; the protocol asks for {least:g} %"
    elif purity < least:
        yield _place(row), f"{name} has a radiochemical purity of {purity:g} %; the protocol asks for {least:g} %"


def _first_therapy(
    folder: TrialFolder, participant_id: str, rows: Sequence[Row], therapy: Sessions, eligible: EligibilityText
) -> _Found:
    first = next((row for row in rows if row["product_id"] == therapy.product), None)
    if first is None:
        return
    if eligible != "eligible":
        said = "not eligible" if eligible == "not eligible" else "eligibility is not known"
        yield _place(first), f"treated although {said}"
    if folder.protocol.selection_read is None:
        return
    reads = folder.rows("selection_reads", participant_id=participant_id)
    if not any(read["read_at"] <= first["injected_at"] for read in reads):
        when = "no read of it is recorded" if not reads else "it was read only afterwards"
        yield _place(first), f"treated before the selection image was read: {when}"


def _intervals(folder: TrialFolder, therapy: Sessions, past: History, now: datetime) -> _Found:
    window = therapy.interval_days
    for session in planned_sessions(folder.protocol, past, now):
        if session.given_on is None:
            continue
        if session.session > therapy.maximum_sessions:
            yield (
                f"session {session.session}",
                f"session {session.session} was given; the protocol allows {therapy.maximum_sessions}",
            )
        if session.days_outside:
            yield (
                f"session {session.session}",
                f"given on {session.given_on}, {_days(session.days_outside)} the protocol's {window.minimum:g} to "
                f"{window.maximum:g} days after the session before ({session.earliest} to {session.latest})",
            )


def _visits(folder: TrialFolder, past: History, now: datetime) -> _Found:
    for visit in planned_visits(folder.protocol, past, now):
        clause = folder.protocol.schedule[visit.visit_id]
        title = clause.reading.title if clause.reading is not None else visit.visit_id
        place = visit.visit_id if visit.session is None else f"session {visit.session}, {visit.visit_id}"
        if visit.days_outside:
            yield (
                place,
                f"{title}: held on {visit.occurred_on}, {_days(visit.days_outside)} its window "
                f"({visit.earliest} to {visit.latest})",
            )
        elif visit.status == "missed":
            yield place, f"{title}: missed"
        elif visit.status == "overdue":
            yield place, f"{title}: nothing is recorded, and its window ended on {visit.latest}"


def _days(outside: int) -> str:
    count = abs(outside)
    return f"{count} day{'' if count == 1 else 's'} {'before' if outside < 0 else 'after'}"
