"""Adverse events as participants counted by worst grade, the listing of serious ones with their clocks, pregnancies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from theratrial.report.blocks import Block, Cell, Heading, Table, Text
from theratrial.report.counted_events import counted_events, on_treatment
from theratrial.report.texts import count, day, words
from theratrial.report.traces import TraceBook
from theratrial.results.toxicity import SeriousEvent, SeriousReport
from theratrial.results.values import ParticipantResult, TrialResult
from theratrial.safety.adverse.counts import GradeCounts, class_counts, overview_counts
from theratrial.trace import Trace

_STATES: Final = {
    "in_time": "in time",
    "late": "late",
    "sent": "sent, no time set",
    "owed": "owed",
    "overdue": "overdue",
    "not_known": "not known",
}
_DENOMINATOR: Final = "participants who were given at least one session"


class _Counter:
    """Cells of counted participants, each with the events it was counted from."""

    def __init__(self, book: TraceBook, places: dict[str, dict[str, str]], of: int) -> None:
        self._book, self._places, self._of = book, places, of

    def cell(self, people: frozenset[str], *, share: bool = True) -> Cell:
        if not people:
            return Cell("0", style="number quiet")
        inputs = {name: place for who in sorted(people) for name, place in self._places[who].items()}
        text = f"{len(people)} ({100 * len(people) / self._of:.0f} %)" if share else str(len(people))
        return self._book.cell(text, Trace("report.participants_with_events", "1", inputs), style="number")


def overview_table(result: TrialResult, book: TraceBook) -> Table:
    """Participants with any event, a related, severe, serious or fatal one, and one that ended treatment."""
    events, places = counted_events(result)
    treated = sum(one.treated for one in result.participants)
    counter = _Counter(book, places, treated)
    rows = tuple(
        (Cell(line.name), counter.cell(line.participants), Cell(str(line.events), style="number"))
        for line in overview_counts(events)
    )
    note = f"n = {treated} {_DENOMINATOR}; each counted once per line. Events from the first session on."
    return Table(
        "Participants with adverse events", ("Kind of event", f"Participants of {treated}", "Events"), rows, note=note
    )


def class_table(result: TrialResult, book: TraceBook) -> Table:
    """By system organ class and term: participants by the worst grade, from grade 3 on, related, serious."""
    events, places = counted_events(result)
    treated = sum(one.treated for one in result.participants)
    counter = _Counter(book, places, treated)
    rows: list[tuple[Cell, ...]] = []
    for group in class_counts(events):
        rows.append(_line(Cell(group.total.name, style="group"), group.total, counter))
        rows += [_line(Cell(f"\u2003{line.name}"), line, counter) for line in group.terms]
    head = (
        *("System organ class and term", "Any grade", *(f"Worst {grade}" for grade in range(1, 6))),
        *("Grade 3 to 5", "Related", "Serious"),
    )
    note = (
        f"Participants, not events: n = {treated} {_DENOMINATOR}, each once per line by the worst grade, so terms "
        "do not add up to their class. Related: assessed as related. Terms and classes as NCI prints them in the "
        "event's CTCAE version; no other dictionary is used."
    )
    return Table(
        "Adverse events by system organ class, term and worst grade", head, tuple(rows), note=note, style="dense"
    )


def _line(name: Cell, line: GradeCounts, counter: _Counter) -> tuple[Cell, ...]:
    return (
        name,
        counter.cell(line.participants),
        *(counter.cell(line.worst[grade], share=False) for grade in range(1, 6)),
        *(counter.cell(people, share=False) for people in (line.severe, line.related, line.serious)),
    )


def not_counted(result: TrialResult) -> str:
    """Events that the tables leave out, in words; empty where they leave out none."""
    before = [
        one.participant_id
        for one in result.participants
        for event in one.adverse_events
        if one.treated and not on_treatment(one, event)
    ]
    untreated = [one.participant_id for one in result.participants for _ in one.adverse_events if not one.treated]
    said = []
    if before:
        said.append(f"{count(len(before), 'event')} of {', '.join(sorted(set(before)))} began before the first session")
    if untreated:
        people = sorted(set(untreated))
        said.append(f"{count(len(untreated), 'event')} of {', '.join(people)}, not treated")
    return f"Not counted in these tables, but listed: {'; '.join(said)}." if said else ""


def serious_blocks(result: TrialResult, book: TraceBook) -> tuple[Block, ...]:
    """The listing of serious events with the clock of each report; pregnancies; what is not reported."""
    listed = [(one, event) for one in result.participants for event in one.toxicity.serious]
    blocks: list[Block] = [Heading("Serious adverse events")]
    if not listed:
        blocks.append(Text("No serious adverse event is recorded.", "quiet"))
    else:
        open_reports = [
            report for _, event in listed for report in event.all_reports if report.state in ("owed", "overdue")
        ]
        if open_reports:
            overdue = sum(report.state == "overdue" for report in open_reports)
            said = (
                f"{count(len(open_reports), 'report')} not sent, {overdue} of them overdue at the end of the records."
            )
            blocks.append(Text(said, "stop" if overdue else "warning"))
        blocks.append(_serious_table(listed, book))
        blocks.append(_clock_table([(one, event.term, event.all_reports) for one, event in listed], book))
    pregnant = [(one, found) for one in result.participants for found in one.toxicity.pregnancies]
    if pregnant:
        blocks.append(Heading("Pregnancies"))
        blocks.append(
            _clock_table([(one, f"pregnancy: {found.exposure}", (found.report,)) for one, found in pregnant], book)
        )
    return tuple(blocks)


def _serious_table(listed: Sequence[tuple[ParticipantResult, SeriousEvent]], book: TraceBook) -> Table:
    rows = []
    for one, event in listed:
        ended = day(event.ended_on) if event.ended_on else "not ended"
        since = "before the first session"
        if event.days_after_last_session is not None:
            since = f"session {event.session}, day {event.days_after_last_session}"
        rows.append(
            (
                book.cell(f"{one.participant_id}: {event.term}", event.trace, below=event.system_organ_class),
                Cell("not graded" if event.grade is None else str(event.grade), below=f"CTCAE {event.ctcae_version}"),
                Cell(f"{day(event.started_on)} to {ended}", below=since),
                Cell(event.seriousness or "not recorded", style="" if event.seriousness else "missing"),
                Cell(
                    words(event.related) or "not assessed", below=f"expected: {words(event.expected) or 'not recorded'}"
                ),
                Cell(event.action_taken or "not recorded", below=words(event.outcome) or "outcome not recorded"),
                _expedited_cell(event, book),
                Cell("; ".join(event.missing) or "nothing", style="wrap" if event.missing else "quiet"),
            )
        )
    head = (
        *("Event", "Grade", "Days", "Serious because", "Related", "Action and outcome", "To the authority within days"),
        "Missing or contradictory",
    )
    return Table("Line listing of serious adverse events", head, tuple(rows), style="dense")


def _expedited_cell(event: SeriousEvent, book: TraceBook) -> Cell:
    days = event.expedited
    if days is None:
        return Cell("no clause", style="quiet")
    said = {"due": "due", "not_due": "not due", "undetermined": "undetermined, counts as due"}[days.verdict]
    style = "missing" if days.verdict == "undetermined" else ""
    return book.cell(said, days.trace, style=style, below=days.because)


def _clock_table(listed: Sequence[tuple[ParticipantResult, str, Sequence[SeriousReport]]], book: TraceBook) -> Table:
    rows = [
        (
            Cell(f"{one.participant_id}: {what}"),
            Cell(f"{words(report.report)}, to {report.recipient or 'nobody named'}"),
            Cell(_instant(report.became_aware_at), style="nowrap"),
            Cell(_instant(report.due_at), style="nowrap"),
            Cell(_instant(report.sent_at) if report.sent_at else "not sent", style="nowrap"),
            book.cell(_STATES[report.state], report.trace, style=_tone(report.state), below=report.because),
        )
        for one, what, reports in listed
        for report in reports
    ]
    head = ("Of", "Report", "Became aware", "Due", "Sent", "State")
    return Table("Reports and their clock", head, tuple(rows), style="dense")


def _tone(state: str) -> str:
    return "verdict stop" if state in ("late", "overdue") else "missing" if state in ("owed", "not_known") else ""


def _instant(moment: datetime | None) -> str:
    return "not known" if moment is None else moment.strftime("%Y-%m-%d %H:%M")
