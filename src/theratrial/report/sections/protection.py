"""Radiation protection at discharge: verdicts, dose rates and contact restrictions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from theratrial.report.blocks import Block, Cell, Folded, Section, Table, Text
from theratrial.report.texts import count, day
from theratrial.report.traces import TraceBook
from theratrial.results.protection import SessionProtection
from theratrial.results.values import ParticipantResult, TrialResult

_SIGNS: Final = {"may_leave": "▲ may leave", "may_not_leave": "■ may not leave", "undetermined": "◆ undetermined"}
_STYLES: Final = {"may_leave": "proceed", "may_not_leave": "stop", "undetermined": "undetermined"}


def _printed(text: str) -> str:
    return text.replace("uSv", "µSv")


def _sessions(result: TrialResult) -> Iterator[tuple[ParticipantResult, SessionProtection]]:
    return ((one, found) for one in result.participants for found in one.protection)


def protection_section(result: TrialResult, book: TraceBook, *, drawn: tuple[Block, ...] = ()) -> Section:
    """Whether participants might go home, and how long others keep their distance."""
    title = "Radiation protection at discharge"
    found = list(_sessions(result))
    if not found:
        why = "The protocol says nothing of radiation protection at discharge, or no session was given."
        return Section("protection", title, (Text(why, "quiet"),))
    counts = {verdict: sum(one.verdict == verdict for _, one in found) for verdict in _SIGNS}
    blocks: list[Block] = [
        Text(
            f"{count(len(found), 'session')}: {counts['may_leave']} may leave, {counts['may_not_leave']} may not "
            f"leave, {counts['undetermined']} undetermined. The upper bound of the dose rate decides. Criterion: "
            f"{_printed('; '.join(dict.fromkeys(one.limit_text for _, one in found)))}."
        ),
        Text(
            "Restrictions hold until the upper bound of what a person would still receive keeps to her constraint. "
            "An antibody stays longer than the peptides for which durations are published; none of those is used.",
            "quiet",
        ),
        *drawn,
        Table(
            "Release after each session",
            ("Session", "Verdict", "Dose rate at 1 m", "Effective half-life", "May leave from", "Discharged"),
            tuple(_release(person, one, book) for person, one in found),
            style="dense",
        ),
    ]
    rows = tuple(row for person, one in found for row in _restrictions(person, one, book))
    if rows:
        head = ("Session, person", "Constraint", "Restricted until", "First free day", "Dose without", "Dose with")
        table = Table("Contact restrictions", head, rows, style="dense")
        blocks.append(Folded(f"Every contact restriction ({len(rows)})", (table,)))
    remarks = [
        (f"{person.participant_id}, session {one.session}", said) for person, one in found for said in one.remarks
    ]
    if remarks:
        lines = tuple((Cell(who), Cell(said, style="wrap")) for who, said in remarks)
        blocks.append(Table("For the physicist to look at", ("Session", "Remark"), lines, style="dense"))
    return Section("protection", title, tuple(blocks))


def _release(person: ParticipantResult, one: SessionProtection, book: TraceBook) -> tuple[Cell, ...]:
    return (
        Cell(f"{person.participant_id}, session {one.session}", style="nowrap"),
        book.cell(_SIGNS[one.verdict], one.trace, style=f"verdict {_STYLES[one.verdict]}", below=_printed(one.because)),
        book.quantity(one.dose_rate_at_discharge_uSv_per_h),
        book.quantity(one.effective_half_life_h),
        book.quantity(one.may_leave_from_h, absent="not known"),
        Cell(day(one.discharged_at) if one.discharged_at else "not recorded", style="nowrap"),
    )


def _restrictions(person: ParticipantResult, one: SessionProtection, book: TraceBook) -> Iterator[tuple[Cell, ...]]:
    for found in one.restrictions:
        yield (
            Cell(f"{person.participant_id}, session {one.session}", below=found.person, hint=found.pattern),
            Cell(f"{found.constraint_mSv:.3g} mSv", style="number"),
            book.quantity(found.until_h),
            Cell(day(found.until_on) if found.until_on else "not settled", style="nowrap"),
            book.quantity(found.dose_without_mSv),
            book.quantity(found.dose_with_mSv),
        )
