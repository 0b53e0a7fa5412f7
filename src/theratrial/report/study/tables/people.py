"""Who took part: disposition, analysis sets, baseline, deviations."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from theratrial.report.blocks import Cell, Table
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import Desk
from theratrial.report.study.parts import cells, nothing_recorded, table, table_or
from theratrial.report.study.tables.conditions import condition_cell
from theratrial.report.study.tables.counting import count_cell, counted_cell, record_cell, summary_cell
from theratrial.results.values import ParticipantResult
from theratrial.trialfolder.records import Row


def disposition_table(desk: Desk) -> Table:
    """Screened, treated, sessions given, how the treatment ended, analysed."""
    voice, book, people = desk.voice, desk.book, desk.result.participants
    treated = desk.treated
    rows = [(Cell(voice("Screened")), count_cell(book, people, "screened_on"))]
    failed = [one for one in people if not one.treated]
    rows.append((Cell(voice("Not treated")), count_cell(book, failed, "disposition", of=len(people))))
    rows.append((Cell(voice("Treated (at least one administration)")), count_cell(book, treated, "treated")))
    for number, _ in desk.result.flow.sessions_given:
        given = [one for one in treated if len(one.sessions) >= number]
        name = voice("Received session {n}", n=number)
        rows.append((Cell(name), count_cell(book, given, "sessions", of=len(treated))))
    for ending in sorted({one.disposition for one in treated}):
        ended = [one for one in treated if one.disposition == ending]
        name = voice("Ended: {how}", how=voice.word(ending) if ending else voice("not recorded"))
        rows.append((Cell(name), count_cell(book, ended, "disposition", of=len(treated))))
    analysed = [one for one in people if one.counted in ("success", "failure")]
    rows.append((Cell(voice("In the primary analysis")), count_cell(book, analysed, "counted", of=len(treated))))
    return table(voice("Disposition of participants"), ("", voice("Participants")), rows, style="narrow short")


def screen_failures(desk: Desk) -> Block:
    """Why people were not treated."""
    voice = desk.voice
    rows = [
        (
            record_cell(desk.book, one.participant_id, f"value:participants[{one.participant_id}].disposition"),
            Cell(voice.short_day(one.screened_on)),
            Cell(voice.word(one.disposition) if one.disposition else "–"),
            Cell(
                voice.clauses(voice.core(reason).replace(".:", ":") for reason in one.eligibility.reasons)
                or voice.core(one.disposition_reason)
            ),
        )
        for one in desk.result.participants
        if not one.treated
    ]
    head = (voice("Participant"), voice("Screened on"), voice("Disposition"), voice("Reason"))
    return table_or(voice, voice("Screened and not treated"), head, rows)


def discontinued(desk: Desk) -> Block:
    """Who did not complete the planned sessions."""
    voice = desk.voice
    rows = [
        (
            record_cell(desk.book, one.participant_id, f"value:participants[{one.participant_id}].disposition"),
            Cell(str(len(one.sessions))),
            Cell(voice.short_day(one.disposition_on)),
            Cell(voice.word(one.disposition) if one.disposition else voice("not recorded")),
            Cell(voice.core(one.disposition_reason or one.last_session_because) or "–"),
        )
        for one in desk.treated
        if one.disposition != "completed"
    ]
    head = (voice("Participant"), voice("Sessions"), voice("On"), voice("Disposition"), voice("Reason"))
    return table_or(voice, voice("Participants who did not complete all planned sessions"), head, rows)


def sets_table(desk: Desk) -> Table:
    """Analysis sets with their definition and size."""
    voice, book = desk.voice, desk.book
    rows = []
    for key, clause in desk.folder.protocol.analysis_sets.items():
        members = [one for one in desk.result.participants if key in one.analysis_sets]
        reading = clause.reading
        title = voice.core(reading.title) if reading is not None else voice("open")
        protocol = desk.folder.protocol
        condition = condition_cell(voice, protocol, reading.condition) if reading is not None else Cell("–")
        rows.append((Cell(title), condition, count_cell(book, members, "analysis_sets")))
    head = (voice("Analysis set"), voice("Definition"), voice("Participants"))
    return table(voice("Analysis sets"), head, rows, style="short")


def excluded(desk: Desk) -> Block:
    """Treated participants who are not in the primary analysis."""
    voice = desk.voice
    rows = [
        (
            record_cell(desk.book, one.participant_id, f"value:participants[{one.participant_id}].counted"),
            Cell(voice.word(one.counted)),
            Cell(voice.core(one.counted_because)),
        )
        for one in desk.treated
        if one.counted not in ("success", "failure")
    ]
    head = (voice("Participant"), voice("Counted as"), voice("Because"))
    return table_or(voice, voice("Treated participants left out of the primary analysis"), head, rows)


_Value = Callable[[Row], float | None]


def _of_people(desk: Desk, column: str) -> dict[str, tuple[float, str]]:
    treated = {one.participant_id for one in desk.treated}
    return {
        row["participant_id"]: (float(row[column]), row.source)
        for row in desk.folder.rows("participants")
        if row["participant_id"] in treated and row[column] is not None
    }


def baseline_table(desk: Desk) -> Table:
    """Age, sex, body, performance status, prior therapy, disease and blood before the first session."""
    voice, book = desk.voice, desk.book
    treated = desk.treated
    rows: list[tuple[Cell, ...]] = []
    for column, name in (
        ("age_years", voice("Age [years], median (range)")),
        ("weight_kg", voice("Weight [kg], median (range)")),
        ("height_cm", voice("Height [cm], median (range)")),
    ):
        rows.append((Cell(name), summary_cell(voice, book, _of_people(desk, column))))
    rows += _sexes(desk)
    rows += _ecog(desk)
    rows += _prior(desk)
    lesions = {
        one.participant_id: (
            float(sum(lesion.role != "new" for lesion in one.response.lesions)),
            f"value:participants[{one.participant_id}].response",
        )
        for one in treated
        if one.response is not None and one.response.lesions
    }
    rows.append((Cell(voice("Lesions read at baseline, median (range)")), summary_cell(voice, book, lesions)))
    rows += _blood(desk)
    note = voice("Treated participants, n = {n}. The last value before the first administration.", n=len(treated))
    return table(
        voice("Demographic and baseline characteristics"), ("", voice("All treated")), rows, note=note, style="narrow"
    )


def _sexes(desk: Desk) -> Iterator[tuple[Cell, ...]]:
    treated = {one.participant_id for one in desk.treated}
    rows = [row for row in desk.folder.rows("participants") if row["participant_id"] in treated]
    for sex in sorted({row["sex"] for row in rows if row["sex"]}):
        of_sex = {row["participant_id"]: row.source for row in rows if row["sex"] == sex}
        yield (
            Cell(desk.voice("Sex: {sex}", sex=desk.voice.word(sex))),
            counted_cell(desk.book, len(of_sex), of_sex, of=len(rows)),
        )


def _first_session(one: ParticipantResult) -> object:
    return one.sessions[0].injected_at


def _ecog(desk: Desk) -> Iterator[tuple[Cell, ...]]:
    found: dict[str, dict[str, str]] = {}
    for one in desk.treated:
        rows = [
            row
            for row in desk.folder.rows("eligibility", participant_id=one.participant_id)
            if "ecog" in str(row["item"]) and row["assessed_on"] <= one.sessions[0].injected_at.date()
        ]
        if rows:
            last = max(rows, key=lambda row: row["assessed_on"])
            found.setdefault(f"{last['value']:g}" if isinstance(last["value"], float) else str(last["value"]), {})[
                one.participant_id
            ] = last.source
    for status in sorted(found):
        name = desk.voice("ECOG performance status {n}", n=status)
        yield Cell(name), counted_cell(desk.book, len(found[status]), found[status], of=len(desk.treated))


def _prior(desk: Desk) -> Iterator[tuple[Cell, ...]]:
    treated = {one.participant_id for one in desk.treated}
    found: dict[str, dict[str, str]] = {}
    for row in desk.folder.rows("prior_therapy"):
        if row["participant_id"] in treated:
            found.setdefault(row["category"], {})[row["participant_id"]] = row.source
    for category in sorted(found):
        name = desk.voice("Prior therapy: {kind}", kind=desk.voice.word(category))
        yield Cell(name), counted_cell(desk.book, len(found[category]), found[category], of=len(treated))


def _blood(desk: Desk) -> Iterator[tuple[Cell, ...]]:
    tests: dict[str, dict[str, tuple[float, str]]] = {}
    units: dict[str, str] = {}
    for one in desk.treated:
        for place, point in enumerate(one.laboratory):
            if point.collected_at <= one.sessions[0].injected_at and point.value.value is not None:
                source = f"value:participants[{one.participant_id}].laboratory[{place}]"
                source = next(iter(point.trace.inputs.values()), source)
                tests.setdefault(point.test, {})[one.participant_id] = (point.value.value, source)
                units[point.test] = point.value.unit
    for test in sorted(tests):
        unit = units[test].replace("e9_per_L", "10⁹/L").replace("_per_", "/")
        name = desk.voice("{test} [{unit}], median (range)", test=desk.voice.word(test), unit=unit)
        yield Cell(name), summary_cell(desk.voice, desk.book, tests[test])


def demographic_listing(desk: Desk) -> Block:
    """Each treated participant at baseline."""
    voice = desk.voice
    people = {row["participant_id"]: row for row in desk.folder.rows("participants")}
    rows = []
    for one in desk.treated:
        row = people[one.participant_id]
        shown = [f"{row[name]:g}" if row[name] is not None else "–" for name in ("age_years", "weight_kg", "height_cm")]
        rows.append(
            (
                record_cell(desk.book, one.participant_id, row.source),
                Cell(str(one.site_id)),
                Cell(voice.short_day(one.screened_on)),
                Cell(voice.word(row["sex"])),
                *cells(*shown),
                Cell(voice.short_day(one.consented_at)),
            )
        )
    head = (
        "Participant",
        "Centre",
        "Screened on",
        "Sex",
        "Age [years]",
        "Weight [kg]",
        "Height [cm]",
        "Consent signed",
    )
    return table_or(voice, voice("Participants at baseline"), [voice(one) for one in head], rows)


def deviations_table(desk: Desk) -> Block:
    """What the records tell of departures from the protocol."""
    voice = desk.voice
    notes = [note for note in desk.result.notes if note.severity == "deviation"]
    if not notes:
        return nothing_recorded(voice)
    rows = [
        (Cell(note.participant_id or "–"), Cell(voice.core(note.place)), Cell(voice.core(note.message)))
        for note in notes
    ]
    head = (voice("Participant"), voice("Where"), voice("Deviation"))
    return table(voice("Protocol deviations found in the records"), head, rows)


def deviation_counts(desk: Desk) -> str:
    """How many deviations of how many participants, in a sentence."""
    notes = [note for note in desk.result.notes if note.severity == "deviation"]
    people = {note.participant_id for note in notes if note.participant_id}
    if not notes:
        return desk.voice("No deviation is recorded.")
    return desk.voice("{n} deviations of {people} participants are recorded.", n=len(notes), people=len(people))
