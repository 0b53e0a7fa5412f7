"""The moment at which eligibility is decided."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from theratrial.eligibility.sources import Records
from theratrial.errors import InputError
from theratrial.protocol.schema import Protocol


def eligibility_moment(
    protocol: Protocol, records: Records, participant_id: str, now: datetime
) -> tuple[datetime, str]:
    """When eligibility was or is decided, and by which line: ``record:...`` or ``now``.

    The first administration of the therapy product; of a participant never treated, the end of the day on which she
    was recorded as a screening failure; else `now`.

    Raises
    ------
    InputError
        The time of one of her treatments, or the day of her screening failure, is missing or cannot be read.
    """
    therapy = {key for key, clause in protocol.products.items() if clause.reading and clause.reading.role == "therapy"}
    given = [
        row
        for row in records.rows("administrations", participant_id=participant_id)
        if row.values["product_id"] in therapy
    ]
    failures = records.rows("dispositions", participant_id=participant_id, event="screen_failure")
    for row, column in [*((row, "injected_at") for row in given), *((row, "occurred_on") for row in failures)]:
        if row.values[column] is None:
            why = row.unreadable.get(column, "it is empty")
            raise InputError(
                f"{row.source}: {column} cannot be used ({why}), so it is not known when she was decided on"
            )
    if given:
        first = min(given, key=lambda row: row.values["injected_at"])
        return first.values["injected_at"], first.source
    if failures and protocol.identity.reading is not None:
        zone = ZoneInfo(protocol.identity.reading.timezone)
        day_after = failures[0].values["occurred_on"] + timedelta(days=1)
        return datetime.combine(day_after, time(), zone) - timedelta(microseconds=1), failures[0].source
    return now, "now"
