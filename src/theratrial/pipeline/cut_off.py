"""Until when the records of a trial folder speak."""

from __future__ import annotations

from datetime import date, datetime, time

from theratrial.errors import InputError
from theratrial.trialfolder.records import TrialFolder


def cut_off(folder: TrialFolder) -> datetime:
    """The latest instant that any record speaks of; a day counts to its end.

    Results are as of then: nothing reads the clock, and the same folder gives the same result tomorrow.

    Raises
    ------
    InputError
        No record has a date.
    """
    latest: datetime | None = None
    for name, rows in folder.tables.items():
        if name in ("batches", "calibrations", "recoveries"):
            continue  # an expiry or a calibration may lie in the future
        for row in rows:
            for value in row.values.values():
                at = _instant(value, folder)
                if at is not None and (latest is None or at > latest):
                    latest = at
    if latest is None:
        raise InputError(
            f"{folder.path}: no record has a date, so there is nothing to run yet -> fill in records/participants.csv "
            "and records/consents.csv first (docs/trial_folder.md)"
        )
    return latest


def _instant(value: object, folder: TrialFolder) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time(23, 59, 59), folder.zone)
    return None
