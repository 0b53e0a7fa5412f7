"""The registration record against the living trial, in and out as files, and with the trial folder."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from theratrial.errors import InputError, Problems
from theratrial.exchange.registry_files import read_registry_file
from theratrial.pipeline.registry_facts import trial_facts
from theratrial.protocol.reader import shipped_protocol_bytes
from theratrial.registry.history import History, Version
from theratrial.registry.history_files import history_files
from theratrial.registry.reader import registration_yaml, shipped_registration, shipped_registration_bytes
from theratrial.registry.words import Text
from theratrial.simulation.cohort import SEED_PROTOCOL
from theratrial.trialfolder import read_folder
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import trial_rows
from theratrial.web.capture.services import record_entered_in_error
from theratrial.web.exports.folder import folder_written
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event, Payload
from theratrial.web.participants.selectors import trial_now
from theratrial.web.people.models import User
from theratrial.web.registration import brief, facts
from theratrial.web.registration.models import RegistrationDraft, RegistrationVersion
from theratrial.web.registration.rebasing import rebased
from theratrial.web.registration.selectors import history_now, record_now
from theratrial.web.registration.taking import first_version, history_taken, taken_over
from theratrial.web.setup_site import DEMONSTRATION_PASSWORD, SETUP, demonstration_made, trial_set_up
from theratrial.web.trials.models import Trial
from theratrial.web.trials.selectors import trial_zone

As = Callable[[str], Client]
SEED = shipped_registration(SEED_PROTOCOL)


@pytest.fixture
def registered(trial: Trial, cast: dict[str, User]) -> Trial:
    """The trial of the cast with the shipped record as version 0, nobody in it."""
    history_taken(History((first_version(SEED, trial_zone(), trial_now()),)))
    return trial


def told(answer: Any) -> str:
    return str(answer.content.decode())


# --- the living trial ------------------------------------------------------------------------------------------------


def test_facts_kept_per_participant_are_those_of_the_whole_trial_and_follow_every_change(cohort: Trial) -> None:
    def whole() -> Any:
        known = trial_facts(trial_rows().folder, as_of=trial_now())
        return replace(known, sites=("Centre site_01 (virtual)",), simulated=True)

    assert facts.facts_now() == whole()
    first = Record.objects.filter(table="administrations", session=1).order_by("sequence").first()
    assert first is not None
    before = facts.facts_now()
    record_entered_in_error(User.objects.get(username="nuclear1"), first, seen_version=1, reason="another patient's")
    assert facts.facts_now() != before
    assert facts.facts_now() == whole()


def test_what_the_trial_shows_is_proposed_taken_signed_and_then_the_record_is_true(
    cohort: Trial, client_of: As
) -> None:
    client = client_of("registrant1")
    page = told(client.get("/registration/owed/"))
    paths = re.findall(r'name="take" value="([^"]+)"', page)
    assert "recruitment.actual_start" in paths
    assert re.search(r"consents: P0\d", page)
    assert "overdue" in told(client_of("monitor1").get("/"))
    assert told(client.post("/registration/owed/take/", {"reason_en": "x"})).count("Choose at least one") == 1
    reason = {"reason_en": "The trial's own dates", "reason_fa": "تاریخ‌های خود کارآزمایی"}
    assert client.post("/registration/owed/take/", {"take": paths, **reason}).status_code == 302
    preview = told(client.get("/registration/edit/preview/"))
    digest = re.search(r'name="digest" value="(\w+)"', preview)
    assert digest is not None
    sent = {"digest": digest[1], "sign_username": "registrant1", "sign_password": DEMONSTRATION_PASSWORD}
    assert client.post("/registration/edit/sign/", sent).status_code == 302
    record, state = record_now(), brief.state_now()
    assert record is not None
    assert state is not None
    first = min(
        row["signed_at"].date() for row in trial_rows().folder.rows("consents") if row["participant_id"] == "P01"
    )
    assert record.recruitment.actual_start is not None
    assert record.recruitment.actual_start.gregorian == first
    assert record.registration.reason_for_update.en == "The trial's own dates"
    assert not {one.path for one in state.owed.proposals} & set(paths)


def test_who_may_not_see_participants_sees_what_is_owed_without_their_codes(cohort: Trial, client_of: As) -> None:
    for path in ("owed/", "check/"):
        page = told(client_of("pharmacist1").get(f"/registration/{path}"))
        assert not re.search(r"\bP0\d\b", page), path
    assert re.search(r"\bP0\d\b", told(client_of("registrant1").get("/registration/owed/")))


@pytest.mark.parametrize("number", [3, 30])
def test_pages_of_the_record_cost_the_same_queries_for_3_and_for_30_participants(
    db: None, client_of: As, django_assert_max_num_queries: Callable[[int], object], number: int
) -> None:
    demonstration_made(participants=number)
    client = client_of("registrant1")
    for path, most in (("", 22), ("check/", 24), ("owed/", 22), ("history/", 22), ("edit/", 24), ("files/", 22)):
        facts.forget()
        brief.forget()
        with django_assert_max_num_queries(most + 14):  # type: ignore[attr-defined]
            assert client.get(f"/registration/{path}").status_code == 200, path
        with django_assert_max_num_queries(most):  # type: ignore[attr-defined]
            client.get(f"/registration/{path}")


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format_", "begins"),
    [
        ("yaml", b"schema_version"), ("ictrp-xml", b"<?xml"), ("ictrp-xml-131", b"<?xml"), ("ctgov-json", b"{"),
        ("irct-html", b"<!doctype html"), ("sheet", b"<!doctype html"),
    ],
)  # fmt: skip
def test_the_record_leaves_as_a_file_and_the_ledger_says_so(
    registered: Trial, client_of: As, format_: str, begins: bytes
) -> None:
    answer = client_of("monitor1").post("/registration/files/export/", {"format": format_, "version": "0"})
    assert answer.status_code == 200
    assert answer.content.lower().startswith(begins)
    assert SEED_PROTOCOL in answer["Content-Disposition"]
    event = Event.objects.get(action="export.registration", op="note")
    assert answer["X-Content-SHA256"] in str(Payload.objects.get(seq=event.seq).new)


def test_an_export_with_addresses_is_for_who_edits_the_record(registered: Trial, client_of: As) -> None:
    asked = {"format": "yaml", "version": "0", "contacts": "1"}
    assert client_of("monitor1").post("/registration/files/export/", asked).status_code == 403
    assert client_of("registrant1").post("/registration/files/export/", asked).status_code == 200


def test_a_saved_page_becomes_a_draft_and_what_found_no_place_is_listed(
    registered: Trial, client_of: As, shared: Path
) -> None:
    text = (shared / "seed" / f"{SEED_PROTOCOL}.txt").read_text(encoding="utf-8")
    changed = text.replace("2022-01-21", "2641-06-14", 1)
    client = client_of("registrant1")
    file = SimpleUploadedFile("page.txt", changed.encode())
    answer = client.post("/registration/files/import/", {"file": file})
    assert answer.status_code == 302, told(answer)
    page = told(client.get("/registration/edit/preview/"))
    assert "2641-06-14" in page
    assert "Expected recruitment start date" in page
    assert RegistrationVersion.objects.count() == 1


@pytest.mark.parametrize("format_", ["irct-html", "yaml"])
def test_a_copy_that_names_nobody_takes_nobody_out_of_the_record(
    registered: Trial, client_of: As, format_: str
) -> None:
    client = client_of("registrant1")
    public = client.post("/registration/files/export/", {"format": format_, "version": "0", "language": "en"}).content
    assert SEED.people.registrant.email.encode() not in public
    changed = public.replace(b"Patients are selected", b"Patients are chosen")
    client.post("/registration/files/import/", {"file": SimpleUploadedFile(f"page.{format_[-4:]}", changed)})
    page = told(client.get("/registration/edit/preview/"))
    assert "The file names nobody" in page
    assert "chosen" in page
    assert SEED.people.registrant.email not in page


def test_a_file_is_read_only_over_a_draft_when_that_was_ticked(registered: Trial, client_of: As) -> None:
    client = client_of("registrant1")
    client.post("/registration/edit/", {"v:public_title:en": "Mine", "base": "0", "do": "keep"})

    def sent(**more: str) -> Any:
        file = SimpleUploadedFile("record.yaml", shipped_registration_bytes(SEED_PROTOCOL))
        return client.post("/registration/files/import/", {"file": file, **more})

    assert "Tick that the file replaces it" in told(sent())
    assert RegistrationDraft.objects.get().answers["v:public_title:en"] == "Mine"
    assert sent(replace="1").status_code == 302
    assert RegistrationDraft.objects.get().answers == {}


def test_what_is_no_record_and_what_is_another_trial_s_is_refused_with_reasons(
    registered: Trial, client_of: As
) -> None:
    client = client_of("registrant1")
    other = SimpleUploadedFile("other.yaml", shipped_registration_bytes("IRCT20240110000000N1"))
    answer = client.post("/registration/files/import/", {"file": other})
    assert answer.status_code == 422
    assert "IRCT20240110000000N1; this trial is registered as" in told(answer)
    nothing = SimpleUploadedFile("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(200))
    assert client.post("/registration/files/import/", {"file": nothing}).status_code == 422
    assert client.post("/registration/files/import/", {}).status_code == 422
    assert not RegistrationDraft.objects.exists()


# --- the trial folder -------------------------------------------------------------------------------------------------


def updated_history() -> History:
    zone = trial_zone()
    first = first_version(SEED, zone, trial_now())
    newer = SEED.model_copy(update={"public_title": Text(en="A new title")})
    return History((first, Version(1, newer, trial_now(), "registrant1", Text(en="the title"))))


def test_versions_leave_with_the_trial_folder_and_come_in_with_it(registered: Trial, tmp_path: Path) -> None:
    history_taken(updated_history())
    with act(SETUP, "test.read"):
        folder_written(tmp_path / "trial", Record.objects.none(), (), contacts=True)
    names = sorted(one.name for one in (tmp_path / "trial" / "registration_versions").iterdir())
    assert names == ["0000.yaml", "0001.yaml"]
    for table in ("participants", "consents"):
        assert (tmp_path / "trial" / "records" / f"{table}.csv").exists()
    read = read_folder(tmp_path / "trial")
    assert read.registration_history == history_now()
    assert read.registration is not None
    assert read.registration.public_title.en == "A new title"
    text = (tmp_path / "trial" / "registration.yaml").read_text().replace("A new title", "Another")
    (tmp_path / "trial" / "registration.yaml").write_text(text)
    with pytest.raises(Problems, match="is not the record of version 1, the newest"):
        read_folder(tmp_path / "trial")


def test_a_site_is_set_up_with_the_versions_beside_the_record(db: None) -> None:
    zone = ZoneInfo("Asia/Tehran")
    now = timezone.now().astimezone(zone)
    newer = SEED.model_copy(update={"public_title": Text(en="A new title")})
    first = first_version(SEED, zone, now)
    history = History((first, Version(1, newer, now, "registrant1", Text(en="why"))))
    trial_set_up(
        shipped_protocol_bytes(SEED_PROTOCOL),
        registration_yaml(newer).encode(),
        registration_versions=history_files(history),
    )
    found = history_now()
    assert found is not None
    assert [one.author for one in found.versions] == ["site-setup", "registrant1"]
    assert found.current.record == newer


def test_versions_of_another_record_are_not_put_behind_those_that_are_here(registered: Trial) -> None:
    other = SEED.model_copy(update={"public_title": Text(en="Another trial")})
    with pytest.raises(InputError, match="not that of this site"):
        history_taken(History((first_version(other, trial_zone(), trial_now()),)))
    assert RegistrationVersion.objects.count() == 1


def test_a_record_kept_as_a_text_of_the_trial_becomes_version_0(trial: Trial) -> None:
    with act(SETUP, "test.old"):
        trial.registration_yaml = registration_yaml(SEED)
        trial.save()
    taken_over(plan=[("a migration", False)])
    assert record_now() == SEED
    assert Trial.objects.get().registration_yaml == ""
    taken_over(plan=[("a migration", False)])
    assert RegistrationVersion.objects.count() == 1


def test_the_exported_folder_leaves_addresses_out_for_who_may_not_edit_the_record(
    trial: Trial, cast: dict[str, User], client_of: As
) -> None:
    contact = SEED.people.data_updating.model_copy(update={"email": "nobody@example.org"})
    people = SEED.people.model_copy(update={"data_updating": contact})
    history_taken(History((first_version(SEED.model_copy(update={"people": people}), trial_zone(), trial_now()),)))

    def record(username: str) -> str:
        content = client_of(username).post("/exports/folder/").content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read("trial/registration.yaml").decode()

    assert "nobody@example.org" in record("manager1")
    assert "nobody@example.org" not in record("statistician1")


def test_mine_stands_where_both_changed_a_field_and_a_group_is_taken_whole() -> None:
    mine = SEED.model_copy(update={"public_title": Text(en="Mine"), "ethics": SEED.ethics * 2})
    theirs = SEED.model_copy(update={"public_title": Text(en="Theirs"), "scientific_title": Text(en="Theirs too")})
    found = rebased(SEED, mine, theirs)
    assert (found.record.public_title.en, found.record.scientific_title.en) == ("Mine", "Theirs too")
    assert found.record.ethics == SEED.ethics * 2
    assert found.both == ("public_title",)


def test_the_export_can_be_read_again_by_the_importer(registered: Trial, client_of: As) -> None:
    answer = client_of("registrant1").post("/registration/files/export/", {"format": "irct-html", "version": "0"})
    today = trial_now().date()
    found = read_registry_file(answer.content, "page.html", today=today)
    assert found.record.registration.number == SEED_PROTOCOL
    assert found.record.primary_outcomes == SEED.primary_outcomes
