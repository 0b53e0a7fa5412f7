"""Recorded adverse events of one participant, each under the system organ class of its CTCAE term; odd ones noted."""

from __future__ import annotations

from theratrial.pipeline.expedited import is_fatal
from theratrial.results.values import AdverseEvent, Note
from theratrial.safety.adverse.consistency import event_problems
from theratrial.safety.adverse.terms import EVENT_TABLES, event_term
from theratrial.trace import Trace
from theratrial.trialfolder.records import Row, TrialFolder


def adverse_events(folder: TrialFolder, participant_id: str, notes: list[Note]) -> tuple[AdverseEvent, ...]:
    """Every recorded event, in the order of the file.

    What is odd about one (no CTCAE term, a grade the term does not have, days the wrong way round) is a note: a person
    corrects the record, nothing here does. A serious event's contradictions are noted with its listing.
    """
    found = []
    for row in folder.rows("adverse_events", participant_id=participant_id):
        odd = event_problems(row) if row["serious"] is False else ()
        place = f"adverse event {row['term']}, {row['started_on']}"
        notes += [Note(participant_id, "warning", place, text) for text in odd]
        found.append(_event(row))
    return tuple(found)


def _event(row: Row) -> AdverseEvent:
    version = row["ctcae_version"] or ""
    term = event_term(row["term"], version) if version in EVENT_TABLES else None
    inputs = {"record": row.source} | ({"term": term.source} if term is not None else {})
    return AdverseEvent(
        term=row["term"],
        grade=row["grade"],
        started_on=row["started_on"],
        ended_on=row["ended_on"],
        serious=bool(row["serious"]) or is_fatal(row),
        related=row["related"],
        ctcae_version=version,
        system_organ_class=term.system_organ_class if term is not None else "",
        ctcae_term=term.term if term is not None else "",
        outcome=row["outcome"] or "",
        seriousness=row["seriousness"] or "",
        action_taken=row["action_taken"] or "",
        trace=Trace("capture.adverse_event", "1", inputs),
    )
