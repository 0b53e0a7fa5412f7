"""Laboratory: shift from the grade before treatment to the worst after it, worst values, nadirs, abnormal values."""

from __future__ import annotations

from collections.abc import Iterator

from theratrial.report.blocks import Cell
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import Desk
from theratrial.report.study.parts import number_cell, table_or
from theratrial.report.study.tables.counting import counted_cell
from theratrial.report.texts import unit_text
from theratrial.results.toxicity import NadirResult
from theratrial.results.values import LabPoint, ParticipantResult

_GRADES = (0, 1, 2, 3, 4)
_Worst = dict[str, tuple[int | None, str]]


def tests(desk: Desk) -> list[str]:
    """Tests that any treated participant has a value of."""
    return sorted({point.test for one in desk.treated for point in one.laboratory})


def _worst(one: ParticipantResult, test: str) -> tuple[tuple[int | None, str], tuple[int | None, str]]:
    """(grade, place) of the last value before the first session and of the worst value after it."""
    first = one.sessions[0].injected_at
    before: tuple[int | None, str] = (None, "")
    after: tuple[int | None, str] = (None, "")
    for index, point in enumerate(one.laboratory):
        if point.test != test:
            continue
        place = f"value:participants[{one.participant_id}].laboratory[{index}].grade"
        if point.collected_at <= first:
            before = (point.grade, place)
        elif after[1] == "" or (point.grade is not None and (after[0] is None or point.grade > after[0])):
            after = (point.grade, place)
    return before, after


def shift_table(desk: Desk) -> Block:
    """Participants by grade before treatment and worst grade after it, test by test."""
    voice = desk.voice
    rows: list[tuple[Cell, ...]] = []
    for test in tests(desk):
        found: dict[int | None, dict[int | None, dict[str, str]]] = {}
        for one in desk.treated:
            before, after = _worst(one, test)
            found.setdefault(before[0], {}).setdefault(after[0], {})[one.participant_id] = after[1] or before[1]
        for baseline in sorted(found, key=lambda grade: 9 if grade is None else grade):
            columns = [found[baseline].get(grade, {}) for grade in (*_GRADES, None)]
            name = voice("grade {n}", n=baseline) if baseline is not None else voice("no grade")
            first = (
                Cell(voice.word(test))
                if baseline == min(found, key=lambda grade: 9 if grade is None else grade)
                else Cell("")
            )
            shown = [counted_cell(desk.book, len(one), one) if one else Cell("–") for one in columns]
            everybody = {who: place for one in columns for who, place in one.items()}
            rows.append((first, Cell(name), *shown, counted_cell(desk.book, len(everybody), everybody)))
    head = [
        voice("Test"),
        voice("Before treatment"),
        *(voice("Grade {n}", n=grade) for grade in _GRADES),
        voice("No grade"),
        voice("All"),
    ]
    note = voice(
        "Last value before the first session against the worst grade after it; CTCAE {version}.", version=_version(desk)
    )
    return table_or(voice, voice("Shift of laboratory grades"), head, rows, note=note)


def _version(desk: Desk) -> str:
    gate = desk.folder.protocol.safety_gate.reading
    return gate.ctcae_version if gate is not None else "–"


def worst_table(desk: Desk) -> Block:
    """Worst grade of each test of each participant, with the value."""
    voice = desk.voice
    shown = tests(desk)
    rows = []
    for one in desk.treated:
        row = [Cell(one.participant_id)]
        for test in shown:
            point = _worst_point(one, test)
            row.append(Cell("–") if point is None else _graded(desk, point))
        rows.append(tuple(row))
    head = [voice("Participant"), *(voice.word(test) for test in shown)]
    note = voice("The worst grade after the first session; below it the value, in the unit of the results.")
    return table_or(voice, voice("Worst laboratory grade by participant"), head, rows, note=note)


def _worst_point(one: ParticipantResult, test: str) -> LabPoint | None:
    after = [
        point for point in one.laboratory if point.test == test and point.collected_at > one.sessions[0].injected_at
    ]
    graded = [point for point in after if point.grade is not None]
    return max(graded, key=lambda point: point.grade or 0, default=after[0] if after else None)


def _graded(desk: Desk, point: LabPoint) -> Cell:
    grade = desk.voice("no grade") if point.grade is None else str(point.grade)
    style = "bad" if point.grade is not None and point.grade >= 3 else ""
    return Cell(grade, anchor=desk.book.anchor(point.trace), style=style, below=desk.voice.value(point.value))


def abnormal_listing(desk: Desk, *, least: int = 2) -> Block:
    """Every value of that grade or worse after the first session."""
    voice = desk.voice
    rows = [
        (
            Cell(one.participant_id, anchor=desk.book.anchor(point.trace)),
            Cell(voice.word(point.test)),
            Cell(voice.minute(point.collected_at)),
            Cell(voice.value(point.value)),
            Cell(_limits(point)),
            Cell(str(point.grade)),
        )
        for one in desk.treated
        for point in one.laboratory
        if point.grade is not None and point.grade >= least and point.collected_at > one.sessions[0].injected_at
    ]
    head = ("Participant", "Test", "Collected at", "Value", "Reference range", "Grade")
    caption = voice("Laboratory values of grade {n} or worse after the first session", n=least)
    return table_or(voice, caption, [voice(one) for one in head], rows)


def _limits(point: LabPoint) -> str:
    lower = "" if point.lower_limit is None else f"{point.lower_limit:g}"
    upper = "" if point.upper_limit is None else f"{point.upper_limit:g}"
    return f"{lower}–{upper} {unit_text(point.value.unit)}" if lower or upper else "–"


def nadir_table(desk: Desk) -> Block:
    """Nadir of each test after each session, and the way back."""
    voice = desk.voice
    every = [(one, nadir) for one in desk.treated for nadir in one.toxicity.nadirs]
    shown = [pair for pair in every if _worth_a_line(pair[1])]
    rows = list(_nadir_rows(desk, shown))
    head = (
        "Participant",
        "Session",
        "Test",
        "Nadir",
        "Grade",
        "Days to nadir",
        "Recovered on",
        "Foretold recovery",
        "Gate visit",
    )
    note = voice(
        "{n} of {all} nadirs: of grade 2 or worse, not graded, or not recovered; the others stand in the results. A "
        "foretold day rests on the counts so far; its interval stands in the results.",
        n=len(shown),
        all=len(every),
    )
    return table_or(voice, voice("Nadirs of blood counts"), [voice(one) for one in head], rows, note=note)


def _worth_a_line(nadir: NadirResult) -> bool:
    mild = nadir.grade is not None and nadir.grade < 2
    return not (mild and nadir.recovery in ("recovered", "never_beyond"))


def _nadir_rows(desk: Desk, shown: list[tuple[ParticipantResult, NadirResult]]) -> Iterator[tuple[Cell, ...]]:
    voice, book = desk.voice, desk.book
    for one, nadir in shown:
        yield (
            Cell(one.participant_id, anchor=book.anchor(nadir.trace)),
            Cell(str(nadir.session)),
            Cell(voice.word(nadir.test)),
            number_cell(voice, book, nadir.nadir),
            Cell(str(nadir.grade) if nadir.grade is not None else "–"),
            number_cell(voice, book, nadir.days_to_nadir),
            Cell(voice.short_day(nadir.recovered_on) if nadir.recovered_on else voice.word(nadir.recovery)),
            Cell(voice.short_day(nadir.predicted_recovery_on)),
            Cell(voice.word(nadir.visit)),
        )
