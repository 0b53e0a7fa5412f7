"""A participant's history, as the schedule needs it, out of the record tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from theratrial.errors import InputError
from theratrial.schedule.history import Administration, Ending, EndingKind, History, RecordedVisit, TakenImage
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.withdrawals import ENDS_SESSIONS, ENDS_VISITS, withdrawals


def participant_history(
    folder: TrialFolder, participant_id: str, *, images: Iterable[TakenImage] = (), endings: Iterable[Ending] = ()
) -> History:
    """What the records say of a participant.

    Parameters
    ----------
    images
        Images found among the DICOM files; the record tables do not know the instant of an image.
    endings
        Endings that were computed, a gate that says stop; those of ``dispositions.csv`` and the withdrawals are
        taken from the records. One rule for all rooms: withdrawal from treatment ends the sessions and leaves the
        follow-up due; withdrawal from follow-up or from everything ends both; withdrawal of the use of data neither.
        A consent signed later takes a withdrawal back.

    Raises
    ------
    InputError
        The participant is unknown.
    """
    screening = folder.rows("participants", participant_id=participant_id)
    if not screening:
        raise InputError(f"participant {participant_id!r} is not in participants.csv; check the id")
    return History(
        participant_id=participant_id,
        screened_on=screening[0]["screened_on"],
        administrations=tuple(
            Administration(row["product_id"], row["injected_at"], row["session"], row["timepoint"] or "", row.source)
            for row in folder.rows("administrations", participant_id=participant_id)
        ),
        visits=tuple(
            RecordedVisit(row["visit_id"], row["status"], row["session"], row["occurred_on"], row.source)
            for row in folder.rows("visits", participant_id=participant_id)
        ),
        images=tuple(images),
        endings=(*_recorded_endings(folder, participant_id), *endings),
    )


def _recorded_endings(folder: TrialFolder, participant_id: str) -> Iterable[Ending]:
    for row in folder.rows("dispositions", participant_id=participant_id):
        if row["event"] in get_args(EndingKind):
            yield Ending(row["event"], row["occurred_on"], row.source)
    for one in withdrawals(folder, participant_id):
        until = one.taken_back_at.date() if one.taken_back_at is not None else None
        if one.kind in ENDS_VISITS:
            yield Ending("withdrawal", one.withdrawn_at.date(), one.source, until)
        elif one.kind in ENDS_SESSIONS:
            yield Ending("treatment_withdrawal", one.withdrawn_at.date(), one.source, until)
