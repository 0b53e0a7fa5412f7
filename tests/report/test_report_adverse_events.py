"""The report counts people by their adverse events, says of how many, and lists serious events with their clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import report_example

from theratrial.report.blocks import Table, Text
from theratrial.report.sections.adverse_events import class_table, not_counted, overview_table, serious_blocks
from theratrial.report.traces import TraceBook
from theratrial.results.toxicity import ParticipantToxicity, SeriousEvent, SeriousReport
from theratrial.results.values import AdverseEvent, TrialResult
from theratrial.trace import Trace

TRACE = Trace("test", "1", {"record": "record:records/adverse_events.csv#2"})


def with_events() -> TrialResult:
    """The example with events of the first two treated participants, by the day of their first session."""
    result = report_example.ordinary()
    people = list(result.participants)
    treated = [n for n, one in enumerate(people) if one.treated][:2]

    def event(n: int, term: str, grade: int, days: int, *, serious: bool = False) -> AdverseEvent:
        first = people[n].sessions[0].injected_at.date()
        return AdverseEvent(
            term, grade, first + timedelta(days=days), None, serious, "related",
            ctcae_version="5.0", system_organ_class="Gastrointestinal disorders", ctcae_term=term, trace=TRACE,
        )  # fmt: skip

    first, second = treated
    mine = (event(first, "Nausea", 1, 2), event(first, "Nausea", 3, 5, serious=True), event(first, "Nausea", 2, -9))
    people[first] = replace(people[first], adverse_events=mine)
    people[second] = replace(people[second], adverse_events=(event(second, "Vomiting", 2, 0),))
    others = [replace(one, adverse_events=()) if n not in treated else one for n, one in enumerate(people)]
    return replace(result, participants=tuple(others))


def rows(table: Table) -> dict[str, list[str]]:
    return {row[0].text.strip(): [cell.text for cell in row[1:]] for row in table.rows}


def test_each_participant_is_counted_once_by_the_worst_grade_of_those_treated() -> None:
    result = with_events()
    treated = sum(one.treated for one in result.participants)
    table = class_table(result, TraceBook())
    share = f"({100 / treated:.0f} %)"
    assert rows(table)["Nausea"] == [f"1 {share}", "0", "0", "1", "0", "0", "1", "1", "1"]
    assert rows(table)["Gastrointestinal disorders"][0].startswith("2 (")
    assert f"n = {treated} participants" in table.note


def test_the_overview_counts_people_and_events_apart() -> None:
    found = rows(overview_table(with_events(), TraceBook()))
    assert [found["Any adverse event"][0][0], found["Any adverse event"][1]] == ["2", "3"]
    assert found["Serious"][1] == "1"
    assert found["Fatal (grade 5, or with fatal outcome)"] == ["0", "0"]


def test_what_began_before_the_first_session_is_named_and_not_counted() -> None:
    assert "1 event" in not_counted(with_events())
    assert "before the first session" in not_counted(with_events())


def test_every_count_has_a_trace_to_the_events_it_was_counted_from() -> None:
    book = TraceBook()
    class_table(with_events(), book)
    inputs = [row[3].text for row in book.table().rows]
    assert inputs
    assert all("adverse_events[" in one for one in inputs)


def test_serious_events_are_listed_with_their_clocks_and_the_overdue_ones_first_said() -> None:
    result = with_events()
    overdue = SeriousReport("initial", "sponsor", None, None, None, "overdue", "not sent; overdue by 2 h", TRACE)
    one = SeriousEvent(
        "Nausea", "Gastrointestinal disorders", "5.0", 3, date(2024, 3, 1), None, 4, 1, "", "related", "", "", "", "",
        "",
        (overdue,), ("no reason of seriousness is recorded",), TRACE,
    )  # fmt: skip
    people = list(result.participants)
    people[0] = replace(people[0], toxicity=ParticipantToxicity(serious=(one,)))
    blocks = serious_blocks(replace(result, participants=tuple(people)), TraceBook())
    said = [block for block in blocks if isinstance(block, Text)]
    assert said[0].tone == "stop"
    assert "1 of them overdue" in said[0].text
    tables = [block for block in blocks if isinstance(block, Table)]
    assert [row[-1].text for row in tables[0].rows] == ["no reason of seriousness is recorded"]
    assert tables[1].rows[0][-1].below == "not sent; overdue by 2 h"


def test_without_a_serious_event_that_is_said() -> None:
    people = tuple(replace(one, toxicity=ParticipantToxicity()) for one in with_events().participants)
    blocks = serious_blocks(replace(with_events(), participants=people), TraceBook())
    assert isinstance(blocks[-1], Text)
    assert blocks[-1].text == "No serious adverse event is recorded."
