"""Which adverse events the tables of every report count, and where each of them stands in the results."""

from __future__ import annotations

from theratrial.results.values import AdverseEvent, ParticipantResult, TrialResult
from theratrial.safety.adverse.counts import CountedEvent


def on_treatment(one: ParticipantResult, event: AdverseEvent) -> bool:
    """Whether it began on or after the day of the first session."""
    return bool(one.sessions) and event.started_on >= one.sessions[0].injected_at.date()


def event_place(one: ParticipantResult, index: int) -> str:
    """Where that event of a participant stands in the results."""
    return f"value:participants[{one.participant_id}].adverse_events[{index}]"


def counted_events(result: TrialResult) -> tuple[list[CountedEvent], dict[str, dict[str, str]]]:
    """Events from the first session on of everybody treated, and where those of each participant stand."""
    events: list[CountedEvent] = []
    places: dict[str, dict[str, str]] = {}
    for one in result.participants:
        for index, event in enumerate(one.adverse_events):
            if not one.treated or not on_treatment(one, event):
                continue
            counted = CountedEvent(
                participant_id=one.participant_id,
                term=event.ctcae_term or event.term,
                system_organ_class=event.system_organ_class,
                grade=event.grade,
                related=event.related == "related",
                serious=event.serious,
                action_taken=event.action_taken,
                fatal=event.outcome == "fatal",
            )
            events.append(counted)
            places.setdefault(one.participant_id, {})[f"{one.participant_id} {index}"] = event_place(one, index)
    return events, places
