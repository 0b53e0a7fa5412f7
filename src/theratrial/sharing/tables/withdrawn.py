"""Which lines of nobody's own are of somebody who withdrew the use of her data all the same."""

from __future__ import annotations

from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.trialfolder.withdrawals import data_use_withdrawn


def of_withdrawn_alone(row: Row, trial: TrialFolder) -> bool:
    """Whether a line is that of a batch given to nobody but participants who withdrew."""
    if row.table != "batches":
        return False
    given = {str(one["participant_id"]) for one in trial.rows("administrations", batch_id=row["batch_id"])}
    return bool(given) and all(data_use_withdrawn(trial, one) for one in given)
