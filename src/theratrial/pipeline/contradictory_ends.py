"""Ends and later treatments that the records date before the treatment of the trial: they decide about the endpoint."""

from __future__ import annotations

from theratrial.errors import Problem
from theratrial.pipeline.intercurrent import deaths
from theratrial.trialfolder.records import TrialFolder


def contradictory_ends(folder: TrialFolder) -> list[Problem]:
    """Deaths before an injection, and treatments "after the trial's" that began before it."""
    therapy = folder.protocol.sessions.reading
    if therapy is None:
        return []
    problems = []
    for participant_id in folder.participant_ids:
        rows = folder.rows("administrations", participant_id=participant_id, product_id=therapy.product)
        injected = [
            (row["injected_at"].astimezone(folder.zone).date(), row)
            for row in sorted(rows, key=lambda row: row["injected_at"])
        ]
        if not injected:
            continue
        (first_on, first), (last_on, last) = injected[0], injected[-1]
        for on, said, record in deaths(folder, participant_id):
            if on < last_on:
                problems.append(
                    Problem(
                        record.removeprefix("record:").replace("#", " line "),
                        f"{participant_id} {said}, but was injected on {last_on} ({last.file} line {last.line})",
                        "correct the day of either",
                    )
                )
        problems += [
            Problem(
                f"{row.file} line {row.line}, column started_on",
                f"{row['agent']} began on {row['started_on']}, before the first injection of {participant_id} on "
                f"{first_on} ({first.file} line {first.line})",
                "correct the day, or move the line to records/prior_therapy.csv",
            )
            for row in folder.rows("later_therapy", participant_id=participant_id)
            if row["started_on"] < first_on
        ]
    return problems
