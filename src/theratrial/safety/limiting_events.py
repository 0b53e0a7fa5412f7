"""The line of adverse events of a definition of dose-limiting toxicity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from theratrial.protocol.plans.toxicity import LimitingEvents
from theratrial.safety.limiting_watch import LimitingVerdict, LineFinding, Watch

_NOT_RELATED: Final = "not_related"
_RELATED: Final = "related"


@dataclass(frozen=True, slots=True)
class LimitingEvent:
    """An adverse event as the definition looks at it; `grade` None where nobody graded it."""

    term: str
    grade: int | None
    ctcae_version: str
    started_on: date
    related: str
    record: str = ""


def events_line(rule: LimitingEvents, events: Sequence[LimitingEvent], version: str, watch: Watch) -> LineFinding:
    """Adverse events of the grade that began in the window and are not said to be unrelated."""
    name = f"adverse event of grade {rule.minimum_grade} or worse"
    excepted = {term.casefold() for term in rule.except_terms}
    inside = [
        one
        for one in events
        if one.term.casefold() not in excepted
        and one.related != _NOT_RELATED
        and watch.day(watch.injected_at) <= one.started_on <= watch.day(watch.closes_at)
    ]
    judged = [(one, *_event(one, rule.minimum_grade, version)) for one in inside]
    for wanted in ("yes", "undetermined"):
        of = [(one, said) for one, verdict, said in judged if verdict == wanted]
        if of:
            records = tuple(one.record for one, _ in of if one.record)
            on = min(one.started_on for one, _ in of) if wanted == "yes" else None
            because = "; ".join(said for _, said in of)
            if wanted == "undetermined" and watch.unfinished(watch.closes_at) is not None:
                return LineFinding(name, watch.session, "not_yet", because, records)
            return LineFinding(name, watch.session, "yes" if wanted == "yes" else "undetermined", because, records, on)
    records = tuple(one.record for one in inside if one.record)
    if (unfinished := watch.unfinished(watch.closes_at)) is not None:
        return LineFinding(name, watch.session, unfinished[0], f"{unfinished[1]}: none so far", records)
    because = f"none that counts among {len(events)} recorded"
    return LineFinding(name, watch.session, "no", because, records, watch.day(watch.closes_at))


def _event(one: LimitingEvent, minimum_grade: int, version: str) -> tuple[LimitingVerdict, str]:
    said = f"{one.term}, grade {one.grade if one.grade is not None else 'not recorded'}, from {one.started_on}"
    if one.grade == 5:
        return (
            ("yes", f"{said}: death") if one.related == _RELATED else ("undetermined", f"{said}: death, not assessed")
        )
    if one.grade is None:
        return "undetermined", said
    if one.ctcae_version and one.ctcae_version != version:
        return "undetermined", f"{said}: graded by CTCAE {one.ctcae_version}, the definition reads {version}"
    if one.grade < minimum_grade:
        return "no", said
    if one.related == _RELATED:
        return "yes", f"{said}, related"
    return "undetermined", f"{said}: its relation to the treatment not assessed"
