"""The assignment of an image by hand as a record: so the trial folder carries it, and the pipeline uses it."""

from __future__ import annotations

from typing import Any, Final

from django.utils import timezone

from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_change, record_create, record_entered_in_error
from theratrial.web.studies.models import Series
from theratrial.web.trials.selectors import trial_zone

TABLE: Final = "image_assignments"


def assignment_recorded(actor: Any, row: Series, *, reason: str) -> Record | None:
    """The line of a series as it is settled now: made, changed, or taken out where it is no assigned image any more.

    Inside the act that settles the series. CT and regions follow their image by their frame of reference.
    """
    known = Record.objects.filter(
        table=TABLE, entered_in_error=False, cells__series_instance_uid=row.series_instance_uid
    ).select_related("participant")
    wanted = row.state == "matched" and row.part == "image" and row.participant is not None
    kept = None
    for one in known:
        if wanted and kept is None and one.participant_id == row.participant_id:
            kept = one
        else:
            record_entered_in_error(actor, one, seen_version=one.version, reason=reason)
    if not wanted:
        return None
    cells = {
        "series_instance_uid": row.series_instance_uid,
        "imaging_id": row.imaging,
        "session": "" if row.session is None else str(row.session),
        "assigned_at": timezone.now().astimezone(trial_zone()).isoformat(timespec="seconds"),
        "assigned_by": row.settled_by,
        "reason": reason,
    }
    if kept is not None:
        return record_change(actor, kept, cells, seen_version=kept.version, reason=reason, action="images.assign")
    return record_create(actor, TABLE, cells, participant=row.participant, session=row.session, action="images.assign")
