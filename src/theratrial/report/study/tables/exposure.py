"""What was given, and the doses it gave."""

from __future__ import annotations

import math
from collections.abc import Iterator

from theratrial.report.blocks import Cell
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import Desk
from theratrial.report.study.parts import number_cell, table, table_or
from theratrial.report.study.tables.counting import count_cell, summary_cell
from theratrial.results.places import participant_place, session_place
from theratrial.results.values import CumulativeDose, ParticipantResult


def activity_table(desk: Desk) -> Block:
    """Activity of each session of each participant and over all sessions."""
    voice, book = desk.voice, desk.book
    most = max((len(one.sessions) for one in desk.treated), default=0)
    rows = []
    for one in desk.treated:
        given = [session.administered_activity_MBq for session in one.sessions]
        known = [quantity.value for quantity in given if quantity.value is not None]
        row = [Cell(one.participant_id), *(number_cell(voice, book, quantity) for quantity in given)]
        row += [Cell("–")] * (most - len(given))
        total = {str(i): (value, session_place_of(one, i)) for i, value in enumerate(known)}
        row.append(
            _total(desk, total) if len(known) == len(given) and given else Cell(voice("undetermined"), style="missing")
        )
        rows.append(tuple(row))
    head = [
        voice("Participant"),
        *(voice("Session {n} [MBq]", n=i + 1) for i in range(most)),
        voice("Cumulative [MBq]"),
    ]
    note = voice("Net of the residual, decay-corrected to the injection; the smaller line is the interval.")
    return table_or(voice, voice("Administered activity by session and cumulative"), head, rows, note=note)


def _total(desk: Desk, values: dict[str, tuple[float, str]]) -> Cell:
    from theratrial.report.texts import number
    from theratrial.trace import Trace

    trace = Trace("report.study.sum", "1", {f"session {int(who) + 1}": place for who, (_, place) in values.items()})
    return Cell(
        number(sum(value for value, _ in values.values()), digits=4), anchor=desk.book.anchor(trace), style="number"
    )


def exposure_summary(desk: Desk) -> Block:
    """Sessions and activity over the cohort."""
    voice, book, treated = desk.voice, desk.book, desk.treated
    rows: list[tuple[Cell, ...]] = []
    for number in sorted({len(one.sessions) for one in treated}):
        had = [one for one in treated if len(one.sessions) == number]
        rows.append(
            (
                Cell(voice("Participants with {n} sessions", n=number)),
                count_cell(book, had, "sessions", of=len(treated)),
            )
        )
    for place in range(max((len(one.sessions) for one in treated), default=0)):
        values = {
            one.participant_id: (activity, session_place_of(one, place))
            for one in treated
            if len(one.sessions) > place
            and (activity := one.sessions[place].administered_activity_MBq.value) is not None
        }
        name = voice("Activity of session {n} [MBq], median (range)", n=place + 1)
        rows.append((Cell(name), summary_cell(voice, book, values, digits=4)))
    return table_or(voice, voice("Extent of exposure"), ("", voice("All treated")), rows, style="narrow short")


def batches_table(desk: Desk) -> Block:
    """Who received which batch."""
    voice = desk.voice
    rows = [
        (
            Cell(one.participant_id),
            Cell(str(session.session)),
            Cell(session.batch_id),
            Cell(voice.minute(session.injected_at)),
            number_cell(voice, desk.book, session.administered_activity_MBq),
            number_cell(voice, desk.book, session.deviation_percent, signed=True),
        )
        for one in desk.treated
        for session in one.sessions
    ]
    head = ("Participant", "Session", "Batch", "Injected at", "Administered [MBq]", "From the prescription")
    return table_or(voice, voice("Administrations by participant and batch"), [voice(one) for one in head], rows)


def regions(desk: Desk, kind: str) -> list[tuple[str, str]]:
    """(id, title) of the dosed regions of a kind, in the order of the protocol."""
    return [
        (key, clause.reading.title)
        for key, clause in desk.folder.protocol.dose_regions.items()
        if clause.reading is not None and clause.reading.kind == kind
    ]


def session_place_of(one: ParticipantResult, index: int) -> str:
    """Place of the activity of one of a participant's sessions."""
    return f"value:{session_place(one.participant_id, one.sessions[index].session)}.administered_activity_MBq"


def cumulative_place(one: ParticipantResult, dose: CumulativeDose) -> str:
    """Place of a dose over all sessions."""
    index = one.cumulative_doses.index(dose)
    return f"value:{participant_place(one.participant_id)}.cumulative_doses[{index}].absorbed_dose_Gy"


def _dose(one: ParticipantResult, region: str) -> CumulativeDose | None:
    return next((dose for dose in one.cumulative_doses if dose.region_id == region), None)


def organ_table(desk: Desk) -> Block:
    """Cumulative absorbed dose of each organ of each participant."""
    voice, book = desk.voice, desk.book
    shown = regions(desk, "organ")
    rows = []
    for one in desk.treated:
        doses = [_dose(one, region) for region, _ in shown]
        rows.append(
            (
                Cell(one.participant_id),
                *(number_cell(voice, book, dose.absorbed_dose_Gy if dose else None) for dose in doses),
            )
        )
    head = [voice("Participant"), *(f"{voice.core(title)} [Gy]" for _, title in shown)]
    note = voice(
        "Over all sessions given; the smaller line is the 95 % interval. Without an upper bound a dose is undetermined."
    )
    return table_or(voice, voice("Absorbed dose by organ"), head, rows, note=note)


def organ_summary(desk: Desk) -> Block:
    """Cohort summary by organ, beside its limit."""
    voice, book = desk.voice, desk.book
    rows = []
    for region, title in shown_regions(desk):
        values = {}
        open_above, limit = 0, None
        for one in desk.treated:
            dose = _dose(one, region)
            if dose is None:
                continue
            limit = dose.limit_Gy if dose.limit_Gy is not None else limit
            quantity = dose.absorbed_dose_Gy
            if quantity.value is not None:
                values[one.participant_id] = (quantity.value, cumulative_place(one, dose))
            if quantity.value is None or quantity.upper == math.inf:
                open_above += 1
        rows.append(
            (
                Cell(voice.core(title)),
                summary_cell(voice, book, values),
                Cell(f"{limit:g}" if limit is not None else "–"),
                Cell(str(open_above)),
            )
        )
    head = ("Organ", "Absorbed dose [Gy], median (range)", "Limit [Gy]", "Undetermined or no upper bound")
    return table_or(
        voice, voice("Absorbed dose by organ over the cohort"), [voice(one) for one in head], rows, style="short"
    )


def shown_regions(desk: Desk) -> list[tuple[str, str]]:
    """Organs of the protocol."""
    return regions(desk, "organ")


def limits_table(desk: Desk) -> Block:
    """What the gate holds against each limit."""
    voice = desk.voice
    rows = list(_limit_rows(desk))
    head = (
        "Participant",
        "Organ",
        "Sessions counted",
        "Dose so far [Gy]",
        "Judged upper bound [Gy]",
        "Limit [Gy]",
        "Share of the limit",
    )
    note = voice(
        "The upper bound by the points alone is what the gate holds against the limit; without one it is undetermined."
    )
    return table_or(voice, voice("Doses against limits"), [voice(one) for one in head], rows, note=note)


def _limit_rows(desk: Desk) -> Iterator[tuple[Cell, ...]]:
    voice, book = desk.voice, desk.book
    for one in desk.treated:
        for dose in one.cumulative_doses:
            if dose.limit_Gy is None:
                continue
            judged = dose.judged_upper_Gy
            value = judged.value if judged is not None else None
            bound = number_cell(voice, book, judged) if value is not None else Cell(voice("none"), style="missing")
            share, style = "–", ""
            if value is not None:
                share = f"{100 * value / dose.limit_Gy:.0f} %"
                style = "bad" if value > dose.limit_Gy else ""
            yield (
                Cell(one.participant_id),
                Cell(voice.core(dose.title)),
                Cell(f"{dose.sessions_counted} / {dose.sessions_given}"),
                number_cell(voice, book, dose.absorbed_dose_Gy),
                bound,
                Cell(f"{dose.limit_Gy:g}"),
                Cell(share, style=style),
            )


def lesion_table(desk: Desk) -> Block:
    """Lesion doses beside what became of the lesions."""
    voice, book = desk.voice, desk.book
    rows = [
        (
            Cell(one.participant_id),
            Cell(lesion.lesion_id),
            Cell(voice.word(lesion.site)),
            number_cell(voice, book, lesion.absorbed_dose_Gy),
            number_cell(voice, book, lesion.baseline_uptake),
            number_cell(voice, book, lesion.change_percent, signed=True),
            number_cell(voice, book, lesion.length_change_percent, signed=True),
        )
        for one in desk.treated
        for lesion in one.criteria.lesions
    ]
    head = (
        "Participant",
        "Lesion",
        "Site",
        "Absorbed dose [Gy]",
        "Baseline uptake",
        "Change of uptake",
        "Change of diameter",
    )
    note = voice("Exploratory: no test was made. A dose without an upper bound is undetermined.")
    return table_or(voice, voice("Lesion dose and lesion response"), [voice(one) for one in head], rows, note=note)


__all__ = [
    "activity_table",
    "batches_table",
    "exposure_summary",
    "lesion_table",
    "limits_table",
    "organ_summary",
    "organ_table",
    "table",
]
