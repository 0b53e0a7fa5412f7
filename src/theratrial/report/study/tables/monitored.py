"""What a monitoring board watches: dose-limiting toxicity, the stopping boundary, gates, the other CTCAE version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from theratrial.report.blocks import Cell, Text
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import Desk
from theratrial.report.study.parts import absent, number_cell, table, table_or
from theratrial.report.study.tables.counting import counted_cell
from theratrial.report.study.voice import Voice
from theratrial.report.texts import in_percent
from theratrial.results.places import session_place


def limiting_table(desk: Desk) -> Block:
    """Dose-limiting toxicity of each treated participant."""
    voice = desk.voice
    rows = [
        (
            Cell(one.participant_id, anchor=desk.book.anchor(found.trace)),
            Cell(voice.word(found.verdict), style="bad" if found.verdict == "yes" else ""),
            Cell(voice.short_day(found.on)),
            Cell(voice.core(found.because)),
        )
        for one in desk.treated
        if (found := one.toxicity.limiting) is not None
    ]
    if not rows:
        return absent(voice)
    head = (voice("Participant"), voice("Dose-limiting toxicity"), voice("On"), voice("Because"))
    return table(voice("Dose-limiting toxicity"), head, rows)


def stopping_blocks(desk: Desk) -> tuple[Block, ...]:
    """The boundary, where the trial stands, and what the boundary does under true rates."""
    voice, stopping = desk.voice, desk.result.toxicity.stopping
    if stopping is None:
        return (absent(voice),)
    blocks: list[Block] = [Text(voice.core(stopping.sentence)), Text(voice.core(stopping.plain_words))]
    blocks += [Text(voice.core(warning), "warning") for warning in stopping.warnings]
    if stopping.undetermined:
        names = voice.listed(stopping.undetermined)
        stops = (
            voice("the trial would be stopped")
            if stopping.worst_case_stops
            else voice("the trial would not be stopped")
        )
        blocks.append(Text(voice("Not judged yet: {who}. If all of them had one, {stops}.", who=names, stops=stops)))
    anchor = desk.book.anchor(stopping.trace)
    rows = [
        (
            Cell(step.participant_id, anchor=anchor),
            Cell(voice.short_day(step.judged_on)),
            Cell(voice.word(step.limiting)),
            Cell(f"{step.events} / {step.participants}", anchor=anchor),
            Cell("–" if step.stops_at is None else str(step.stops_at), anchor=anchor),
            Cell(voice("stops") if step.stopped else voice("goes on"), style="bad" if step.stopped else ""),
        )
        for step in stopping.steps
    ]
    head = ("Participant", "Judged on", "Dose-limiting toxicity", "Events / judged", "Stops at", "Boundary")
    blocks.append(table_or(voice, voice("The stopping boundary replayed"), [voice(one) for one in head], rows))
    blocks.append(boundary_table(desk.voice, stopping.boundary, anchor))
    characteristics = [
        (one.rate_fraction, one.stop_probability_fraction, one.expected_participants)
        for one in stopping.characteristics
    ]
    blocks.append(characteristics_table(desk.voice, characteristics, anchor))
    return tuple(blocks)


def boundary_table(voice: Voice, boundary: Sequence[int | None], anchor: str = "") -> Block:
    """Fewest events that stop, by number of participants judged; `anchor` leads to its trace where there is one."""
    limits = (Cell("–") if limit is None else Cell(str(limit), anchor=anchor) for limit in boundary)
    rows = [(Cell(voice("Stops at")), *limits)]
    head = [voice("Participants judged"), *(str(k) for k in range(1, len(boundary) + 1))]
    return table(voice("Stopping boundary"), head, rows, style="short")


def characteristics_table(voice: Voice, found: Sequence[tuple[float, float, float]], anchor: str = "") -> Block:
    """What the boundary does if the true rate is this."""
    rows = [
        (Cell(in_percent(rate)), Cell(in_percent(stop), anchor=anchor), Cell(f"{expected:.1f}", anchor=anchor))
        for rate, stop, expected in found
    ]
    head = (voice("True rate"), voice("Probability of stopping"), voice("Expected participants"))
    return table(voice("Operating characteristics of the boundary (exact)"), head, rows, style="narrow short")


def gates_table(desk: Desk) -> Block:
    """What each gate decided and why."""
    voice = desk.voice
    rows = []
    for one in desk.treated:
        for session in one.sessions:
            gate = session.gate
            if gate is None:
                continue
            decisive = [f for f in gate.findings if f.verdict != "proceed" and not f.informs_only]
            said = voice.clauses(f"{voice.core(f.title)}: {voice.core(f.because)}" for f in decisive)
            rows.append(
                (
                    Cell(one.participant_id, anchor=desk.book.anchor(gate.trace)),
                    Cell(str(gate.after_session)),
                    Cell(voice.short_day(gate.judged_on)),
                    Cell(voice.word(gate.verdict), style="bad" if gate.verdict == "stop" else ""),
                    Cell(voice("yes") if gate.next_session_given else voice("no")),
                    Cell(said or "–"),
                )
            )
    head = (
        "Participant",
        "After session",
        "Judged on",
        "Verdict",
        "Next session given",
        "What stopped it or is undetermined",
    )
    return table_or(voice, voice("Gate decisions"), [voice(one) for one in head], rows)


def version_blocks(desk: Desk) -> tuple[Block, ...]:
    """What the other version of CTCAE would change."""
    voice, found = desk.voice, desk.result.toxicity
    if not found.impact_sentence:
        return (absent(voice),)
    blocks: list[Block] = [Text(voice.core(found.impact_sentence))]
    rows = [
        (
            Cell(one.participant_id),
            Cell(str(change.after_session)),
            Cell(voice.word(change.first)),
            Cell(voice.word(change.second)),
            Cell(voice.core(change.because)),
        )
        for one in desk.treated
        for change in one.toxicity.gate_changes
    ]
    head = [
        voice("Participant"),
        voice("After session"),
        *(f"CTCAE {version}" for version in found.versions),
        voice("Because"),
    ]
    blocks.append(table_or(voice, voice("Gates that the other CTCAE version would decide otherwise"), head, rows))
    return tuple(blocks)


def protection_table(desk: Desk) -> Block:
    """Radiation protection at discharge."""
    voice = desk.voice
    rows = [
        (
            Cell(one.participant_id, anchor=desk.book.anchor(found.trace)),
            Cell(str(found.session)),
            number_cell(voice, desk.book, found.dose_rate_at_discharge_uSv_per_h),
            Cell(voice.word(found.verdict), style="bad" if found.verdict == "may_not_leave" else ""),
            Cell(voice.minute(found.discharged_at) if found.discharged_at else "–"),
            number_cell(voice, desk.book, found.effective_half_life_h),
        )
        for one in desk.treated
        for found in one.protection
    ]
    head = (
        "Participant",
        "Session",
        "Dose rate at 1 m [µSv/h]",
        "Verdict",
        "Discharged at",
        "Effective half-life [h]",
    )
    # The limit is the same for nearly everybody: said once, not in each line.
    limits = dict.fromkeys(found.limit_text for one in desk.treated for found in one.protection if found.limit_text)
    note = " ".join(voice("Limit: {text}", text=voice.core(text)) for text in limits)
    return table_or(voice, voice("Radiation protection at discharge"), [voice(one) for one in head], rows, note=note)


def enrolment_table(desk: Desk) -> Block:
    """Screened and first treated, month by month."""
    voice = desk.voice
    months: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    for one in desk.result.participants:
        screened = months.setdefault(one.screened_on.strftime("%Y-%m"), ({}, {}))
        screened[0][one.participant_id] = f"value:participants[{one.participant_id}].screened_on"
        if one.sessions:
            treated = months.setdefault(one.sessions[0].injected_at.strftime("%Y-%m"), ({}, {}))
            treated[1][one.participant_id] = f"value:{session_place(one.participant_id, one.sessions[0].session)}"
    rows: list[tuple[Cell, ...]] = []
    total: dict[str, str] = {}
    for month in sorted(months):
        screened_by, treated_by = months[month]
        total |= treated_by
        shown = [
            counted_cell(desk.book, len(places), places) if places else Cell("–")
            for places in (screened_by, treated_by)
        ]
        so_far = counted_cell(desk.book, len(total), total)
        rows.append((Cell(month), *shown, replace(so_far, text=f"{len(total)} / {desk.result.sample_size}")))
    head = (voice("Month"), voice("Screened"), voice("First session"), voice("Treated so far / planned"))
    return table_or(voice, voice("Enrolment by month"), head, rows, style="narrow")
