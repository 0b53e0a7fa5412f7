"""What a record owes to its trial: a simulated trial's progress against an independent reading of its CSV rows."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from record_changes import running_trial

from theratrial.pipeline.registry_facts import trial_facts
from theratrial.protocol.reader import shipped_protocol
from theratrial.registry.conscience import Owed, owed, updated
from theratrial.registry.fields import value_at
from theratrial.registry.history import History, Version
from theratrial.registry.periods import months_later
from theratrial.registry.reader import parse_registration, registration_yaml, shipped_registration
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.trial_facts import Fact, TrialFacts
from theratrial.registry.words import Coded, RecordDate, Text
from theratrial.simulation.cohort import SEED_PROTOCOL, cohort_records
from theratrial.trialfolder.reader import rows_of_cells
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.tables import TABLES
from theratrial.trialfolder.writer import write_table

PROTOCOL = shipped_protocol(SEED_PROTOCOL)
SEED = shipped_registration(SEED_PROTOCOL)
GOOD = running_trial()
ZONE = ZoneInfo("Asia/Tehran")
SAMPLE = 5


def planned(record: RegistrationRecord = SEED, **recruitment: Any) -> RegistrationRecord:
    """The record as it should have been registered: not yet recruiting, of a trial of the simulation's size."""
    values = {"status": Coded(code="not_yet_recruiting"), "target_sample_size": SAMPLE} | recruitment
    return record.model_copy(update={"recruitment": record.recruitment.model_copy(update=values)})


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("records")
    tables = cohort_records(PROTOCOL, participants=SAMPLE, seed=3)
    for table in TABLES:
        write_table(place / f"{table.name}.csv", table, tables[table.name])
    return place


def lines(files: Path, table: str) -> list[dict[str, str]]:
    with (files / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def folder(files: Path) -> TrialFolder:
    cells = {one.name: [(f"{one.name}/{i}", x) for i, x in enumerate(lines(files, one.name))] for one in TABLES}
    tables, problems = rows_of_cells(cells, PROTOCOL, ZONE)
    assert problems == ()
    population = PROTOCOL.population.reading
    assert population is not None
    sized = PROTOCOL.population.model_copy(update={"reading": population.model_copy(update={"sample_size": SAMPLE})})
    protocol = PROTOCOL.model_copy(update={"population": sized})
    return TrialFolder(Path(), protocol, None, tables, (), {}, ZONE, "1.1")


class Read:
    """The trial as a person reads it out of the files."""

    def __init__(self, files: Path) -> None:
        therapy = [x for x in lines(files, "administrations") if x["product_id"] == "lu177_trastuzumab"]
        self.treated = {x["participant_id"] for x in therapy}
        consents = sorted(x["signed_at"][:10] for x in lines(files, "consents") if x["participant_id"] in self.treated)
        first = {x["participant_id"]: x["injected_at"][:10] for x in reversed(therapy)}
        done = [x for x in lines(files, "visits") if x["status"] == "done" and x["participant_id"] in self.treated]
        self.first_consent, self.last_consent = (date.fromisoformat(x) for x in (consents[0], consents[-1]))
        self.first_treated, self.all_treated = (date.fromisoformat(f(first.values())) for f in (min, max))
        self.last_visit = date.fromisoformat(max(x["occurred_on"] for x in done))
        measured = [x["occurred_on"] for x in done if x["visit_id"] == "response_assessment"]
        self.last_measured = date.fromisoformat(max(measured))


@pytest.fixture(scope="module")
def read(files: Path) -> Read:
    return Read(files)


def at(folder: TrialFolder, day: date) -> TrialFacts:
    return trial_facts(folder, as_of=datetime(day.year, day.month, day.day, 23, 59, tzinfo=ZONE))


def proposed(found: Owed) -> dict[str, Any]:
    return {
        one.path.removeprefix("recruitment."): (
            one.new.code
            if isinstance(one.new, Coded)
            else one.new.gregorian
            if isinstance(one.new, RecordDate)
            else one.new
        )
        for one in found.proposals
    }


def test_before_anybody_is_treated_nothing_is_owed(folder: TrialFolder, read: Read) -> None:
    day = read.first_treated - timedelta(days=1)
    found = owed(planned(), at(folder, day), today=day)
    assert (found.proposals, found.undetermined, found.reason.en) == ((), (), "")
    assert (found.last_true, found.days_since_true) == (day, 0)


def test_the_first_treatment_makes_start_and_status_due_thirty_days_after_the_consent(
    folder: TrialFolder, read: Read
) -> None:
    day = read.first_consent + timedelta(days=40)
    found = owed(planned(), at(folder, day), today=day)
    assert proposed(found) == {"status": "recruiting", "actual_start": read.first_consent}
    for one in found.proposals:
        assert (one.since, one.due) == (read.first_consent, read.first_consent + timedelta(days=30))
        assert one.overdue_days == 10
        assert read.first_consent.isoformat() in one.evidence.en
        assert read.first_consent.isoformat() in one.evidence.fa
    assert (found.last_true, found.days_since_true) == (read.first_consent - timedelta(days=1), 41)


def test_the_last_enrolment_completes_recruitment_with_end_and_number(folder: TrialFolder, read: Read) -> None:
    day = read.all_treated
    assert day < read.last_visit
    found = owed(planned(), at(folder, day), today=day)
    assert proposed(found) == {
        "status": "complete",
        "actual_start": read.first_consent,
        "actual_end": read.last_consent,
        "actual_sample_size": len(read.treated),
    }


def test_the_last_visit_completes_the_trial(folder: TrialFolder, read: Read) -> None:
    day = read.last_visit + timedelta(days=1)
    found = owed(planned(), at(folder, day), today=day)
    assert proposed(found) == {
        "status": "completed",
        "actual_start": read.first_consent,
        "actual_end": read.last_consent,
        "actual_sample_size": len(read.treated),
        "primary_completion": read.last_measured,
        "trial_completion": read.last_visit,
    }
    due = {one.rule: one for one in found.duties}
    assert due["results-12-months"].due == months_later(read.last_visit, 12)
    assert due["publication-24-months"].due == months_later(read.last_visit, 24)
    assert due["results-12-months"].overdue_days == 0


def test_thirteen_months_later_the_results_are_overdue(folder: TrialFolder, read: Read) -> None:
    day = months_later(read.last_visit, 13)
    found = owed(planned(), at(folder, day), today=day)
    duty = next(one for one in found.duties if one.rule == "results-12-months")
    assert duty.overdue_days == (day - months_later(read.last_visit, 12)).days > 27
    assert found.duties[0].overdue_days == max(one.overdue_days for one in found.duties)
    assert read.last_visit.isoformat() in duty.because.en


def test_the_updated_record_is_true_on_every_day_of_the_trial(folder: TrialFolder, read: Read) -> None:
    seen = set()
    for record in (planned(), planned(status=Coded(code="complete")), planned(GOOD, actual_start=None)):
        for days in range(-10, (read.last_visit - read.first_consent).days + 400, 24):
            day = read.first_consent + timedelta(days=days)
            facts = at(folder, day)
            found = owed(record, facts, today=day)
            new = updated(record, found.proposals, found.reason)
            again = owed(new, facts, today=day)
            assert again.proposals == (), (day, proposed(again))
            if (kind := frozenset(proposed(found))) not in seen:
                assert parse_registration(registration_yaml(new).encode(), "new.yaml") == new
                seen.add(kind)
            if not found.undetermined:
                assert again.days_since_true == 0
    assert len(seen) >= 6


def test_the_trial_kept_up_to_date_owes_nothing_between_its_events(folder: TrialFolder, read: Read) -> None:
    """Every update is made on the day it is due to be noticed; the record then is never long untrue."""
    record, made = planned(), 0
    for days in range((read.last_visit - read.first_consent).days + 30):
        day = read.first_consent + timedelta(days=days)
        found = owed(record, at(folder, day), today=day)
        if found.proposals:
            record, made = updated(record, found.proposals, found.reason), made + 1
    assert made >= 3
    recruitment = record.recruitment
    assert recruitment.actual_start is not None
    assert recruitment.actual_end is not None
    assert recruitment.trial_completion is not None
    assert recruitment.actual_start.gregorian == read.first_consent
    assert recruitment.actual_end.gregorian == read.last_consent
    assert recruitment.trial_completion.gregorian == read.last_visit
    assert recruitment.actual_sample_size == len(read.treated)


# -- single matters, from facts made by hand -----------------------------------------------------------------------


def fact(day: date, code: str = "P01", table: str = "consents") -> Fact:
    return Fact(day, f"{table}: {code}, {day.isoformat()}")


def facts(as_of: date, **changes: Any) -> TrialFacts:
    """Ten of fifteen enrolled between March and September 2022, four of them still in the trial."""
    values: dict[str, Any] = {
        "first_consent": fact(date(2022, 3, 1)),
        "last_enrolment": fact(date(2022, 9, 1), "P10"),
        "first_administration": fact(date(2022, 3, 10), table="administrations"),
        "last_administration": fact(date(2022, 11, 1), "P10", "administrations"),
        "last_visit": fact(date(2022, 12, 1), "P10", "visits"),
        "last_primary_outcome": fact(date(2022, 11, 20), "P04", "visits"),
        "screened": 14,
        "enrolled": 10,
        "treated": 10,
        "assessed": 6,
        "in_treatment_or_follow_up": 4,
        "target_sample_size": 15,
        "stopped_early": False,
        "data_locked": False,
        "sites": (),
        "simulated": False,
    }
    return TrialFacts(as_of=as_of, **(values | changes))


DAY = date(2022, 12, 15)


def test_a_status_said_before_the_enrolments_was_never_right() -> None:
    found = owed(SEED, facts(DAY), today=DAY)
    assert proposed(found) == {"status": "recruiting", "actual_start": date(2022, 3, 1)}
    assert found.proposals[0].since == date(2021, 10, 18)
    assert (found.last_true, found.days_since_true) == (None, None)


def test_a_status_that_came_true_later_was_not_true_before() -> None:
    """Said complete on the day of registration, reached with the tenth consent: no day was ever right in all."""
    reached = facts(DAY, target_sample_size=10)
    early = owed(planned(status=Coded(code="complete"), target_sample_size=10), reached, today=DAY)
    assert "status" not in proposed(early)
    assert early.last_true is None
    waiting = owed(planned(target_sample_size=10), reached, today=DAY)
    assert waiting.last_true == date(2022, 2, 28)


def test_whether_a_trial_short_of_its_target_is_over_is_never_guessed() -> None:
    over = facts(DAY, in_treatment_or_follow_up=0, assessed=10)
    for status in ("complete", "not_yet_recruiting"):
        found = owed(planned(status=Coded(code=status)), over, today=DAY)
        assert "status" not in proposed(found)
        assert len(found.undetermined) == 1
        assert "10 of 15" in found.undetermined[0].en
        assert "10 از 15" in found.undetermined[0].fa
    found = owed(planned(status=Coded(code="recruiting")), over, today=DAY)
    assert proposed(found) == {"actual_start": date(2022, 3, 1), "target_sample_size": 15}
    assert "do not say that recruitment was ended" in found.undetermined[0].en


@pytest.mark.parametrize(("said", "allowed"), [("stopped_early", "terminated"), ("data_locked", "completed")])
def test_a_stopped_or_locked_trial_is_over_short_of_its_target(said: str, allowed: str) -> None:
    found = owed(SEED, facts(DAY, in_treatment_or_follow_up=0, **{said: True}), today=DAY)
    assert proposed(found)["actual_sample_size"] == 10
    assert proposed(found)["trial_completion"] == date(2022, 12, 1)
    record = planned(status=Coded(code="recruiting"), target_sample_size=15)
    assert (
        proposed(owed(record, facts(DAY, in_treatment_or_follow_up=0, **{said: True}), today=DAY))["status"] == allowed
    )


def test_a_status_that_says_nothing_is_not_contradicted() -> None:
    found = owed(planned(status=Coded(code="other"), target_sample_size=15), facts(DAY), today=DAY)
    assert proposed(found) == {"actual_start": date(2022, 3, 1)}


def test_a_person_who_says_that_recruitment_is_over_after_the_last_enrolment_is_believed() -> None:
    record = planned(status=Coded(code="complete"), target_sample_size=15)
    for day, status in ((date(2022, 8, 31), {"status": "recruiting"}), (date(2022, 9, 1), {}), (DAY, {})):
        stated = record.registration.stated.model_copy(update={"last_update": RecordDate(gregorian=day)})
        said = record.registration.model_copy(update={"stated": stated})
        found = owed(record.model_copy(update={"registration": said}), facts(DAY), today=DAY)
        over = {} if status else {"actual_end": date(2022, 9, 1), "actual_sample_size": 10}
        assert proposed(found) == {"actual_start": date(2022, 3, 1)} | status | over


def test_recruitment_whose_expected_end_has_passed_is_not_said_to_go_on() -> None:
    """People are still in follow-up the day after 2023-06-21: whether more are enrolled the data do not say."""
    for day, known in ((date(2023, 6, 21), True), (date(2023, 6, 22), False)):
        found = owed(SEED, facts(day), today=day)
        assert ("status" in proposed(found)) == known
        assert bool(found.undetermined) != known


def test_a_month_agrees_with_its_days_and_a_later_end_is_no_contradiction() -> None:
    month = RecordDate(gregorian=date(2022, 3, 1), precision="month")
    record = planned(
        status=Coded(code="complete"),
        actual_start=month,
        actual_end=RecordDate(gregorian=date(2022, 9, 20)),
        target_sample_size=10,
        actual_sample_size=10,
    )
    assert proposed(owed(record, facts(DAY, target_sample_size=10), today=DAY)) == {}
    other = planned(record, status=Coded(code="complete"), actual_start=RecordDate(gregorian=date(2022, 3, 2)))
    assert proposed(owed(other, facts(DAY, target_sample_size=5), today=DAY))["actual_start"] == date(2022, 3, 1)


def test_a_trial_that_began_before_its_registration_is_retrospective() -> None:
    early = facts(DAY, first_consent=fact(date(2021, 9, 1)))
    found = owed(SEED, early, today=DAY)
    assert proposed(found)["registration.stated.timing"] == "retrospective"
    timing = next(one for one in found.proposals if one.path == "registration.stated.timing")
    assert timing.since == date(2021, 10, 18)
    assert "2021-09-01" in timing.evidence.en


def test_a_centre_that_the_record_does_not_name_is_proposed_and_a_code_is_not() -> None:
    named = owed(SEED, facts(DAY, sites=("Persian Gulf Hospital", "Example Hospital of Shiraz")), today=DAY)
    assert proposed(named)["centres[1].organization"] == Text(en="Example Hospital of Shiraz")
    assert updated(SEED, named.proposals).centres[1].organization.en == "Example Hospital of Shiraz"
    coded = owed(SEED, facts(DAY, sites=("site_01", "site_02")), today=DAY)
    assert not any("centres" in path for path in proposed(coded))
    assert any("site_02" in one.en for one in coded.undetermined)
    assert not owed(SEED, facts(DAY, sites=("site_01",)), today=DAY).undetermined


def test_record_and_protocol_differing_in_words_is_for_a_person() -> None:
    found = owed(SEED, facts(DAY), today=DAY, protocol=PROTOCOL)
    assert any("complete, partial, stable" in one.en for one in found.undetermined)
    assert not any(path.startswith(("primary_outcomes", "interventions")) for path in proposed(found))


def test_a_target_that_the_protocol_only_assumes_is_for_a_person() -> None:
    record = planned(target_sample_size=20)
    assert proposed(owed(record, facts(DAY), today=DAY))["target_sample_size"] == 15
    raw = PROTOCOL.population.model_dump() | {"decision": {"status": "demonstration", "why": "to try it out"}}
    protocol = PROTOCOL.model_copy(update={"population": type(PROTOCOL.population).model_validate(raw)})
    found = owed(record, facts(DAY), today=DAY, protocol=protocol)
    assert "target_sample_size" not in proposed(found)
    assert any("assumption" in one.en for one in found.undetermined)


# -- versions ------------------------------------------------------------------------------------------------------


def version(number: int, record: RegistrationRecord, day: date) -> Version:
    made = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    return Version(number, record, made, "coordinator1", Text(en="because"))


def test_a_version_that_said_it_right_ends_the_untruth() -> None:
    """Said right on 1 October, and wrong again on 1 November: untrue since then and not since the first consent."""
    first = planned(target_sample_size=15)
    right = updated(first, owed(first, facts(DAY), today=DAY).proposals)
    wrong = right.model_copy(update={"recruitment": right.recruitment.model_copy(update={"actual_start": None})})
    days = (date(2021, 10, 18), date(2022, 10, 1), date(2022, 11, 1))
    versions = tuple(version(i, one, day) for i, (one, day) in enumerate(zip((first, right, wrong), days, strict=True)))
    found = owed(wrong, facts(DAY), today=DAY, history=History(versions))
    assert proposed(found) == {"actual_start": date(2022, 3, 1)}
    assert (found.proposals[0].since, found.last_true) == (date(2022, 11, 1), date(2022, 10, 31))
    assert owed(wrong, facts(DAY), today=DAY).proposals[0].since == date(2022, 3, 1)


def test_an_update_of_another_field_makes_no_earlier_day_true() -> None:
    """Complete since 18 October 2021, reached on 1 September 2022: an acronym given later changes nothing of that."""
    first = planned(status=Coded(code="complete"), target_sample_size=10)
    named = first.registration.model_copy(update={"acronym": Text(en="TRIAL")})
    second = first.model_copy(update={"registration": named})
    days = (date(2021, 10, 18), date(2022, 12, 1))
    history = History((version(0, first, days[0]), version(1, second, days[1])))
    found = owed(second, facts(DAY, target_sample_size=10), today=DAY, history=history)
    assert "actual_start" in proposed(found)
    assert found.last_true is None


def test_an_import_is_no_update_and_an_update_is() -> None:
    imported = History((version(0, SEED, date(2022, 12, 10)),))
    found = owed(SEED, facts(DAY), today=DAY, history=imported)
    assert proposed(found)["status"] == "recruiting"
    (yearly,) = (one for one in found.duties if one.rule == "update-12-months")
    assert (yearly.due, yearly.overdue_days) == (date(2022, 10, 18), 58)
    confirmed = History((*imported.versions, version(1, SEED, date(2022, 12, 12))))
    after = owed(SEED, facts(DAY), today=DAY, history=confirmed)
    (yearly,) = (one for one in after.duties if one.rule == "update-12-months")
    assert yearly.due == date(2023, 12, 12)


# -- duties --------------------------------------------------------------------------------------------------------


def closed(**changes: Any) -> RegistrationRecord:
    return planned(status=Coded(code="completed"), **changes)


@pytest.mark.parametrize(
    ("completion", "due"),
    [
        (RecordDate(gregorian=date(2023, 2, 28)), date(2024, 2, 28)),
        (RecordDate(gregorian=date(2024, 2, 1), precision="month"), date(2025, 2, 28)),
        (RecordDate(gregorian=date(2023, 1, 1), precision="year"), date(2023 + 1, 12, 31)),
    ],
)
def test_a_completion_known_by_its_month_counts_from_the_last_day(completion: RecordDate, due: date) -> None:
    nobody = facts(DAY, first_consent=None, last_enrolment=None, enrolled=0, screened=0, last_visit=None)
    found = owed(closed(trial_completion=completion), nobody, today=due + timedelta(days=3))
    duty = next(one for one in found.duties if one.rule == "results-12-months")
    assert (duty.due, duty.overdue_days) == (due, 3)


def test_results_that_are_there_are_not_due_and_without_a_completion_nothing_is_counted() -> None:
    nobody = facts(DAY, first_consent=None, last_enrolment=None, enrolled=0, screened=0)
    record = closed(trial_completion=RecordDate(gregorian=date(2022, 1, 1)))
    posted = record.model_copy(
        update={"results": record.results.model_copy(update={"urls": ("https://example.org/results",)})}
    )
    assert [one.rule for one in owed(posted, nobody, today=DAY).duties] == ["publication-24-months"]
    lacking = owed(closed(), nobody, today=DAY)
    assert not any(one.rule.startswith("results") for one in lacking.duties)
    assert any("no completion date is known" in one.en for one in lacking.undetermined)


def test_only_a_record_of_clinicaltrials_gov_owes_by_its_rule() -> None:
    nobody = facts(DAY, first_consent=None, last_enrolment=None, enrolled=0, screened=0)
    done = RecordDate(gregorian=date(2022, 6, 1))
    record = closed(trial_completion=done, primary_completion=RecordDate(gregorian=date(2022, 4, 1)))
    assert not any(one.rule == "results-1-year-ctgov" for one in owed(record, nobody, today=DAY).duties)
    there = record.model_copy(update={"registration": record.registration.model_copy(update={"number": "NCT00000000"})})
    duty = next(one for one in owed(there, nobody, today=DAY).duties if one.rule == "results-1-year-ctgov")
    assert duty.due == date(2023, 4, 1)


# -- the draft -----------------------------------------------------------------------------------------------------


def test_the_draft_names_every_change_with_its_days_and_no_person() -> None:
    found = owed(SEED, facts(DAY), today=DAY)
    for said in (found.reason.en, found.reason.fa):
        assert "2022-03-01, 1400/12/10" in said
        assert "P01" not in said
        assert "P10" not in said
    assert "Recruitment status: Recruiting (was Recruitment complete)" in found.reason.en
    assert "«وضعیت بیمار گیری» از «بیمارگیری تمام شده» به «در حال بیمارگیری»" in found.reason.fa


def test_an_update_changes_what_was_approved_and_says_why() -> None:
    found = owed(SEED, facts(DAY), today=DAY)
    start = [one for one in found.proposals if one.path == "recruitment.actual_start"]
    new = updated(SEED, start, Text(en="The first participant was enrolled", fa="نخستین شرکت‌کننده وارد شد"))
    assert new.recruitment.actual_start == RecordDate(gregorian=date(2022, 3, 1), jalali="1400/12/10")
    assert new.recruitment.status == SEED.recruitment.status
    assert new.registration.reason_for_update.en == "The first participant was enrolled"
    drafted = updated(SEED, start)
    assert "1400/12/10" in drafted.registration.reason_for_update.fa
    assert updated(SEED, ()) == SEED
    assert all(value_at(new, one.path) == one.new for one in start)
