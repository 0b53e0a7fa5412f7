"""Adverse events of everybody treated, as registries count them: by term, serious and other apart, and deaths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from theratrial.pipeline.expedited import is_fatal
from theratrial.pipeline.registry_words import follow_up_time
from theratrial.protocol.schema import Protocol
from theratrial.registry.results_reported import AdverseEventRow, AdverseEventsReported
from theratrial.results.values import ParticipantResult
from theratrial.safety.adverse.terms import EVENT_TABLES, event_term
from theratrial.trialfolder.records import Row, TrialFolder


def adverse_events(
    treated: Sequence[ParticipantResult], protocol: Protocol, folder: TrialFolder
) -> AdverseEventsReported:
    """Events of the treated, from consent on, whatever caused them; none is left out for being rare.

    An event of which nobody can read whether it was serious stands with the serious ones.
    """
    codes = {one.participant_id for one in treated}
    lines = [row for row in folder.tables["adverse_events"] if row["participant_id"] in codes]
    serious = {row["participant_id"] for row in lines if is_serious(row)}
    other = {row["participant_id"] for row in lines if not is_serious(row)}
    return AdverseEventsReported(
        time_frame=follow_up_time(protocol),
        at_risk=len(codes),
        deaths=deaths(treated, folder),
        serious_affected=len(serious),
        other_affected=len(other),
        frequency_threshold_percent=0.0,
        events=_rows(lines, len(codes)),
    )


def is_serious(row: Row) -> bool:
    """Whether an event is serious, or not known not to be; a fatal one is, whatever is recorded."""
    return row["serious"] is not False or is_fatal(row)


def deaths(treated: Iterable[ParticipantResult], folder: TrialFolder) -> int | None:
    """Treated participants who died, from any cause; None where of one of them nobody recorded how it ended.

    A death is one as disposition, as outcome of an adverse event, or as its grade 5.
    """
    died = 0
    for one in treated:
        ends = {row["event"] for row in folder.rows("dispositions", participant_id=one.participant_id)}
        lines = folder.rows("adverse_events", participant_id=one.participant_id)
        if "death" in ends or any(map(is_fatal, lines)):
            died += 1
        elif not ends:
            return None
    return died


def episodes(lines: Iterable[Row]) -> int:
    """How often it happened: lines of one participant that touch or overlap are one event that changed its grade."""
    spans = sorted((row["started_on"] or date.min, row["ended_on"] or date.max) for row in lines)
    count, until = 0, None
    for started, ended in spans:
        if until is None or started > until:
            count, until = count + 1, ended
        else:
            until = max(until, ended)
    return count


def organ_system(term: str, version: str) -> str:
    """System organ class of a term in its CTCAE version; empty where the version has no such term: none is guessed."""
    found = event_term(term, version) if version in EVENT_TABLES else None
    return found.system_organ_class if found is not None else ""


def _rows(lines: Iterable[Row], at_risk: int) -> tuple[AdverseEventRow, ...]:
    """One row per term, vocabulary and seriousness, the most frequent first; spelling in small or capital is one."""
    groups: dict[tuple[str, str, bool], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    terms: dict[str, str] = {}
    for row in lines:
        term = " ".join(row["term"].split())
        terms.setdefault(term.casefold(), term)
        groups[(term.casefold(), row["ctcae_version"], is_serious(row))][row["participant_id"]].append(row)
    rows = [
        AdverseEventRow(
            term=terms[term],
            vocabulary=f"CTCAE {version}",
            organ_system=organ_system(terms[term], version),
            serious=serious,
            affected=len(people),
            events=sum(episodes(of_one) for of_one in people.values()),
            at_risk=at_risk,
        )
        for (term, version, serious), people in groups.items()
    ]
    return tuple(sorted(rows, key=lambda row: (not row.serious, -row.affected, row.term, row.vocabulary)))
