"""Sharing on the site: who makes, signs and fetches a release, what is in it, and who is not."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import socket
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from theratrial.pipeline import sharing_proof, sharing_release
from theratrial.pipeline.trial import TrialRun
from theratrial.protocol.schema import SHARED_ITEMS, SharingPlan
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.record import SharingPlan as RegisteredPlan
from theratrial.sharing.tables.values import WithheldText
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import TrialFolder
from theratrial.web.capture.models import Record
from theratrial.web.exports import sharing_making, sharing_preview
from theratrial.web.exports.models import SharedRelease, SharingDecision
from theratrial.web.exports.sharing_keeping import release_file
from theratrial.web.exports.sharing_making import releases_resumed, shared_release_made
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event, Signature
from theratrial.web.people.models import Assignment, User
from theratrial.web.results.models import Computation
from theratrial.web.setup_site import CAST, DEMONSTRATION_PASSWORD, SETUP

ClientOf = Callable[[str], Client]
ADDRESS = "/exports/sharing/"
MAKERS = {"investigator1", "manager1", "manager2"}
TYPED = "Went home to Testabad with her aunt"


def with_yes(folder: TrialFolder, *yes: str, **more: Any) -> TrialFolder:
    plan = SharingPlan.model_validate({one: "yes" if one in yes else "undecided" for one in SHARED_ITEMS} | more)
    clause = folder.protocol.sharing.model_copy(update={"reading": plan})
    registered = RegisteredPlan.model_validate({one: getattr(plan, one) for one in SHARED_ITEMS})
    record = (folder.registration or RegistrationRecord()).model_copy(update={"sharing": registered})
    return replace(folder, protocol=folder.protocol.model_copy(update={"sharing": clause}), registration=record)


@pytest.fixture
def planned(
    computed_site: Computation,
    folder_run: TrialRun,
    virtual_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    settings: Any,
) -> Callable[..., None]:
    """Sets the plan of the protocol in force; the computation is the same run outside the site, under that plan."""
    settings.SITE_FOLDER = tmp_path
    monkeypatch.setattr(sharing_release, "pdf", lambda *_args: b"%PDF")
    monkeypatch.setattr(sharing_proof, "pdf_text", lambda *_args: b"")

    def plan(*yes: str, **more: Any) -> None:
        folder = with_yes(read_folder(virtual_folder), *yes, **more)
        sharing_preview._LAST.clear()
        monkeypatch.setattr(sharing_preview, "folder_of", lambda _one: folder)
        monkeypatch.setattr(sharing_preview, "folder_and_result", lambda _one: (folder, folder_run.result))
        monkeypatch.setattr(sharing_preview, "protocol_in_force", lambda: folder.protocol)
        monkeypatch.setattr(sharing_preview, "record_now", lambda: folder.registration)

    return plan


@pytest.fixture
def tables(planned: Callable[..., None]) -> None:
    """The individual data and their dictionary are shared."""
    planned("individual_participant_data", "data_dictionary")


def asked(browser: Client, **more: Any) -> SharedRelease:
    answer = browser.post(f"{ADDRESS}ask/", {"to_whom": "A university under an agreement", **more})
    assert answer.status_code == 302, answer.content.decode()
    return SharedRelease.objects.latest("number")


def made(browser: Client, **more: Any) -> SharedRelease:
    one = asked(browser, **more)
    state = shared_release_made(str(one.pk))
    one.refresh_from_db()
    assert state == "made", one.message
    return one


def signed(browser: Client, one: SharedRelease, username: str = "investigator1") -> Any:
    page = browser.get(f"{ADDRESS}{one.pk}/").content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="(digest|kind|key|meaning)" value="([^"]*)"', page))
    return browser.post(
        f"{ADDRESS}{one.pk}/sign/", {**fields, "sign_username": username, "sign_password": DEMONSTRATION_PASSWORD}
    )


def files_of(answer: Any) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def withdraw(code: str) -> None:
    consent = Record.objects.get(table="consents", participant__code=code)
    with act(SETUP, "test.withdrawal", reason="withdrawn"):
        consent.cells = {**consent.cells, "withdrawn_at": "2023-05-01T10:00+03:30", "withdrawal_kind": "data_use"}
        consent.version += 1
        consent.save()


def test_the_seven_items_stand_with_answer_and_terms_for_whoever_may_export(
    planned: Callable[..., None], client_of: ClientOf
) -> None:
    planned("study_protocol", terms={"study_protocol": {"when": "at publication", "to_whom": "anybody"}})
    for name in (*sorted(MAKERS), "statistician1"):
        page = client_of(name).get(ADDRESS).content.decode()
        assert page.count('<th scope="row">') == len(SHARED_ITEMS), name
        assert "at publication" in page
        assert page.count("tag undetermined") == len(SHARED_ITEMS) - 1
        assert "does not say conditions" in page
    assert client_of("monitor1").get(ADDRESS).status_code == 403


def test_only_who_may_make_a_release_sees_counts_risk_and_texts(tables: None, client_of: ClientOf) -> None:
    for member in CAST:
        browser = client_of(member.username)
        answer = browser.get(ADDRESS)
        sees = member.username in MAKERS
        assert (b"Who could be recognised" in answer.content) == sees, member.username
        assert (browser.get(f"{ADDRESS}texts/").status_code == 200) == sees
        assert (browser.post(f"{ADDRESS}ask/", {"to_whom": "x"}).status_code == 403) == (not sees)


def test_the_counts_before_are_those_of_the_package_after(tables: None, client_of: ClientOf) -> None:
    browser = client_of("manager1")
    page = browser.get(ADDRESS).content.decode()
    one = made(browser)
    with zipfile.ZipFile(release_file(one)) as archive:
        names = [name for name in archive.namelist() if name.startswith("data/tables/")]
        lines = sum(len(list(csv.reader(io.StringIO(archive.read(name).decode())))) - 1 for name in names)
        people = list(csv.DictReader(io.StringIO(archive.read("data/tables/participants.csv").decode())))
    assert f"{len(people)} participants · {len(names)} tables · {lines} lines" in page
    assert one.content["participants"] == len(people) == len(one.participants)


def test_nothing_is_made_without_a_yes_or_where_the_registration_disagrees(
    planned: Callable[..., None], client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned()
    browser = client_of("manager1")
    assert b"says yes to nothing" in browser.get(ADDRESS).content
    assert browser.post(f"{ADDRESS}ask/", {"to_whom": "x"}).status_code == 422
    planned("data_dictionary")
    undecided = with_yes(sharing_preview.folder_of(Computation.objects.latest("finished_at"))).registration
    monkeypatch.setattr(sharing_preview, "record_now", lambda: undecided)
    answer = browser.post(f"{ADDRESS}ask/", {"to_whom": "x"})
    assert answer.status_code == 422
    assert "nothing may leave before they agree" in answer.content.decode()
    assert not SharedRelease.objects.exists()


def test_a_release_leaves_only_after_another_than_its_maker_has_signed_it(tables: None, client_of: ClientOf) -> None:
    maker, investigator = client_of("manager1"), client_of("investigator1")
    one = made(maker)
    assert investigator.post(f"{ADDRESS}{one.pk}/package/").status_code == 409
    assert signed(maker, one, "manager1").status_code == 403
    assert signed(investigator, one).status_code == 302
    signature = Signature.objects.get(kind="shared_release")
    assert (signature.signer, signature.meaning, signature.role) == (
        "investigator1", "approved", "principal_investigator",
    )  # fmt: skip
    assert signature.content["sha256"] == one.sha256
    answer = investigator.post(f"{ADDRESS}{one.pk}/package/")
    assert answer.headers["X-Content-SHA256"] == one.sha256
    files = files_of(answer)
    assert {"data/tables/participants.csv", "data_dictionary.csv", "release.json"} <= set(files)
    about = json.loads(files["release.json"])
    assert about["proof"]["leaks"] == []
    # The package has a list of its own beside: which program verifies it, and how.
    assert set(about["files"]) == {
        name for name in files if "/" in name or name in ("README.md", "data_dictionary.csv")
    }
    assert about["files"]["README.md"]["sha256"] == hashlib.sha256(files["README.md"]).hexdigest()
    assert Event.objects.filter(action="export.shared-release", actor="investigator1").exists()
    assert maker.post(f"{ADDRESS}{one.pk}/package/").status_code == 409, "not before the data are locked"


def test_who_signs_sees_what_lies_in_the_package_and_who_may_neither_sign_nor_make_does_not(
    tables: None, client_of: ClientOf
) -> None:
    """The signature says that she reviewed what it holds, and she cannot fetch it before."""
    one = made(client_of("manager1"))
    with zipfile.ZipFile(release_file(one)) as package:
        names = [name for name in package.namelist() if not name.startswith("images/")]
    page = client_of("investigator1").get(f"{ADDRESS}{one.pk}/").content.decode()
    assert "Files in the package" in page
    assert "data/tables/participants.csv" in names
    assert not [name for name in names if name.startswith("data/tables/") and name not in page]
    assert "Files in the package" not in client_of("statistician1").get(f"{ADDRESS}{one.pk}/").content.decode()
    release_file(one).write_bytes(b"no package")
    assert client_of("investigator1").get(f"{ADDRESS}{one.pk}/").status_code == 200


def test_nobody_signs_her_own_release(tables: None, client_of: ClientOf) -> None:
    browser = client_of("investigator1")
    one = made(browser)
    assert b"another principal investigator signs it" in browser.get(f"{ADDRESS}{one.pk}/").content
    assert signed(browser, one).status_code == 422
    assert not Signature.objects.filter(kind="shared_release").exists()


def test_a_wrong_password_signs_nothing(tables: None, client_of: ClientOf) -> None:
    one, browser = made(client_of("manager1")), client_of("investigator1")
    answer = browser.post(f"{ADDRESS}{one.pk}/sign/", {"sign_username": "investigator1", "sign_password": "no"})
    assert answer.status_code == 422
    assert browser.post(f"{ADDRESS}{one.pk}/package/").status_code == 409


def test_an_altered_package_is_neither_signed_nor_given(tables: None, client_of: ClientOf) -> None:
    browser = client_of("investigator1")
    one = made(client_of("manager1"))
    content = bytearray(release_file(one).read_bytes())
    content[len(content) // 2] ^= 1
    release_file(one).write_bytes(bytes(content))
    assert signed(browser, one).status_code == 422
    content[len(content) // 2] ^= 1
    release_file(one).write_bytes(bytes(content))
    assert signed(browser, one).status_code == 302
    release_file(one).unlink()
    assert browser.post(f"{ADDRESS}{one.pk}/package/").status_code == 409


def test_who_withdraws_afterwards_stops_the_release_and_is_counted_not_named(tables: None, client_of: ClientOf) -> None:
    maker, investigator = client_of("manager1"), client_of("investigator1")
    one = made(maker)
    assert signed(investigator, one).status_code == 302
    withdraw("P01")
    page = investigator.get(f"{ADDRESS}{one.pk}/").content.decode()
    assert "1 participant of this release has withdrawn" in page
    assert "P01" not in page
    assert "1 has withdrawn since" in maker.get(ADDRESS).content.decode()
    assert investigator.post(f"{ADDRESS}{one.pk}/package/").status_code == 409
    assert b"compute the trial again first" in maker.get(ADDRESS).content
    assert maker.post(f"{ADDRESS}ask/", {"to_whom": "x"}).status_code == 422


def test_who_withdrew_before_the_computation_is_left_out_and_what_counts_her_stays_home(
    planned: Callable[..., None], client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned("individual_participant_data", "data_dictionary", "analytic_code")
    folder = sharing_preview.folder_of(Computation())
    consents = tuple(
        replace(row, values={**row.values, "withdrawn_at": row.values["signed_at"], "withdrawal_kind": "data_use"})
        if row["participant_id"] == "P01"
        else row
        for row in folder.tables["consents"]
    )
    without = replace(folder, tables={**folder.tables, "consents": consents})
    result = sharing_preview.folder_and_result(Computation())[1]
    monkeypatch.setattr(sharing_preview, "folder_of", lambda _one: without)
    monkeypatch.setattr(sharing_preview, "folder_and_result", lambda _one: (without, result))
    withdraw("P01")
    browser = client_of("manager1")
    page = browser.get(ADDRESS).content.decode()
    assert "1 left out" in page
    assert page.count('<span class="tag warn">stays home</span>') == 1
    assert "it compares with the published tables, which count 1 participant who withdrew" in page
    one = made(browser)
    assert one.content["left_out"] == 1
    assert [item["item"] for item in one.content["items"]] == ["individual_participant_data", "data_dictionary"]
    assert "P01" not in one.participants
    assert one.participants
    with zipfile.ZipFile(release_file(one)) as archive:
        assert not [name for name in archive.namelist() if name.startswith("code/") or name == "data/results.json"]
    planned("analytic_code")
    monkeypatch.setattr(sharing_preview, "folder_of", lambda _one: without)
    assert b"Every item with a yes stays home" in browser.get(ADDRESS).content
    assert browser.post(f"{ADDRESS}ask/", {"to_whom": "x"}).status_code == 422


def test_the_key_and_who_is_who_stay_home_for_the_owner_alone(tables: None, client_of: ClientOf) -> None:
    browser = client_of("manager1")
    first, second = made(browser), made(browser)
    home = Path(settings.SITE_FOLDER, "releases")
    assert {path.stat().st_mode & 0o077 for path in (home, *home.rglob("*"))} == {0}
    key = (home / "key").read_text().strip()
    for one in (first, second):
        with zipfile.ZipFile(release_file(one)) as archive:
            whole = b"".join(archive.read(name) for name in archive.namelist())
            assert key.encode() not in whole
            assert bytes.fromhex(key) not in whole
    with zipfile.ZipFile(release_file(first)) as old, zipfile.ZipFile(release_file(second)) as new:
        place = "data/tables/participants.csv"
        assert old.read(place) == new.read(place), "a participant keeps her code and her shift"
    assert not list(home.glob(".*")), "nothing half-done stays"


def test_a_text_is_shared_only_once_somebody_allowed_it(tables: None, client_of: ClientOf) -> None:
    browser = client_of("manager1")
    row = browser.get(f"{ADDRESS}texts/")
    lines = row.context["lines"]
    chosen = next(one["one"] for one in lines if one["one"].text.column == "comment")
    before = made(browser)
    answer = browser.post(f"{ADDRESS}texts/decide/", {"digest": chosen.digest, "answer": "allow"})
    assert answer.status_code == 302
    decision = SharingDecision.objects.get()
    assert (decision.decided_by, decision.allowed) == ("manager1", True)
    assert Event.objects.filter(entity="exports_sharingdecision", actor="manager1").exists()
    after = made(browser)
    assert after.content["texts_withheld"] == before.content["texts_withheld"] - 1
    browser.post(f"{ADDRESS}texts/decide/", {"digest": chosen.digest, "answer": "withhold"})
    assert made(browser).content["texts_withheld"] == before.content["texts_withheld"]


def test_a_decided_text_stays_where_it_is_and_its_row_alone_comes_back(tables: None, client_of: ClientOf) -> None:
    """It went to the end of the list and the page to its beginning: a wrong click was hard to take back."""
    browser = client_of("manager1")
    lines = browser.get(f"{ADDRESS}texts/").context["lines"]
    chosen, anchor = lines[1]["one"], lines[1]["anchor"]
    decide = f"{ADDRESS}texts/decide/", {"digest": chosen.digest, "answer": "allow"}
    assert browser.post(*decide)["Location"].endswith(f"#{anchor}")
    row = browser.post(*decide, headers={"HX-Target": anchor, "HX-Request": "true"}).content.decode()
    assert f'<tr id="{anchor}"' in row
    assert row.count("<tr") == 1
    assert f"{len(lines) - 1} are not read yet" in row
    again = browser.get(f"{ADDRESS}texts/").context["lines"]
    assert [one["one"].digest for one in again] == [one["one"].digest for one in lines]


def test_an_unknown_text_is_not_decided(tables: None, client_of: ClientOf) -> None:
    browser = client_of("manager1")
    browser.post(f"{ADDRESS}texts/decide/", {"digest": "0" * 64, "answer": "allow"})
    assert browser.post(f"{ADDRESS}texts/decide/", {"digest": "0" * 64, "answer": "maybe"}).status_code == 404
    assert not SharingDecision.objects.exists()


def test_the_ledger_keeps_no_typed_text_of_a_decision(
    tables: None, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is redacted in the records later must not survive beside them."""
    seen = sharing_preview.previewed(Computation.objects.latest("finished_at"))
    text = WithheldText("adverse_events", "comment", TYPED, 1)
    monkeypatch.setattr(sharing_preview, "previewed", lambda _one: replace(seen, texts=(text,)))
    browser = client_of("manager1")
    digest = browser.get(f"{ADDRESS}texts/").context["lines"][0]["one"].digest
    browser.post(f"{ADDRESS}texts/decide/", {"digest": digest, "answer": "allow"})
    assert SharingDecision.objects.count() == 1
    from theratrial.web.ledger.models import Payload

    assert not Payload.objects.filter(new__contains="Testabad").exists()


def test_an_interrupted_release_is_made_again_and_leaves_nothing_half(tables: None, client_of: ClientOf) -> None:
    one = asked(client_of("manager1"))
    place = release_file(one)
    with act(SETUP, "test.set-up"):
        SharedRelease.objects.update(state="making", begun_at=timezone.now(), worker=f"{socket.gethostname()}/0/1")
    half = place.parent / f".{place.name}.half-0000"
    half.write_bytes(b"half")
    assert releases_resumed() == 1
    assert not half.exists()
    assert shared_release_made(str(one.pk)) == "made"
    assert shared_release_made(str(one.pk)) == "not waiting"
    assert releases_resumed() == 0


def test_a_release_that_fails_leaves_no_package_and_says_why(
    tables: None, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from theratrial.errors import InputError

    def refused(*_args: Any) -> None:
        raise InputError("the release is refused: 1 of 9 numbers changed")

    monkeypatch.setattr(sharing_making, "release_made", refused)
    browser = client_of("manager1")
    one = asked(browser)
    assert shared_release_made(str(one.pk)) == "failed"
    assert not release_file(one).exists()
    assert "1 of 9 numbers changed" in browser.get(ADDRESS).content.decode()
    assert client_of("investigator1").post(f"{ADDRESS}{one.pk}/sign/", {}).status_code == 422


def test_a_protocol_that_changed_after_the_computation_is_not_shared_by_the_old_plan(
    tables: None, planned: Callable[..., None], client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = asked(client_of("manager1"))
    other = with_yes(sharing_preview.folder_of(one.computation), "study_protocol")
    monkeypatch.setattr(sharing_preview, "protocol_in_force", lambda: other.protocol)
    assert shared_release_made(str(one.pk)) == "failed"
    one.refresh_from_db()
    assert "the protocol changed after the computation" in one.message


def test_who_asks_is_told_beforehand_that_the_computation_is_older_than_the_plan(
    tables: None, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form was offered and the release failed minutes later, in the background."""
    browser = client_of("manager1")
    assert "Make the release" in browser.get(ADDRESS).content.decode()
    folder = sharing_preview.folder_of(Computation.objects.latest("finished_at"))
    other = with_yes(folder, "individual_participant_data", "study_protocol")
    monkeypatch.setattr(sharing_preview, "protocol_in_force", lambda: other.protocol)
    monkeypatch.setattr(sharing_preview, "record_now", lambda: other.registration)
    page = browser.get(ADDRESS).content.decode()
    assert "The protocol changed after the computation" in page
    assert "Make the release" not in page
    assert browser.post(f"{ADDRESS}ask/", {"to_whom": "A university"}).status_code == 422
    assert not SharedRelease.objects.exists()


def test_what_stands_in_the_way_of_an_item_stands_with_it(
    planned: Callable[..., None], client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned("individual_participant_data", "data_dictionary")
    folder = sharing_preview.folder_of(Computation.objects.latest("finished_at"))
    monkeypatch.setattr(sharing_preview, "record_now", lambda: with_yes(folder).registration)
    browser = client_of("manager1")
    page = browser.get(ADDRESS).content.decode()
    rows = re.findall(r"<tr[ >].*?</tr>", page, re.DOTALL)
    after = {
        title: rows[n + 1]
        for n, row in enumerate(rows)
        for title in ("Individual participant data", "Study protocol")
        if title in row
    }
    assert "update the record first" in after["Individual participant data"]
    assert "update the record first" not in after["Study protocol"]
    browser.cookies["theratrial_language"] = "fa"
    assert "سابقهٔ ثبت می‌گوید «تصمیم گرفته نشده»" in browser.get(ADDRESS).content.decode()


def test_a_reader_who_has_not_signed_makes_and_fetches_none(tables: None, client_of: ClientOf) -> None:
    one = made(client_of("manager1"))
    assert signed(client_of("investigator1"), one).status_code == 302
    with act(SETUP, "test.set-up", reason="two duties"):
        Assignment.objects.create(
            user=User.objects.get(username="nuclear1"), role="principal_investigator", site=None,
            starts_at=timezone.now() - timedelta(days=1), granted_by=SETUP.name,
        )  # fmt: skip
    browser = client_of("nuclear1")
    assert b"Who could be recognised" in browser.get(ADDRESS).content, "imported readings are hidden from nobody"
    with act(SETUP, "test.set-up", reason="read here"):
        Record.objects.filter(table="lesion_readings").update(source="form")
    assert b"Who could be recognised" not in browser.get(ADDRESS).content
    assert browser.post(f"{ADDRESS}ask/", {"to_whom": "x"}).status_code == 403
    assert browser.get(f"{ADDRESS}texts/").status_code == 403
    assert browser.post(f"{ADDRESS}{one.pk}/package/").status_code == 409


def test_the_consent_form_is_asked_for_and_loses_its_name(planned: Callable[..., None], client_of: ClientOf) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    planned("informed_consent_form")
    browser = client_of("manager1")
    assert browser.post(f"{ADDRESS}ask/", {"to_whom": "x"}).status_code == 422
    bad = SimpleUploadedFile("form.exe", b"blank")
    assert browser.post(f"{ADDRESS}ask/", {"to_whom": "x", "consent": bad}).status_code == 422
    one = made(browser, consent=SimpleUploadedFile("of Mrs Testabadi.pdf", b"blank"))
    with zipfile.ZipFile(release_file(one)) as archive:
        assert archive.read("consent/consent-form.pdf") == b"blank"
        assert not [name for name in archive.namelist() if "Testabadi" in name]
    assert not list(release_file(one).parent.glob("*.consent")), "it is in the package, and nowhere else any more"


def test_nobody_is_no_recipient_and_one_release_is_made_at_a_time(tables: None, client_of: ClientOf) -> None:
    browser = client_of("manager1")
    for to_whom in ("", "   ", "x" * 501):
        assert browser.post(f"{ADDRESS}ask/", {"to_whom": to_whom}).status_code == 422
    asked(browser)
    answer = browser.post(f"{ADDRESS}ask/", {"to_whom": "somebody else"})
    assert answer.status_code == 422
    assert SharedRelease.objects.count() == 1
