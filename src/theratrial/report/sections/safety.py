"""Blood counts with grades, adverse events, and the gates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from theratrial.report.blocks import Block, Cell, Folded, Section, Table, Text
from theratrial.report.outcome import COMPLETE, FULL_NUMBER, gate_outcome
from theratrial.report.sections.adverse_events import class_table, not_counted, overview_table, serious_blocks
from theratrial.report.style import VERDICT_REMARKS, VERDICT_SIGNS
from theratrial.report.texts import count, day, value_text, words
from theratrial.report.traces import TraceBook
from theratrial.results.values import GateFinding, GateResult, LabPoint, ParticipantResult, TrialResult


def _worst(points: list[LabPoint]) -> LabPoint:
    """The lowest value; values without a number come last."""
    return min(points, key=lambda point: (point.value.value is None, point.value.value or 0.0, point.collected_at))


def grade_text(grade: int | None) -> str:
    """A grade; None is not grade 0."""
    return "not graded" if grade is None else f"grade {grade}"


def _lowest(result: TrialResult, book: TraceBook, tests: list[str]) -> Table:
    rows = []
    for one in result.participants:
        if not one.treated:
            continue
        first = one.sessions[0].injected_at
        cells = [Cell(one.participant_id)]
        for test in tests:
            points = [point for point in one.laboratory if point.test == test and point.collected_at >= first]
            if not points:
                cells.append(Cell("no value since the first session", style="missing"))
                continue
            worst = _worst(points)
            when = f"day {(worst.collected_at - first).days}, {grade_text(worst.grade)}"
            style = f"number grade{worst.grade}" if worst.grade is not None else "missing"
            cells.append(
                book.cell(value_text(worst.value), worst.trace, hint=worst.grade_reason, style=style, below=when)
            )
        rows.append(tuple(cells))
    return Table(
        "Lowest value since the first session, day of it and its CTCAE grade",
        ("Participant", *(words(test) for test in tests)),
        tuple(rows),
    )


def _every_value(result: TrialResult, book: TraceBook) -> Table:
    rows = []
    for one in result.participants:
        for point in one.laboratory:
            limits = " to ".join(
                "not known" if limit is None else f"{limit:g}" for limit in (point.lower_limit, point.upper_limit)
            )
            rows.append(
                (
                    Cell(f"{one.participant_id}, {words(point.test)}"),
                    Cell(day(point.collected_at), style="nowrap"),
                    book.quantity(point.value),
                    Cell(limits, style="number"),
                    book.cell(grade_text(point.grade), point.trace, below=point.grade_reason),
                )
            )
    return Table(
        "Every laboratory value",
        ("Value", "Collected", "Result", "Reference range", "Grade"),
        tuple(rows),
        style="dense",
    )


def _events(result: TrialResult) -> Table | None:
    rows = tuple(
        (
            Cell(f"{one.participant_id}: {event.term}"),
            Cell(str(event.grade), style="number"),
            Cell(day(event.started_on), style="nowrap"),
            Cell(day(event.ended_on) if event.ended_on else "not ended", style="nowrap"),
            Cell("serious" if event.serious else "no"),
            Cell(words(event.related) or "not assessed"),
        )
        for one in result.participants
        for event in one.adverse_events
    )
    if not rows:
        return None
    return Table(
        "Every adverse event",
        ("Event", "Grade", "Started", "Ended", "Serious", "Related to treatment"),
        rows,
        style="dense",
    )


def counts_section(result: TrialResult, book: TraceBook, *, drawn: tuple[Block, ...] = ()) -> Section:
    """Blood counts and adverse events."""
    title = "Blood counts and adverse events"
    tests = list(dict.fromkeys(point.test for one in result.participants for point in one.laboratory))
    blocks: list[Block] = []
    if not tests:
        blocks.append(Text("No laboratory value is recorded.", "quiet"))
    elif any(one.treated for one in result.participants):
        blocks.append(_lowest(result, book, tests))
    blocks += drawn
    events = _events(result)
    if events is None:
        blocks.append(Text("No adverse event is recorded.", "quiet"))
    else:
        blocks += [overview_table(result, book), class_table(result, book)]
        if left_out := not_counted(result):
            blocks.append(Text(left_out, "quiet"))
        blocks.append(Folded(f"Every adverse event ({len(events.rows)})", (events,)))
    blocks += serious_blocks(result, book)
    if tests:
        total = sum(len(one.laboratory) for one in result.participants)
        blocks.append(Folded(f"Every laboratory value ({total})", (_every_value(result, book),)))
    return Section("counts", title, tuple(blocks))


def _gates(result: TrialResult) -> list[tuple[ParticipantResult, GateResult]]:
    return [(one, session.gate) for one in result.participants for session in one.sessions if session.gate is not None]


_HEAD = ("Gate after", "Clause", "Verdict", "Because")


def _gate_cell(one: ParticipantResult, gate: GateResult) -> Cell:
    name = f"{one.participant_id}, session {gate.after_session}"
    return Cell(name, style="nowrap" if len(name) < 24 else "")


def _gate_lines(
    one: ParticipantResult, gate: GateResult, findings: Sequence[GateFinding], book: TraceBook
) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for finding in findings:
        informs = " (informs only)" if finding.informs_only else ""
        rows.append(
            (
                _gate_cell(one, gate),
                Cell(f"{finding.title}{informs}", finding.clause, book.anchor(finding.trace)),
                _verdict_cell(gate, finding),
                Cell(finding.because, style="wrap"),
            )
        )
    return rows


def _verdict_cell(gate: GateResult, finding: GateFinding) -> Cell:
    """The verdict of a clause; beside a full number of sessions the others stop nothing."""
    if gate_outcome(gate) == COMPLETE and finding.verdict != "proceed":
        if finding.clause == FULL_NUMBER:
            return Cell(VERDICT_SIGNS[COMPLETE], style=f"verdict {COMPLETE}", below=VERDICT_REMARKS[COMPLETE])
        return Cell(f"no session left to judge (else {finding.verdict})", style="quiet")
    return Cell(VERDICT_SIGNS[finding.verdict], style=f"verdict {finding.verdict}")


def _halting_lines(one: ParticipantResult, gate: GateResult, book: TraceBook) -> list[tuple[Cell, ...]]:
    """A line for each clause that does not proceed, the worst first, and one for all that do."""
    order = ("stop", "undetermined")
    halting = sorted((f for f in gate.findings if f.verdict in order), key=lambda f: order.index(f.verdict))
    rows = _gate_lines(one, gate, halting, book)
    passing = [finding.title for finding in gate.findings if finding.verdict == "proceed"]
    if passing:
        rows.append(
            (
                _gate_cell(one, gate),
                Cell(count(len(passing), "other clause")),
                Cell(VERDICT_SIGNS["proceed"], style="verdict proceed"),
                Cell("; ".join(passing), style="wrap quiet"),
            )
        )
    return rows


def gates_section(result: TrialResult, book: TraceBook) -> Section:
    """Gates, clause by clause where the next session may not simply proceed."""
    gates = _gates(result)
    if not gates:
        return Section("gates", "Gates", (Text("No gate: no session was given.", "quiet"),))
    counts = Counter(gate_outcome(gate) for _, gate in gates)
    summary = []
    for one, gate in gates:
        outcome = gate_outcome(gate)
        deciding = [f.title for f in gate.findings if not f.informs_only and f.verdict != "proceed"]
        if outcome == COMPLETE:
            deciding = [f"none to judge: {f.because}" for f in gate.findings if f.clause == FULL_NUMBER]
        summary.append(
            (
                _gate_cell(one, gate),
                Cell(day(gate.judged_on), style="nowrap"),
                book.cell(
                    VERDICT_SIGNS[outcome],
                    gate.trace,
                    style=f"verdict {outcome}",
                    below=VERDICT_REMARKS.get(outcome, ""),
                ),
                Cell("; ".join(deciding) or "every clause proceeds", style="wrap"),
                Cell("given" if gate.next_session_given else "none planned" if outcome == COMPLETE else "not given"),
            )
        )
    blocks: list[Block] = [
        Text(
            f"{count(len(gates), 'gate')}: {counts['proceed']} proceed, {counts['stop']} stop, "
            f"{counts['undetermined']} undetermined, {counts[COMPLETE]} complete (all sessions given, so "
            "no next session to allow or stop). A gate is computed; two physicians sign, and nothing is given "
            "because a program said proceed."
        ),
        Table(
            "All gates",
            ("Gate after", "Judged on", "Verdict", "Clauses that do not proceed", "Next session"),
            tuple(summary),
            style="dense",
        ),
    ]
    halted = [(one, gate) for one, gate in gates if gate_outcome(gate) in ("stop", "undetermined")]
    if halted:
        rows = [row for one, gate in halted for row in _halting_lines(one, gate, book)]
        blocks.append(Table("Gates that stop or are undetermined, clause by clause", _HEAD, tuple(rows), style="dense"))
    lines = [row for one, gate in gates for row in _gate_lines(one, gate, gate.findings, book)]
    blocks.append(
        Folded(
            f"Every clause of every gate ({len(lines)})",
            (Table("Every clause of every gate", _HEAD, tuple(lines), style="dense"),),
        )
    )
    return Section("gates", "Gates", tuple(blocks))
