"""What a trial's records say that a registry asks for: against the rows of the simulation's CSV files, read anew."""

from __future__ import annotations

import csv
import time as clock
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from theratrial.pipeline.registry_facts import trial_facts
from theratrial.protocol.reader import shipped_protocol
from theratrial.simulation.cohort import SEED_PROTOCOL, cohort_records
from theratrial.trialfolder.reader import rows_of_cells
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.trialfolder.tables import TABLES
from theratrial.trialfolder.writer import write_table

PROTOCOL = shipped_protocol(SEED_PROTOCOL)
ZONE = ZoneInfo("Asia/Tehran")
PARTICIPANTS = 6


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record tables of a simulated trial as CSV files."""
    place = tmp_path_factory.mktemp("records")
    tables = cohort_records(PROTOCOL, participants=PARTICIPANTS, seed=3)
    for table in TABLES:
        write_table(place / f"{table.name}.csv", table, tables[table.name])
    return place


def lines(files: Path, table: str) -> list[dict[str, str]]:
    with (files / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def folder_of(cells: dict[str, list[dict[str, str]]]) -> TrialFolder:
    """As the site makes one of its records: no file and no image."""
    numbered = {name: [(f"record:{name}/{i}", line) for i, line in enumerate(rows)] for name, rows in cells.items()}
    tables, problems = rows_of_cells(numbered, PROTOCOL, ZONE)
    assert problems == ()
    return TrialFolder(Path(), PROTOCOL, None, tables, (), {}, ZONE, "1.1", (), simulated=True)


@pytest.fixture(scope="module")
def cells(files: Path) -> dict[str, list[dict[str, str]]]:
    return {table.name: lines(files, table.name) for table in TABLES}


@pytest.fixture(scope="module")
def folder(cells: dict[str, list[dict[str, str]]]) -> TrialFolder:
    return folder_of(cells)


def evening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, 59, tzinfo=ZONE)


def expected(files: Path, day: date) -> dict[str, object]:
    """The same questions asked of the text of the files, ISO dates compared as text."""
    until = day.isoformat()
    therapy = [
        line
        for line in lines(files, "administrations")
        if line["product_id"] == "lu177_trastuzumab" and line["injected_at"][:10] <= until
    ]
    treated = {line["participant_id"] for line in therapy}
    consents = [line["signed_at"][:10] for line in lines(files, "consents") if line["participant_id"] in treated]
    done = [
        line
        for line in lines(files, "visits")
        if line["status"] == "done" and line["occurred_on"] <= until and line["participant_id"] in treated
    ]
    response = [line for line in done if line["visit_id"] in ("response_assessment", "pet_response")]
    injected = [
        line["injected_at"][:10]
        for line in lines(files, "administrations")
        if line["participant_id"] in treated and line["injected_at"][:10] <= until
    ]
    examined = [
        line["examined_on"]
        for line in lines(files, "examinations")
        if line["participant_id"] in treated and line["examined_on"] <= until
    ]
    seen = [*(line["occurred_on"] for line in done), *injected, *examined]
    return {
        "screened": sum(line["screened_on"] <= until for line in lines(files, "participants")),
        "treated": len(treated),
        "first_consent": min(consents, default=None),
        "last_enrolment": max(consents, default=None),
        "first_administration": min((line["injected_at"][:10] for line in therapy), default=None),
        "last_administration": max((line["injected_at"][:10] for line in therapy), default=None),
        "last_visit": max(seen, default=None),
        "last_primary_outcome": max((line["occurred_on"] for line in response), default=None),
        "assessed": len({line["participant_id"] for line in response}),
    }


def test_days_and_counts_are_those_of_the_files_on_every_second_day(files: Path, folder: TrialFolder) -> None:
    first = min(date.fromisoformat(line["screened_on"]) for line in lines(files, "participants"))
    changes = set()
    for days in range(-5, 560, 2):
        day = first + timedelta(days=days)
        facts = trial_facts(folder, as_of=evening(day))
        want = expected(files, day)
        got = {name: getattr(facts, name) for name in want}
        got = {name: str(one.value) if hasattr(one, "evidence") else one for name, one in got.items()}
        assert got == want, day
        changes.add(tuple(want.values()))
    assert len(changes) > 30


def test_the_evidence_names_a_line_that_is_there(files: Path, folder: TrialFolder) -> None:
    facts = trial_facts(folder, as_of=datetime(2030, 1, 1, tzinfo=UTC))
    for fact in (facts.first_consent, facts.last_enrolment, facts.last_visit, facts.last_primary_outcome):
        assert fact is not None
        table, rest = fact.evidence.split(": ")
        code, day = rest.split(", ")
        assert day == str(fact.value)
        assert any(
            line["participant_id"] == code and any(cell.startswith(day) for cell in line.values())
            for line in lines(files, table)
        )


def test_everybody_leaves_in_the_end_and_screen_failures_were_never_enrolled(files: Path, folder: TrialFolder) -> None:
    facts = trial_facts(folder, as_of=datetime(2030, 1, 1, tzinfo=UTC))
    failed = sum(line["event"] == "screen_failure" for line in lines(files, "dispositions"))
    assert failed > 0
    assert (facts.enrolled, facts.in_treatment_or_follow_up) == (facts.screened - failed, 0)
    assert (facts.target_sample_size, facts.sites, facts.simulated) == (15, ("site_01",), True)
    assert not facts.stopped_early
    assert not facts.data_locked


def test_she_is_enrolled_from_her_first_treatment_and_counts_from_her_consent(files: Path, folder: TrialFolder) -> None:
    (consent,) = [line["signed_at"] for line in lines(files, "consents") if line["participant_id"] == "P01"]
    (given,) = [
        line["injected_at"]
        for line in lines(files, "administrations")
        if (line["participant_id"], line["session"]) == ("P01", "1")
    ]
    at = datetime.fromisoformat(given)
    before = trial_facts(folder, as_of=at - timedelta(seconds=1))
    assert (before.first_consent, before.enrolled) == (None, 0)
    after = trial_facts(folder, as_of=at)
    assert after.enrolled == after.in_treatment_or_follow_up == 1
    assert after.first_consent is not None
    assert str(after.first_consent.value) == consent[:10]
    decided = trial_facts(folder, as_of=at - timedelta(seconds=1), included=["P01"])
    assert (decided.enrolled, decided.treated) == (1, 0)
    assert decided.first_consent == after.first_consent


def test_a_consent_to_come_is_not_known_yet(files: Path, folder: TrialFolder) -> None:
    """Signed on the day after: whoever is named as taken in has no consent yet."""
    signed = {one["participant_id"]: datetime.fromisoformat(one["signed_at"]) for one in lines(files, "consents")}
    at = signed["P02"] - timedelta(seconds=1)
    before, after = (trial_facts(folder, as_of=one, included=["P02"]) for one in (at, signed["P02"]))
    assert (before.enrolled, after.enrolled) == (2, 2)
    assert before.last_enrolment != after.last_enrolment
    assert after.last_enrolment is not None
    assert after.last_enrolment.value == signed["P02"].date()


def changed(cells: dict[str, list[dict[str, str]]], **more: list[dict[str, str]]) -> TrialFolder:
    """The trial with more lines, and without the dispositions of those who get one here."""
    people = {line["participant_id"] for rows in more.values() for line in rows}
    tables = dict(cells)
    tables["dispositions"] = [line for line in cells["dispositions"] if line["participant_id"] not in people]
    for name, rows in more.items():
        tables[name] = [*tables[name], *rows]
    return folder_of(tables)


def line(**cells: str) -> dict[str, str]:
    return {"participant_id": "P01"} | cells


@pytest.mark.parametrize(
    ("more", "left"),
    [
        ({"dispositions": [line(occurred_on="2022-03-01", event="death")]}, 0),
        ({"dispositions": [line(occurred_on="2022-03-01", event="lost_to_follow_up")]}, 0),
        ({"dispositions": [line(occurred_on="2022-03-01", event="gate_stop")]}, 1),
        ({"withdrawals": [line(withdrawn_at="2022-03-01T10:00", withdrawal_kind="all")]}, 0),
        ({"withdrawals": [line(withdrawn_at="2022-03-01T10:00", withdrawal_kind="follow_up")]}, 0),
        ({"withdrawals": [line(withdrawn_at="2022-03-01T10:00", withdrawal_kind="treatment")]}, 1),
        ({"withdrawals": [line(withdrawn_at="2022-03-01T10:00", withdrawal_kind="data_use")]}, 1),
        ({"withdrawals": [line(withdrawn_at="2022-03-02T10:00", withdrawal_kind="all")]}, 1),
    ],
)
def test_who_left_is_followed_no_more_and_who_left_treatment_is(
    cells: dict[str, list[dict[str, str]]], more: dict[str, list[dict[str, str]]], left: int
) -> None:
    """On the evening of 1 March 2022, when P01 alone was treated: her visits are still due."""
    facts = trial_facts(changed(cells, **more), as_of=evening(date(2022, 3, 1)))
    others = trial_facts(folder_of(cells), as_of=evening(date(2022, 3, 1))).in_treatment_or_follow_up - 1
    assert facts.in_treatment_or_follow_up == others + left


def test_a_missed_visit_counts_once_its_window_is_over(cells: dict[str, list[dict[str, str]]]) -> None:
    """A line of a missed visit bears no day: response 28-63 days after the last administration of P01."""
    kept = dict(cells)
    given = [one for one in cells["administrations"] if one["participant_id"] == "P01" and one["session"] == "1"]
    other = [one for one in cells["administrations"] if one["participant_id"] == "P01" and not one["session"]][:1]
    rest = [one for one in cells["administrations"] if one["participant_id"] != "P01"]
    kept["administrations"] = [*rest, *other, *given]
    kept["visits"] = [one for one in cells["visits"] if one["participant_id"] != "P01"] + [
        line(visit_id="follow_up", session="1", status="missed"),
        line(visit_id="response_assessment", status="missed"),
    ]
    trial = changed(kept, dispositions=[line(occurred_on="2022-03-01", event="gate_stop")])
    last = date.fromisoformat(given[0]["injected_at"][:10])
    counts = []
    for days in (62, 63):
        facts = trial_facts(trial, as_of=evening(last + timedelta(days=days)))
        without = trial_facts(
            folder_of({name: [x for x in rows if x.get("participant_id") != "P01"] for name, rows in kept.items()}),
            as_of=evening(last + timedelta(days=days)),
        )
        counts.append(facts.in_treatment_or_follow_up - without.in_treatment_or_follow_up)
    assert counts == [1, 0]


def test_a_lock_holds_from_the_last_line_on(files: Path, folder: TrialFolder) -> None:
    locked = replace(folder, locked=True)
    last = max(
        *(one["occurred_on"] for one in lines(files, "visits")),
        *(one["occurred_on"] for one in lines(files, "dispositions")),
        *(one["injected_at"][:10] for one in lines(files, "administrations")),
    )
    day = date.fromisoformat(last)
    assert trial_facts(locked, as_of=evening(day)).data_locked
    assert not trial_facts(locked, as_of=evening(day - timedelta(days=1))).data_locked
    assert trial_facts(folder, as_of=evening(date(2021, 1, 1)), data_locked=True).data_locked


def test_a_day_is_the_day_of_the_trials_time_zone(folder: TrialFolder) -> None:
    """21 March 2022, 22:00 in London is 22 March in Tehran."""
    assert trial_facts(folder, as_of=datetime(2022, 3, 21, 22, tzinfo=UTC)).as_of == date(2022, 3, 22)


def test_centres_go_by_their_names_where_there_are_names(folder: TrialFolder) -> None:
    at = datetime(2030, 1, 1, tzinfo=UTC)
    assert trial_facts(folder, as_of=at, site_names={"site_01": "Example Hospital"}).sites == ("Example Hospital",)
    assert trial_facts(folder, as_of=datetime(2021, 1, 1, tzinfo=UTC)).sites == ()


def _of_size(folder: TrialFolder, participants: int) -> TrialFolder:
    """The treated of the folder again and again under other codes."""
    codes = [code for code in folder.participant_ids if code.startswith("P")]
    tables: dict[str, list[Row]] = {name: [] for name in folder.tables}
    for name in (
        "participants",
        "consents",
        "withdrawals",
        "administrations",
        "visits",
        "examinations",
        "dispositions",
    ):
        hers = {code: folder.rows(name, participant_id=code) for code in codes}
        for number in range(participants):
            for row in hers[codes[number % len(codes)]]:
                values = dict(row.values) | {"participant_id": f"X{number:04d}"}
                tables[name].append(Row(name, row.line, values))
    return replace(folder, tables={name: tuple(rows) for name, rows in tables.items()})


def test_ten_times_as_many_participants_take_about_ten_times_as_long(folder: TrialFolder) -> None:
    at = datetime(2030, 1, 1, tzinfo=UTC)
    least = []
    for participants in (200, 2000):
        large, took = _of_size(folder, participants), []
        for _ in range(4):
            start = clock.process_time()
            facts = trial_facts(large, as_of=at)
            took.append(clock.process_time() - start)
        assert (facts.enrolled, facts.in_treatment_or_follow_up) == (participants, 0)
        least.append(min(took))
    assert least[1] < 40 * least[0], "grows with the square, or faster"
