"""The clock of each participant of a trial: the same for the tables, the results and the images that are shared."""

from __future__ import annotations

from datetime import datetime

from theratrial.sharing.images.clocks import Clock
from theratrial.trialfolder.records import TrialFolder


def clocks_of(trial: TrialFolder) -> dict[str, Clock]:
    """Participant -> wall clock in the trial's time zone, not changed for a while after each of the administrations."""
    return {
        one: Clock(
            trial.zone,
            tuple(
                row["injected_at"]
                for row in trial.rows("administrations", participant_id=one)
                if isinstance(row["injected_at"], datetime)
            ),
        )
        for one in trial.participant_ids
    }
