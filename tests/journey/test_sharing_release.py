"""A release by the sharing plan, from a small virtual trial. What must not be found is looked for here anew, not by the
product's own search."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from theratrial.errors import InputError
from theratrial.pipeline.sharing_release import MANIFEST, Release, ReleaseAsked, release_made
from theratrial.pipeline.trial import TrialRun
from theratrial.protocol.schema import SHARED_ITEMS, SharingPlan, SharingTerms
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.record import SharingPlan as RegisteredPlan
from theratrial.sharing.identity.cleaner import Cleaner
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.plan import sharing_plan
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import Row, TrialFolder

KEY = ReleaseKey(b"a secret of sixteen bytes or more", "test")
TYPED = "Went home to Testabad with her aunt, phone 0771 555 0101"
TABLES_AND_CODE = ("individual_participant_data", "analytic_code", "data_dictionary")
Share = Callable[..., Release]


def with_plan(folder: TrialFolder, *yes: str, **more: Any) -> TrialFolder:
    answers = {item: "yes" if item in yes else "undecided" for item in SHARED_ITEMS}
    plan = SharingPlan.model_validate(answers | more)
    clause = folder.protocol.sharing.model_copy(update={"reading": plan})
    return replace(folder, protocol=folder.protocol.model_copy(update={"sharing": clause}))


def registered(folder: TrialFolder, answer: str) -> TrialFolder:
    plan = RegisteredPlan.model_validate(dict.fromkeys(SHARED_ITEMS, answer))
    record = (folder.registration or RegistrationRecord()).model_copy(update={"sharing": plan})
    return replace(folder, registration=record)


@pytest.fixture(scope="session")
def folder(small_trial: Path) -> TrialFolder:
    return replace(read_folder(small_trial), registration=None)


@pytest.fixture
def share(folder: TrialFolder, small_run: TrialRun) -> Share:
    def made(*yes: str, of: TrialFolder | None = None, **asked: Any) -> Release:
        whole = with_plan(of or folder, *yes)
        return release_made(whole, small_run.result, ReleaseAsked(KEY, {}, with_pdf=False, **asked))

    return made


@pytest.fixture(scope="session")
def release(folder: TrialFolder, small_run: TrialRun) -> Release:
    return release_made(with_plan(folder, *TABLES_AND_CODE), small_run.result, ReleaseAsked(KEY, {}, with_pdf=False))


def texts(release: Release) -> dict[str, str]:
    return {name: content.decode("utf-8", "replace") for name, content in release.files.items()}


def changed(folder: TrialFolder, table: str, **cells: Any) -> TrialFolder:
    first, *others = folder.tables[table]
    row = Row(first.table, first.line, {**first.values, **cells}, first.original, first.origin)
    return replace(folder, tables={**folder.tables, table: (row, *others)})


def test_nothing_is_released_where_nothing_has_a_yes(share: Share) -> None:
    with pytest.raises(InputError, match="yes to nothing"):
        share()


@pytest.mark.parametrize(
    ("item", "place"),
    [
        ("study_protocol", "protocol/"),
        ("statistical_analysis_plan", "analysis_plan/"),
        ("data_dictionary", "data_dictionary.csv"),
        ("informed_consent_form", "consent/"),
    ],
)
def test_exactly_the_item_with_a_yes_is_released(share: Share, item: str, place: str) -> None:
    made = share(item, consent_form=("form.txt", b"blank"))
    assert {name for name in made.files if not name.startswith(place)} == {MANIFEST, "README.md"}
    assert [name for name in made.files if name.startswith(place)]


def test_the_individual_data_bring_tables_data_sets_and_results_and_no_more(release: Release) -> None:
    assert {name.split("/")[0] for name in release.files} == {
        "data", "analysis", "code", "data_dictionary.csv", MANIFEST, "README.md",
    }  # fmt: skip
    assert {"data/tables/participants.csv", "data/sdtm/xpt/dm.xpt", "analysis/adsl.json"} <= release.files.keys()


def test_the_plan_and_the_registration_record_must_agree(folder: TrialFolder, share: Share) -> None:
    with pytest.raises(InputError, match="registration record says 'undecided'"):
        share("data_dictionary", of=registered(folder, "undecided"))
    assert share("data_dictionary", of=registered(folder, "yes")).files


def test_what_the_plan_does_not_say_is_told_and_what_has_no_terms_is_no_yes(folder: TrialFolder) -> None:
    terms = {"data_dictionary": SharingTerms(when="now", to_whom="everybody", conditions="none")}
    plan = sharing_plan(with_plan(folder, "data_dictionary", terms=terms).protocol, None)
    assert plan.hindrances == ()
    assert not plan.shared("study_protocol")
    plan = sharing_plan(with_plan(folder, "analytic_code").protocol, None)
    assert {one.item for one in plan.hindrances} == {"analytic_code"}


def test_a_plan_with_terms_of_an_item_that_does_not_exist_is_refused(folder: TrialFolder) -> None:
    with pytest.raises(ValueError, match="the items are"):
        with_plan(folder, terms={"blood_samples": {"when": "now"}})


def test_the_consent_form_is_asked_for_since_no_trial_folder_holds_it(share: Share) -> None:
    with pytest.raises(InputError, match="--consent"):
        share("informed_consent_form")


def test_the_proof_counts_and_finds_nothing(release: Release) -> None:
    proof = release.proof
    assert proof.numbers > 500
    assert proof.dates > 100
    assert (proof.numbers_off, proof.dates_off, proof.leaks) == (0, 0, ())
    manifest = json.loads(release.files[MANIFEST])
    assert manifest["files"].keys() == release.files.keys() - {MANIFEST, "README.md"}


def test_no_id_of_the_trial_stands_in_any_file(folder: TrialFolder, release: Release) -> None:
    sites = {row["site_id"] for row in folder.tables["participants"]}
    batches = {row["batch_id"] for row in folder.tables["batches"]}
    staff = {row["obtained_by"] for row in folder.tables["consents"]}
    for name, text in texts(release).items():
        for one in {*folder.participant_ids, *sites, *batches, *staff}:
            assert not re.search(rf"(?<![\w-]){re.escape(one)}(?![\w^-])", text), (name, one)


def test_no_participants_own_dates_stand_where_she_is(folder: TrialFolder, release: Release) -> None:
    for one in folder.participant_ids:
        own = {
            (value.date() if isinstance(value, datetime) else value).isoformat()
            for rows in folder.tables.values()
            for row in rows
            if row.values.get("participant_id") == one
            for value in row.values.values()
            if isinstance(value, date)
        }
        person = release.people[one]
        moved = {(date.fromisoformat(day) + timedelta(days=person.shift_days)).isoformat() for day in own}
        assert not own & moved
        for name in ("data/tables/visits.csv", "data/tables/laboratory.csv", "data/tables/consents.csv"):
            mine = [line for line in texts(release)[name].splitlines() if line.startswith(person.code)]
            found = {day for line in mine for day in re.findall(r"\d{4}-\d\d-\d\d", line)}
            assert mine
            assert found <= moved, name
    shifts = [person.shift_days for person in release.people.values()]
    assert len(set(shifts)) == len(shifts)


def test_what_somebody_typed_stays_home_until_a_person_allowed_it(folder: TrialFolder, share: Share) -> None:
    noted = changed(folder, "participants", note=TYPED)
    assert [name for name, text in texts(share(*TABLES_AND_CODE, of=noted)).items() if "Testabad" in text] == []
    allowed = share(*TABLES_AND_CODE, of=noted, allowed_texts=frozenset({("participants", "note", TYPED)}))
    assert "Testabad" in texts(allowed)["data/tables/participants.csv"]


def test_who_withdrew_the_use_of_her_data_is_in_nothing(folder: TrialFolder, share: Share) -> None:
    first = folder.participant_ids[0]
    consent = next(row for row in folder.tables["consents"] if row["participant_id"] == first)
    moments = [row.moment for rows in folder.tables.values() for row in rows if isinstance(row.moment, datetime)]
    later = max(moments) + timedelta(days=1)
    withdrawn = {**consent.values, "withdrawn_at": later, "withdrawal_kind": "data_use"}
    rows = tuple(
        Row(row.table, row.line, withdrawn, row.original) if row is consent else row
        for row in folder.tables["consents"]
    )
    made = share(*TABLES_AND_CODE, of=replace(folder, tables={**folder.tables, "consents": rows}))
    assert made.excluded == (first,)
    assert first not in made.people
    code = KEY.participant_code(first)
    assert [name for name, text in texts(made).items() if code in text or first in text] == []
    assert "withdrew" in texts(made)["code/README.md"]


def test_a_date_that_moved_by_another_day_is_refused(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = Cleaner.moved

    def off(self: Cleaner, value: date, participant: str) -> date:
        found = moved(self, value, participant)
        return found + timedelta(days=1) if value.day == 5 else found

    monkeypatch.setattr(Cleaner, "moved", off)
    with pytest.raises(InputError, match="off their shift"):
        share(*TABLES_AND_CODE)


def test_an_id_that_was_left_in_a_sentence_is_refused(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned = Cleaner.sentence

    def only_ids(self: Cleaner, text: str, participant: str = "") -> str:
        return text if " " in text else cleaned(self, text, participant)

    monkeypatch.setattr(Cleaner, "sentence", only_ids)
    with pytest.raises(InputError, match="the release is refused, nothing was written"):
        share(*TABLES_AND_CODE)


def test_the_same_key_and_trial_give_the_same_bytes(release: Release, share: Share) -> None:
    assert share(*TABLES_AND_CODE).files == release.files


def test_another_group_recomputes_the_published_tables_from_what_was_shared(release: Release, tmp_path: Path) -> None:
    for name, content in release.files.items():
        if name.startswith(("code/", "analysis/")):
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    call = [sys.executable, "-I", str(tmp_path / "code" / "analyse.py"), "--out", str(tmp_path / "out")]
    done = subprocess.run(call, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "AGREED" in done.stdout


@pytest.mark.long
def test_the_study_report_names_nobody_either(folder: TrialFolder, share: Share) -> None:
    made = share("clinical_study_report")
    assert made.proof.leaks == ()
    for name, text in texts(made).items():
        for one in folder.participant_ids:
            assert not re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", text), (name, one)
