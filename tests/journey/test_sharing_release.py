"""A release by the sharing plan, from a small virtual trial. What must not be found is looked for here anew, not by the
product's own search."""

from __future__ import annotations

import hashlib
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
from tests.journey.conftest import Said

from theratrial.cli import share_build
from theratrial.errors import InputError
from theratrial.pipeline import sdtm_package, sharing_release
from theratrial.pipeline.sharing_proof import pdf_text, search
from theratrial.pipeline.sharing_release import MANIFEST, SUMS, Release, ReleaseAsked, release_made, sealed
from theratrial.pipeline.trial import TrialRun
from theratrial.protocol.schema import SHARED_ITEMS, SharingPlan, SharingTerms
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.record import SharingPlan as RegisteredPlan
from theratrial.report.pdf import pdf_bytes
from theratrial.sharing.identity import trial_cleaner
from theratrial.sharing.identity.cleaner import Cleaner
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.plan import plan_of_trial, sharing_plan
from theratrial.sharing.readme import SharedImages
from theratrial.sharing.tables.risk import KNOWN_OUTSIDE
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
    assert {name.startswith(place) for name in made.files} == {True}


def test_the_individual_data_bring_tables_data_sets_and_results_and_no_more(release: Release) -> None:
    assert {name.split("/")[0] for name in release.files} == {
        "data", "analysis", "code", "data_dictionary.csv",
    }  # fmt: skip
    assert {"data/tables/participants.csv", "data/sdtm/xpt/dm.xpt", "analysis/adsl.json"} <= release.files.keys()


def test_the_plan_and_the_registration_record_must_agree(folder: TrialFolder, share: Share) -> None:
    with pytest.raises(InputError, match="registration record says 'undecided'"):
        share("data_dictionary", of=registered(folder, "undecided"))
    assert share("data_dictionary", of=registered(folder, "yes")).files


def test_what_the_plan_does_not_say_is_told_and_what_has_no_terms_is_no_yes(folder: TrialFolder) -> None:
    terms = {"data_dictionary": SharingTerms(when="now", to_whom="everybody", conditions="none")}
    record = registered(folder, "yes").registration
    plan = sharing_plan(with_plan(folder, "data_dictionary", terms=terms).protocol, record)
    assert plan.hindrances == ()
    assert not plan.shared("study_protocol")
    plan = sharing_plan(with_plan(folder, "analytic_code").protocol, record)
    assert {one.item for one in plan.hindrances} == {"analytic_code"}


def test_a_plan_that_no_registration_record_was_compared_with_says_so(folder: TrialFolder) -> None:
    (whole, *others) = sharing_plan(with_plan(folder, "data_dictionary").protocol, None).hindrances[::-1]
    assert (whole.item, whole.blocks, whole.holds_back) == ("", False, False)
    assert "no registration record" in whole.message
    assert {one.item for one in others} == {"data_dictionary"}
    assert sharing_plan(with_plan(folder).protocol, None).hindrances == ()


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
    assert (proof.searched, proof.not_searched) == (len(release.files), ())


def test_the_list_of_a_release_has_every_file_with_its_digest(release: Release, tmp_path: Path) -> None:
    image = b"an image"
    images = SharedImages({"P-1/1.dcm": (hashlib.sha256(image).hexdigest(), len(image))}, 1, 1, 7)
    whole = {**release.files, "images/P-1/1.dcm": image, **sealed(release, images)}
    assert all(f"- {one}\n" in whole["README.md"].decode() for one in KNOWN_OUTSIDE)
    listed = json.loads(whole[MANIFEST])["files"]
    assert listed.keys() == whole.keys() - {MANIFEST, SUMS}
    for name, one in listed.items():
        assert one == {"sha256": hashlib.sha256(whole[name]).hexdigest(), "bytes": len(whole[name])}, name
    for name, content in whole.items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    # coreutils, not we, compares; and finds a changed byte of an image.
    check = ["sha256sum", "--check", "--strict", "--quiet", SUMS]
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "images/P-1/1.dcm").write_bytes(b"an imagE")
    assert b"images/P-1/1.dcm" in subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).stdout


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


@pytest.fixture(scope="session")
def withdrawn(folder: TrialFolder) -> TrialFolder:
    """The first participant, who was treated, withdrew the use of her data."""
    first = folder.participant_ids[0]
    consent = next(row for row in folder.tables["consents"] if row["participant_id"] == first)
    moments = [row.moment for rows in folder.tables.values() for row in rows if isinstance(row.moment, datetime)]
    later = max(moments) + timedelta(days=1)
    values = {**consent.values, "withdrawn_at": later, "withdrawal_kind": "data_use"}
    rows = tuple(
        Row(row.table, row.line, values, row.original) if row is consent else row for row in folder.tables["consents"]
    )
    return replace(folder, tables={**folder.tables, "consents": rows})


@pytest.fixture(scope="session")
def without_her(withdrawn: TrialFolder, small_run: TrialRun) -> Release:
    """All that can be made where one withdrew, of a plan that shares everything made from data."""
    asked = ReleaseAsked(KEY, {}, with_pdf=False)
    whole = with_plan(withdrawn, *TABLES_AND_CODE, "clinical_study_report")
    return release_made(whole, small_run.result, asked)


def test_who_withdrew_the_use_of_her_data_is_in_nothing(withdrawn: TrialFolder, without_her: Release) -> None:
    first = withdrawn.participant_ids[0]
    assert without_her.excluded == (first,)
    assert first not in without_her.people
    code = KEY.participant_code(first)
    said = ("participant who withdrew]", code, first)
    assert [name for name, text in texts(without_her).items() if any(one in text for one in said)] == []
    # What only she was given tells of her too.
    given = {row["batch_id"] for row in withdrawn.tables["administrations"] if row["participant_id"] == first}
    others = {row["batch_id"] for row in withdrawn.tables["administrations"] if row["participant_id"] != first}
    hers = {KEY.label("BATCH", str(one)) for one in given - others}
    assert hers
    assert [name for name, text in texts(without_her).items() if any(one in text for one in hers)] == []
    assert {KEY.label("BATCH", str(one)) for one in others} <= set(
        re.findall(r"BATCH-\w+", texts(without_her)["data/tables/batches.csv"])
    )


def test_what_counts_who_withdrew_stays_home_with_the_reason(withdrawn: TrialFolder, without_her: Release) -> None:
    assert {name.split("/")[0] for name in without_her.files} == {"data", "analysis", "data_dictionary.csv"}
    assert "data/results.json" not in without_her.files
    plan = without_her.plan
    assert [one.item for one in plan.hindrances if one.holds_back] == ["clinical_study_report", "analytic_code"]
    assert "1 participant who withdrew" in plan.held_back("analytic_code")
    assert [one.item for one in plan.leaving] == ["individual_participant_data", "data_dictionary"]
    assert "the results under the same codes" not in plan.holds("individual_participant_data")
    assert "1 participant withdrew the use of the data" in texts(without_her)["data/sdtm/dataset-json/csdrg.html"]
    readme = sealed(without_her)["README.md"].decode()
    assert "1 participant withdrew the use of data" in readme
    assert "Clinical study report: it counts and tells of 1 participant who withdrew" in readme
    assert "sponsor" not in readme, "what to decide is said at home"
    manifest = json.loads(sealed(without_her)[MANIFEST])
    assert {one["item"] for one in manifest["plan"] if one["held_back"]} == {"clinical_study_report", "analytic_code"}


def test_where_all_that_has_a_yes_counts_who_withdrew_nothing_is_made(withdrawn: TrialFolder, share: Share) -> None:
    with pytest.raises(InputError, match=r"stays home(.|\n)*count 1 participant who withdrew(.|\n)*sponsor decides"):
        share("analytic_code", of=withdrawn)


def test_a_sentence_that_still_speaks_of_who_withdrew_is_found(withdrawn: TrialFolder, without_her: Release) -> None:
    cleaner = trial_cleaner(withdrawn, KEY, without_her.people)
    said = cleaner.sentence(f"left out: {withdrawn.participant_ids[0]}, 1 of 3 sessions")
    searched, left, found = search({"a.csv": said.encode(), "consent/form.txt": b"blank"}, withdrawn, cleaner)
    assert (searched, left) == (1, ("consent/form.txt",))
    assert found == ("a.csv: speaks of a participant who withdrew the use of her data",)


def test_days_of_the_study_and_moved_dates_never_leave_together(folder: TrialFolder, small_run: TrialRun) -> None:
    items = (*TABLES_AND_CODE, "clinical_study_report")
    whole = with_plan(folder, *items, dates="study_days", with_images=True)
    made = release_made(whole, small_run.result, ReleaseAsked(KEY, {}, with_pdf=False))
    assert {name.split("/")[0] for name in made.files} == {"data", "data_dictionary.csv"}
    outside = {name for name in made.files if name.startswith("data/") and not name.startswith("data/tables/")}
    assert outside == {"data/risk.json"}
    assert not made.plan.with_images
    moved = {
        (value.date() if isinstance(value, datetime) else value) + timedelta(days=made.people[str(one)].shift_days)
        for rows in folder.tables.values()
        for row in rows
        if (one := row.values.get("participant_id")) is not None
        for value in row.values.values()
        if isinstance(value, date)
    }
    assert len(moved) > 50
    for name, text in texts(made).items():
        assert not {one for one in moved if one.isoformat() in text}, name
    readme = sealed(made)["README.md"].decode()
    assert "days of the study" in readme
    assert "moved by" not in readme
    plan = plan_of_trial(whole)
    assert [one.item for one in plan.hindrances if one.holds_back] == ["clinical_study_report", "analytic_code"]
    assert plan.holds("individual_participant_data")[0].count("days of the study") == 1


def test_the_days_of_the_trial_are_masked_where_the_dates_of_people_are_moved(release: Release) -> None:
    tree = json.loads(release.files["data/sdtm/dataset-json/ts.json"])
    names = [one["name"] for one in tree["columns"]]
    summary = {row[names.index("TSPARMCD")]: dict(zip(names, row, strict=True)) for row in tree["rows"]}
    for code in ("SSTDTC", "SENDTC", "DCUTDTC"):
        assert (summary[code]["TSVAL"] or "", summary[code]["TSVALNF"]) == ("", "MSK")
    for name in release.files:
        if name.endswith(".json") and ("/sdtm/" in name or name.startswith("analysis/")):
            one = json.loads(release.files[name])
            assert one["datasetJSONCreationDateTime"] == "1970-01-01T00:00:00+00:00", name
            assert one.get("dbLastModifiedDateTime") is None, name
        if name.endswith(".xpt"):
            assert b"01JAN70:00:00:00" in release.files[name][:240], name
        if name.endswith("define.xml"):
            assert b'CreationDateTime="1970-01-01T00:00:00' in release.files[name], name


def test_no_place_in_a_release_names_a_line_of_a_table_at_home(release: Release) -> None:
    lines = re.compile(r"\.csv#\d")
    assert [name for name, text in texts(release).items() if lines.search(text)] == []


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
    shared = [name for name in release.files if name.startswith("analysis/") and name.endswith(".json")]
    assert f"Every one of the {len(shared)} data sets is the one that was shared" in done.stdout


def test_the_text_of_a_pdf_is_searched_and_one_that_cannot_be_read_refuses(
    folder: TrialFolder, release: Release
) -> None:
    first = folder.participant_ids[0]
    page = f"<html><body><p>Of {first} nothing may be said.</p></body></html>"
    cleaner = trial_cleaner(folder, KEY, release.people)
    _, _, found = search({"report/a.pdf": pdf_bytes(page)}, folder, cleaner)
    assert found == ("report/a.pdf: an id of the trial (participant)",)
    with pytest.raises(InputError, match="cannot be searched"):
        pdf_text("report/b.pdf", b"%PDF-1.7 cut off")


@pytest.fixture
def build(
    folder: TrialFolder,
    small_run: TrialRun,
    command: Callable[..., Said],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Said]:
    """`theratrial share build` as the shell calls it, into ``out``, of the small trial under a plan."""
    (tmp_path / "home").mkdir()

    def called(*yes: str, options: tuple[str, ...] = (), **more: Any) -> Said:
        whole = with_plan(folder, *yes, **more)
        monkeypatch.setattr(sdtm_package, "opened_result", lambda *_given: (whole, small_run.result))
        return command("share", "build", tmp_path, tmp_path / "out", "--key", tmp_path / "home" / "key", *options)

    return called


def test_a_build_that_is_refused_leaves_nothing_not_even_a_key(build: Callable[..., Said], tmp_path: Path) -> None:
    said = build()
    assert (said.code, "yes to nothing" in said.err) == (1, True)
    said = build("informed_consent_form")
    assert (said.code, "name its file (--consent)" in said.err) == (1, True)
    assert "A new key" not in said.err
    assert [one.name for one in tmp_path.rglob("*")] == ["home"]


def test_a_build_writes_what_says_proven_last_and_tells_the_digest_of_the_list(
    build: Callable[..., Said], release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_images = replace(release, plan=replace(release.plan, with_images=True))
    monkeypatch.setattr(sharing_release, "release_made", lambda *_given: with_images)
    there: list[str] = []

    def images(_folder: TrialFolder, out: Path, *_more: object) -> SharedImages:
        there.extend(sorted(one.name for one in out.parent.iterdir()))
        if len(there) < 6:
            raise InputError("an image has changed")
        return SharedImages({}, 0, 0, 0)

    monkeypatch.setattr(share_build, "_images", images)
    said = build("individual_participant_data", options=("--no-pdf",), with_images=True)
    assert (said.code, "an image has changed" in said.err) == (1, True)
    assert there == ["UNFINISHED.txt", "analysis", "code", "data", "data_dictionary.csv"]
    assert [one.name for one in tmp_path.rglob("*")] == ["home"], "neither key nor mapping nor anything half"
    said = build("individual_participant_data", options=("--no-pdf",), with_images=True)
    assert said.code == 0, said.err
    written = {one.name for one in (tmp_path / "out").iterdir()}
    assert written == {"README.md", SUMS, MANIFEST, "analysis", "code", "data", "data_dictionary.csv"}
    assert hashlib.sha256((tmp_path / "out" / MANIFEST).read_bytes()).hexdigest() in said.out
    assert {one.name for one in (tmp_path / "home").iterdir()} == {"key", "key.mapping.json"}


@pytest.mark.long
def test_the_study_report_names_nobody_either_and_no_day_of_the_whole_trial(folder: TrialFolder, share: Share) -> None:
    made = share("clinical_study_report")
    assert made.proof.leaks == ()
    assert "data to " not in texts(made)["report/report-en.html"]
    assert "First treatment" not in texts(made)["report/report-en.html"]
    for name, text in texts(made).items():
        for one in folder.participant_ids:
            assert not re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", text), (name, one)
