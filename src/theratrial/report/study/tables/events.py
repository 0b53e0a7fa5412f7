"""Adverse events: by class, term and grade; by participant; serious ones with their clocks; deaths."""

from __future__ import annotations

from collections.abc import Iterator

from theratrial.report.blocks import Cell, Text
from theratrial.report.counted_events import counted_events, event_place, on_treatment
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import Desk
from theratrial.report.study.parts import table, table_or
from theratrial.report.study.tables.counting import counted_cell, record_cell
from theratrial.results.values import AdverseEvent, ParticipantResult
from theratrial.safety.adverse.counts import NO_CLASS, GradeCounts, class_counts, overview_counts

_GRADES = (1, 2, 3, 4, 5)


def _all_events(desk: Desk) -> list[tuple[ParticipantResult, int, AdverseEvent]]:
    return [(one, index, event) for one in desk.result.participants for index, event in enumerate(one.adverse_events)]


def _first_cell(desk: Desk, one: ParticipantResult, index: int, event: AdverseEvent) -> Cell:
    if event.trace is not None:
        return Cell(one.participant_id, anchor=desk.book.anchor(event.trace))
    return record_cell(desk.book, one.participant_id, event_place(one, index))


def _people_cell(desk: Desk, people: frozenset[str], places: dict[str, dict[str, str]], *, of: int = 0) -> Cell:
    if not people:
        return Cell("–")
    sources = {name: place for who in sorted(people) for name, place in places[who].items()}
    return counted_cell(desk.book, len(people), sources, of=of)


def severe_and_serious(desk: Desk) -> tuple[GradeCounts, GradeCounts]:
    """Participants with an event of grade 3 or worse, and with a serious one; as the tables count them."""
    lines = {line.name: line for line in overview_counts(counted_events(desk.result)[0])}
    return lines["Grade 3 or worse"], lines["Serious"]


def overview_table(desk: Desk) -> Block:
    """How many participants had any event, a related, severe, serious or fatal one, one that ended treatment."""
    voice = desk.voice
    events, places = counted_events(desk.result)
    rows = []
    for line in overview_counts(events):
        every = {name: place for who in sorted(line.participants) for name, place in places[who].items()}
        many = counted_cell(desk.book, line.events, every) if line.events else Cell("–")
        rows.append(
            (
                Cell(voice.word(line.name)),
                _people_cell(desk, line.participants, places, of=len(desk.treated)),
                many,
            )
        )
    head = ("", voice("Participants"), voice("Events"))
    note = voice(
        "Treated participants, n = {n}; each once per line. Events that began on or after the day of the first "
        "session.",
        n=len(desk.treated),
    )
    return table(voice("Overview of adverse events"), head, rows, note=note, style="narrow short")


def not_counted(desk: Desk) -> tuple[Block, ...]:
    """How many events the tables of counts leave out; nothing where they leave out none."""
    voice, result = desk.voice, desk.result
    before = [one for one in desk.treated for event in one.adverse_events if not on_treatment(one, event)]
    untreated = [one for one in result.participants if not one.treated for _ in one.adverse_events]
    found: list[Block] = []
    if before:
        said = voice(
            "Listed but not counted: {n} events of {who} that began before the first session.",
            n=len(before),
            who=voice.listed(dict.fromkeys(one.participant_id for one in before)),
        )
        found.append(Text(said, "quiet"))
    if untreated:
        said = voice(
            "Listed but not counted: {n} events of {who}, not treated.",
            n=len(untreated),
            who=voice.listed(dict.fromkeys(one.participant_id for one in untreated)),
        )
        found.append(Text(said, "quiet"))
    return tuple(found)


def grade_table(desk: Desk) -> Block:
    """Participants by system organ class, term and worst grade."""
    voice = desk.voice
    events, places = counted_events(desk.result)
    rows: list[tuple[Cell, ...]] = []
    for group in class_counts(events):
        name = voice("not a CTCAE term") if group.total.name == NO_CLASS else voice.core(group.total.name)
        rows.append((Cell(name, style="group"), *_counts(desk, group.total, places)))
        rows += [(Cell(f"\u2003{voice.core(line.name)}"), *_counts(desk, line, places)) for line in group.terms]
    head = [
        voice("System organ class and term"),
        voice("Any grade"),
        *(voice("Grade {n}", n=grade) for grade in _GRADES),
        voice("Related"),
        voice("Serious"),
    ]
    note = voice(
        "Participants, not events: each once per line, by the worst grade, so terms do not add up to their class. "
        "Terms and classes of CTCAE; no other dictionary is used."
    )
    return table_or(voice, voice("Adverse events by system organ class, term and worst grade"), head, rows, note=note)


def _counts(desk: Desk, line: GradeCounts, places: dict[str, dict[str, str]]) -> tuple[Cell, ...]:
    return (
        _people_cell(desk, line.participants, places, of=len(desk.treated)),
        *(_people_cell(desk, line.worst[grade], places) for grade in _GRADES),
        _people_cell(desk, line.related, places),
        _people_cell(desk, line.serious, places),
    )


def listing(desk: Desk) -> Block:
    """Every adverse event of every participant."""
    voice = desk.voice
    rows = [
        (
            _first_cell(desk, one, index, event),
            Cell(voice.core(event.term)),
            Cell(str(event.grade)),
            Cell(voice.short_day(event.started_on)),
            Cell(voice.short_day(event.ended_on) if event.ended_on else voice("ongoing")),
            Cell(_since_session(desk, one, event)),
            Cell(voice("yes") if event.serious else voice("no")),
            Cell(voice.word(event.related)),
        )
        for one, index, event in _all_events(desk)
    ]
    head = ("Participant", "Term", "Grade", "First day", "Last day", "Session (days after)", "Serious", "Relation")
    return table_or(voice, voice("Adverse events by participant"), [voice(one) for one in head], rows)


def _since_session(desk: Desk, one: ParticipantResult, event: AdverseEvent) -> str:
    before = [session for session in one.sessions if session.injected_at.date() <= event.started_on]
    if not before:
        return desk.voice("before the first")
    days = (event.started_on - before[-1].injected_at.date()).days
    return f"{before[-1].session} ({days})"


def serious_listing(desk: Desk) -> Block:
    """Serious adverse events with what is known of each."""
    voice = desk.voice
    rows = []
    for one in desk.result.participants:
        for event in one.toxicity.serious:
            timing = "–"
            if event.session is not None and event.days_after_last_session is not None:
                timing = f"{event.session} ({event.days_after_last_session})"
            rows.append(
                (
                    Cell(one.participant_id, anchor=desk.book.anchor(event.trace)),
                    Cell(voice.core(event.term), below=voice.core(event.system_organ_class)),
                    Cell(str(event.grade) if event.grade is not None else "–"),
                    Cell(voice.short_day(event.started_on)),
                    Cell(voice.short_day(event.ended_on) if event.ended_on else voice("ongoing")),
                    Cell(timing),
                    Cell(voice.core(event.seriousness) or "–"),
                    Cell(voice.word(event.related) if event.related else "–"),
                    Cell(voice.word(event.outcome) if event.outcome else "–"),
                    Cell(voice.clauses(voice.core(lack) for lack in event.missing) or "–"),
                )
            )
    head = (
        *(
            "Participant",
            "Term",
            "Grade",
            "First day",
            "Last day",
            "Session (days after)",
            "Serious because",
            "Relation",
        ),
        *("Outcome", "Missing from the record"),
    )
    return table_or(voice, voice("Serious adverse events"), [voice(one) for one in head], rows)


def clock_table(desk: Desk) -> Block:
    """Reports of serious events and pregnancies with their clocks."""
    voice = desk.voice
    rows = list(_clock_rows(desk))
    head = ("Participant", "Event", "Report", "Recipient", "Aware at", "Due at", "Sent at", "State")
    return table_or(voice, voice("Reports of serious events and pregnancies"), [voice(one) for one in head], rows)


def _clock_rows(desk: Desk) -> Iterator[tuple[Cell, ...]]:
    voice = desk.voice
    for one in desk.result.participants:
        reports = [(event.term, report) for event in one.toxicity.serious for report in event.all_reports]
        reports += [(voice("Pregnancy"), pregnancy.report) for pregnancy in one.toxicity.pregnancies]
        for term, report in reports:
            yield (
                Cell(one.participant_id, anchor=desk.book.anchor(report.trace)),
                Cell(voice.core(term)),
                Cell(voice.word(report.report)),
                Cell(voice.core(report.recipient)),
                Cell(voice.minute(report.became_aware_at) if report.became_aware_at else "–"),
                Cell(voice.minute(report.due_at) if report.due_at else "–"),
                Cell(voice.minute(report.sent_at) if report.sent_at else "–"),
                Cell(voice.word(report.state), style="bad" if report.state in ("late", "overdue") else ""),
            )


def deaths(desk: Desk) -> Block:
    """Deaths: grade-5 events, endings by death and deaths of the follow-up."""
    voice = desk.voice
    rows = []
    for one in desk.result.participants:
        for index, event in enumerate(one.adverse_events):
            if event.grade == 5:
                rows.append(
                    (
                        record_cell(desk.book, one.participant_id, event_place(one, index)),
                        Cell(voice.short_day(event.started_on)),
                        Cell(voice.core(event.term)),
                    )
                )
        if one.disposition == "death":
            place = f"value:participants[{one.participant_id}].disposition"
            rows.append(
                (
                    record_cell(desk.book, one.participant_id, place),
                    Cell(voice.short_day(one.disposition_on)),
                    Cell(voice.core(one.disposition_reason) or "–"),
                )
            )
    for row in desk.folder.rows("follow_up", status="dead"):
        cell = record_cell(desk.book, row["participant_id"], row.source)
        rows.append((cell, Cell(voice.short_day(row["seen_on"])), Cell(voice("recorded at follow-up"))))
    return table_or(voice, voice("Deaths"), (voice("Participant"), voice("On"), voice("What is recorded")), rows)


def pregnancies(desk: Desk) -> Block:
    """Pregnancies that became known."""
    voice = desk.voice
    rows = [
        (
            Cell(one.participant_id, anchor=desk.book.anchor(pregnancy.trace)),
            Cell(voice.word(pregnancy.whose)),
            Cell(voice.short_day(pregnancy.conceived_on)),
            Cell(voice.core(pregnancy.exposure)),
            Cell(voice.core(pregnancy.outcome) or "–"),
        )
        for one in desk.result.participants
        for pregnancy in one.toxicity.pregnancies
    ]
    head = (voice("Participant"), voice("Whose"), voice("Conceived on"), voice("Exposure"), voice("Outcome"))
    return table_or(voice, voice("Pregnancies"), head, rows)
