"""Who was screened, treated and analysed, and the course of each."""

from __future__ import annotations

from collections import Counter

from theratrial.report.blocks import Block, Cell, Folded, Section, Table, Text
from theratrial.report.outcome import gate_outcome
from theratrial.report.style import VERDICT_REMARKS, VERDICT_SIGNS
from theratrial.report.texts import NOT_KNOWN, count, day, number, words
from theratrial.report.traces import TraceBook
from theratrial.results.values import GateResult, ParticipantResult, SessionResult, TrialResult

_SCAN_SIGNS = {"done": "●", "missed": "○", "missing": "?"}


def flow_section(result: TrialResult, *, drawn: tuple[Block, ...] = ()) -> Section:
    """Participant flow."""
    flow = result.flow
    rows = [("Screened", flow.screened, "all")]
    rows += [("Not treated", number, reason) for reason, number in flow.screen_failures]
    rows.append(("Treated", flow.treated, "at least one session"))
    rows += [(f"Session {session}", number, "received it") for session, number in flow.sessions_given]
    rows.append(("Response assessed", flow.response_assessed, "category other than NE"))
    rows.append(("Analysed", flow.analysed, "counted in the primary endpoint"))
    rows += [("End", number, words(reason)) for reason, number in flow.ended]
    table = Table(
        "Participant flow in numbers",
        ("Step", "Participants", "Which"),
        tuple((Cell(step), Cell(str(number), style="number"), Cell(which)) for step, number, which in rows),
        style="narrow",
    )
    return Section("flow", "Participant flow", (*drawn, Folded("The flow in numbers", (table,))))


def _scans(session: SessionResult) -> Cell:
    said = []
    for scan in session.scans:
        when = f"{scan.hours_after:.1f} h" if scan.hours_after is not None else words(scan.timepoint)
        outside = ", outside its window" if scan.in_window is False else ""
        reason = f" ({scan.reason})" if scan.reason else ""
        state = "" if scan.status == "done" else f" {scan.status}{reason}"
        name = words(scan.imaging_id)
        said.append(
            f"{_SCAN_SIGNS[scan.status]} {name}: {when}{state}{outside}" if state or outside else f"● {name}: {when}"
        )
    return Cell(", ".join(said) or "none planned", style="wrap broad")


def _reads(session: SessionResult) -> Cell:
    """The biodistribution reads; equal answers once, with their number."""
    answers = Counter(answer for _, answer in session.biodistribution)
    said = ", ".join(f"{words(answer)} ({count(number, 'scan')})" for answer, number in answers.items())
    return Cell(said or "not read", style="wrap" if said else "missing wrap")


def _outcome(gate: GateResult) -> Cell:
    outcome = gate_outcome(gate)
    return Cell(VERDICT_SIGNS[outcome], style=f"verdict {outcome}", below=VERDICT_REMARKS.get(outcome, ""))


def _sessions(result: TrialResult, book: TraceBook) -> Table:
    rows = []
    for one in result.participants:
        for session in one.sessions:
            first = one.sessions[0].injected_at
            mass = NOT_KNOWN if session.antibody_mass_mg is None else f"{number(session.antibody_mass_mg)} mg"
            gate = session.gate
            rows.append(
                (
                    Cell(
                        f"{one.participant_id}, session {session.session}",
                        style="nowrap" if len(one.participant_id) < 12 else "",
                        below=f"batch {session.batch_id}",
                    ),
                    Cell(day(session.injected_at), style="nowrap", below=f"day {(session.injected_at - first).days}"),
                    book.quantity(session.administered_activity_MBq),
                    book.quantity(session.deviation_percent, signed=True),
                    Cell(mass, style="number" if session.antibody_mass_mg is not None else "missing"),
                    _scans(session),
                    _reads(session),
                    Cell("no gate") if gate is None else _outcome(gate),
                )
            )
    return Table(
        "Sessions",
        (
            "Session and batch",
            "Injected",
            "Administered",
            "Off prescription",
            "Antibody",
            "Scans: ● done, ○ missed, ? no image and no reason",
            "Biodistribution",
            "Gate after it",
        ),
        tuple(rows),
        style="dense",
    )


def _ends(one: ParticipantResult) -> tuple[Cell, ...]:
    category = one.response.category if one.response else ""
    return (
        Cell(one.participant_id),
        Cell(str(len(one.sessions)), style="number"),
        Cell(one.last_session_because or NOT_KNOWN, style="wrap"),
        Cell(category or "not assessed", style=f"category {category}" if category else "missing"),
        Cell(words(one.disposition), below=day(one.disposition_on)) if one.disposition else Cell("still in the trial"),
        Cell(words(one.disposition_reason) or "none recorded", style="wrap"),
        Cell(one.counted, below=one.counted_because),
    )


def course_section(result: TrialResult, book: TraceBook, *, drawn: tuple[Block, ...] = ()) -> Section:
    """The course of every treated participant."""
    treated = [one for one in result.participants if one.treated]
    if not treated:
        return Section("course", "Course of each participant", (Text("Nobody has been treated.", "quiet"),))
    ends = Table(
        f"How the course of {count(len(treated), 'treated participant')} ended",
        ("Participant", "Sessions", "Why the last was the last", "Response", "End", "Reason", "Endpoint counts it as"),
        tuple(_ends(one) for one in treated),
        style="dense",
    )
    return Section("course", "Course of each participant", (*drawn, ends, _sessions(result, book)))
