"""Adverse events: by class, term and grade; by participant; serious ones with their clocks; deaths."""

from __future__ import annotations

from collections.abc import Iterator

from theratrial.report.blocks import Cell
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import Desk
from theratrial.report.study.parts import table, table_or
from theratrial.report.study.tables.counting import counted_cell, record_cell
from theratrial.results.values import AdverseEvent, ParticipantResult

_GRADES = (1, 2, 3, 4, 5)


def _all_events(desk: Desk) -> list[tuple[ParticipantResult, int, AdverseEvent]]:
    return [(one, index, event) for one in desk.treated for index, event in enumerate(one.adverse_events)]


def _place(one: ParticipantResult, index: int) -> str:
    return f"value:participants[{one.participant_id}].adverse_events[{index}]"


def _first_cell(desk: Desk, one: ParticipantResult, index: int, event: AdverseEvent) -> Cell:
    if event.trace is not None:
        return Cell(one.participant_id, anchor=desk.book.anchor(event.trace))
    return record_cell(desk.book, one.participant_id, _place(one, index))


def overview_table(desk: Desk) -> Block:
    """How many participants had any event, a related, a severe, a serious one."""
    voice, events = desk.voice, _all_events(desk)
    kinds = (
        (voice("Any adverse event"), lambda event: event.grade >= 0),
        (voice("Related to the treatment, as assessed"), lambda event: event.related == "related"),
        (voice("Grade 3 or worse"), lambda event: event.grade >= 3),
        (voice("Serious"), lambda event: event.serious),
        (voice("Grade 5 (death)"), lambda event: event.grade == 5),
    )
    rows = []
    for name, holds in kinds:
        sources = {one.participant_id: _place(one, index) for one, index, event in events if holds(event)}
        n_events = sum(bool(holds(event)) for _, _, event in events)
        rows.append(
            (Cell(name), counted_cell(desk.book, len(sources), sources, of=len(desk.treated)), Cell(str(n_events)))
        )
    head = ("", voice("Participants"), voice("Events"))
    note = voice("Treated participants, n = {n}.", n=len(desk.treated))
    return table(voice("Overview of adverse events"), head, rows, note=note, style="narrow short")


def grade_table(desk: Desk) -> Block:
    """Participants by system organ class, term and worst grade."""
    voice = desk.voice
    worst: dict[tuple[str, str], dict[str, tuple[int, str]]] = {}
    for one, index, event in _all_events(desk):
        of_term = worst.setdefault((event.system_organ_class, event.term), {})
        if event.grade > of_term.get(one.participant_id, (0, ""))[0]:
            of_term[one.participant_id] = (event.grade, _place(one, index))
    rows = []
    for (group, term), people in sorted(worst.items()):
        by_grade = {grade: {who: place for who, (g, place) in people.items() if g == grade} for grade in _GRADES}
        rows.append(
            (
                Cell(voice.core(group) if group else voice("not a CTCAE term")),
                Cell(voice.core(term)),
                *(counted_cell(desk.book, len(found), found) if found else Cell("–") for found in by_grade.values()),
                counted_cell(
                    desk.book, len(people), {who: place for who, (_, place) in people.items()}, of=len(desk.treated)
                ),
            )
        )
    head = [
        voice("System organ class"),
        voice("Term"),
        *(voice("Grade {n}", n=grade) for grade in _GRADES),
        voice("Any grade"),
    ]
    note = voice(
        "Each participant once per term, by the worst grade. Terms and classes of CTCAE; no other dictionary is used."
    )
    return table_or(voice, voice("Adverse events by system organ class, term and worst grade"), head, rows, note=note)


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
                    Cell("; ".join(voice.core(lack) for lack in event.missing) or "–"),
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
        reports = [(event.term, report) for event in one.toxicity.serious for report in event.reports]
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
                        record_cell(desk.book, one.participant_id, _place(one, index)),
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
