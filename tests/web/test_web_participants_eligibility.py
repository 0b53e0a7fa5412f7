"""Eligibility shown criterion by criterion, signed on what was shown; the selection read by a named reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from theratrial.forms.moments import typed_date
from theratrial.protocol.reader import shipped_protocol
from theratrial.simulation.cohort import SEED_PROTOCOL
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import participant_rows
from theratrial.web.capture.services import record_change, record_entered_in_error
from theratrial.web.ledger.act import SystemActor, act
from theratrial.web.ledger.models import Event, Signature
from theratrial.web.participants import eligible
from theratrial.web.participants.models import Participant
from theratrial.web.participants.renewal import Difference, Renewal
from theratrial.web.participants.screening import Registration, participant_registered
from theratrial.web.people.models import Site, User
from theratrial.web.setup_site import DEMONSTRATION_PASSWORD
from theratrial.web.studies.models import Series, Upload
from theratrial.web.trials.models import Trial

As = Callable[[str], Client]


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, f"the page has no field {name}"
    return found[1]


def signing(page: str, username: str) -> dict[str, str]:
    fields = {name: hidden(page, name) for name in ("digest", "meaning", "at", "outcome", "override")}
    return {**fields, "sign_username": username, "sign_password": DEMONSTRATION_PASSWORD}


def signed(client_of: As, code: str = "P01", query: str = "") -> int:
    client = client_of("investigator1")
    page = client.get(f"/participants/{code}/eligibility/{query}").content.decode()
    return client.post(f"/participants/{code}/eligibility/sign/", signing(page, "investigator1")).status_code


@pytest.fixture
def signer(cohort: Trial) -> User:
    """The investigator, with the task of eligibility delegated as the demonstration does."""
    return User.objects.get(username="investigator1")


def test_what_would_make_a_criterion_met_and_its_values_are_in_words_of_the_reader(
    cohort: Trial, client_of: As
) -> None:
    client = client_of("monitor1")
    page = client.get("/participants/S01/eligibility/").content.decode()
    assert "would have to hold: HER2 read of the selection PET/CT is Positive" in page
    assert "would have to hold: Positive when more than half of the known lesions" in page
    client.cookies["theratrial_language"] = "fa"
    persian = client.get("/participants/S01/eligibility/").content.decode()
    for one in (page, persian):
        table = one.partition('class="criteria"')[2].partition("</table>")[0]
        assert "==" not in re.sub("<q .*?</q>", "", table)
        assert "&amp;&amp;" not in table
    values = re.findall(r"<bdi lang=\"en\"[^>]*>[^<]*|>(?:female|negative|years)<", table)
    assert values == []


def test_a_criterion_that_differs_in_several_values_is_named_once() -> None:
    one = Difference("her2", "HER2 rule", "a", "", "1", "", "2", "", "", "met", "not_met")
    assert Renewal((one, replace(one, label="b"))).titles == ("HER2 rule",)


def test_every_criterion_stands_there_with_its_verbatim_sentence(cohort: Trial, client_of: As) -> None:
    page = client_of("monitor1").get("/participants/P01/eligibility/").content.decode()
    for clause in shipped_protocol(SEED_PROTOCOL).eligibility.values():
        for sentence in clause.verbatim:
            assert sentence.text.replace("'", "&#x27;") in page
    assert "10^9/L" in page
    assert "days before" in page  # since the last unlabelled trastuzumab


def test_the_investigator_signs_what_was_shown_and_a_change_under_it_voids_the_signature(
    signer: User, client_of: As
) -> None:
    assert signed(client_of) == 302
    signature = Signature.objects.get(kind="eligibility", key="P01")
    assert signature.content["outcome"] == "eligible"
    assert len(signature.content["criteria"]) == len(shipped_protocol(SEED_PROTOCOL).eligibility) + 1
    assert "eligible, signed" in client_of("monitor1").get("/participants/P01/").content.decode()
    used = {source for one in signature.content["criteria"] for value in one["values"] for source in value["sources"]}
    rows = [
        one
        for one in Record.objects.filter(participant__code="P01", table="laboratory")
        if any(str(one.pk) in s for s in used)
    ]
    record = next(one for one in rows if one.cells["test"] == "platelets")
    cells = {key: value for key, value in record.cells.items() if key != "participant_id"}
    record_change(
        User.objects.get(username="coordinator1"),
        record,
        {**cells, "value": "260"},
        seen_version=record.version,
        reason="typing error",
    )
    assert Signature.objects.get(pk=signature.pk).voided_at is not None
    assert "signature void" in client_of("monitor1").get("/participants/P01/").content.decode()


def test_a_signature_on_other_content_than_shown_is_refused(signer: User, client_of: As) -> None:
    client = client_of("investigator1")
    fields = signing(client.get("/participants/P01/eligibility/").content.decode(), "investigator1")
    record = Record.objects.filter(participant__code="P01", table="prior_therapy").first()
    assert record is not None
    record_entered_in_error(
        User.objects.get(username="coordinator1"), record, seen_version=record.version, reason="other woman"
    )
    assert client.post("/participants/P01/eligibility/sign/", fields).status_code == 422
    assert not Signature.objects.exists()


def test_undetermined_is_never_signed_as_eligible_without_a_deviation(
    cast: dict[str, User], site: Site, client_of: As
) -> None:
    participant_registered(
        cast["coordinator1"], site=site, registration=Registration("B-01", typed_date("2022-03-05"), "female", "51")
    )
    client = client_of("investigator1")
    page = client.get("/participants/B-01/eligibility/").content.decode()
    assert "cannot be signed as eligible" in page
    assert "laboratory.value (test platelets) has no line" in page
    fields = {
        "outcome": "eligible",
        "override": "",
        "digest": "0" * 64,
        "sign_username": "investigator1",
        "sign_password": DEMONSTRATION_PASSWORD,
    }
    assert client.post("/participants/B-01/eligibility/sign/", fields).status_code == 422
    assert not Signature.objects.exists()


def test_a_decision_against_the_verdict_is_a_signed_deviation_with_its_reason(signer: User, client_of: As) -> None:
    assert signed(client_of, query="?outcome=not_eligible&override=planned+surgery") == 302
    signature = Signature.objects.get(kind="eligibility", key="P01")
    assert (signature.meaning, signature.content["override"]) == ("overruled", "planned surgery")
    event = Event.objects.filter(action="eligibility.overrule", op="note").get()
    assert event.reason == "planned surgery"
    assert "planned surgery" in client_of("monitor1").get("/participants/P01/eligibility/").content.decode()


def test_the_outcome_cannot_be_forged_without_a_reason(signer: User, client_of: As) -> None:
    client = client_of("investigator1")
    fields = signing(client.get("/participants/P01/eligibility/").content.decode(), "investigator1")
    assert client.post("/participants/P01/eligibility/sign/", {**fields, "outcome": "not_eligible"}).status_code == 422
    assert not Signature.objects.exists()


@pytest.mark.parametrize("username", ["coordinator1", "monitor1", "physicist1", "manager1"])
def test_who_may_not_sign_eligibility_is_refused(cohort: Trial, client_of: As, username: str) -> None:
    client = client_of(username)
    assert client.post("/participants/P01/eligibility/sign/", {"outcome": "eligible"}).status_code == 403
    assert "sign_password" not in client.get("/participants/P01/eligibility/").content.decode()


def test_the_reader_of_the_selection_image_is_who_is_signed_in_whatever_is_posted(cohort: Trial, client_of: As) -> None:
    client = client_of("nuclear1")
    values = {
        "lesions_total": "4",
        "lesions_positive": "3",
        "result": "positive",
        "reader": "nuclear2",
        "reader_role": "oncologist",
    }
    answer = client.post("/participants/P01/selection/", values)
    assert answer.status_code == 302
    record = Record.objects.filter(table="selection_reads", participant__code="P01").latest("sequence")
    assert (record.cells["reader"], record.cells["reader_role"]) == ("nuclear1", "nuclear_medicine_physician")
    page = client.get(answer["Location"]).content.decode()
    fields = {"digest": hidden(page, "digest"), "sign_username": "nuclear1", "sign_password": DEMONSTRATION_PASSWORD}
    assert client.post(answer["Location"], fields).status_code == 302
    assert Signature.objects.get(kind="record", key=str(record.pk)).signer == "nuclear1"


def test_a_read_is_not_signed_by_another_reader(cohort: Trial, client_of: As) -> None:
    client = client_of("nuclear1")
    where = client.post(
        "/participants/P01/selection/", {"lesions_total": "4", "lesions_positive": "3", "result": "positive"}
    )["Location"]
    other = client_of("nuclear2")
    fields = {
        "digest": hidden(other.get(where).content.decode(), "digest"),
        "sign_username": "nuclear2",
        "sign_password": DEMONSTRATION_PASSWORD,
    }
    assert other.post(where, fields).status_code == 422
    assert not Signature.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"lesions_total": "2", "lesions_positive": "3"},
        {"lesions_total": "-1", "lesions_positive": "0"},
        {"lesions_total": "many"},
        {"result": "perhaps"},
    ],
)
def test_an_impossible_read_is_not_recorded(cohort: Trial, client_of: As, values: dict[str, str]) -> None:
    before = Record.objects.count()
    given = {"lesions_total": "4", "lesions_positive": "3", "result": "positive", **values}
    assert client_of("nuclear1").post("/participants/P01/selection/", given).status_code == 422
    assert Record.objects.count() == before


def test_a_read_called_positive_against_the_rule_needs_a_remark(cohort: Trial, client_of: As) -> None:
    client = client_of("nuclear1")
    given = {"lesions_total": "5", "lesions_positive": "1", "result": "positive"}
    answer = client.post("/participants/P01/selection/", given)
    assert answer.status_code == 422
    assert "these counts are not positive" in answer.content.decode()
    assert client.post("/participants/P01/selection/", {**given, "comment": "one is a large mass"}).status_code == 302


def test_a_read_shows_its_picture_and_says_where_there_is_none(cohort: Trial, client_of: As) -> None:
    p01, robot = Participant.objects.get(code="P01"), SystemActor("test")
    page = client_of("nuclear1").get("/participants/P01/selection/").content.decode()
    assert "No selection image of hers has been received" in page
    with act(robot, "test"):
        upload = Upload.objects.create(received_at=timezone.now(), received_by="test", site=p01.site)
        series = Series.objects.create(
            upload=upload, participant=p01, site=p01.site, imaging="pet_baseline", part="image", state="matched"
        )
    page = client_of("nuclear1").get("/participants/P01/selection/").content.decode()
    assert "No selection image of hers has been received" not in page
    assert f"/images/series/{series.pk}/picture.png" in page


def test_a_read_before_consent_is_refused(cast: dict[str, User], site: Site, client_of: As) -> None:
    participant_registered(
        cast["coordinator1"], site=site, registration=Registration("B-01", typed_date("2022-03-05"), "female", "51")
    )
    given = {"lesions_total": "4", "lesions_positive": "3", "result": "positive"}
    assert client_of("nuclear1").post("/participants/B-01/selection/", given).status_code == 422
    assert not Participant.objects.filter(record__table="selection_reads").exists()


@pytest.mark.parametrize(
    ("signed_as", "now", "otherwise", "needed"),
    [("met", "met", False, False), ("met", "not_met", True, True), ("not_met", "met", True, False)],
)
def test_whether_a_criterion_is_answered_as_it_was_signed_is_told_to_both_sides(
    signed_as: str, now: str, otherwise: bool, needed: bool
) -> None:
    one = Difference("her2", "HER2", "lesions", "", "1", "", "4", "", "", signed_as, now)
    assert (Renewal((one,)).answered_otherwise, Renewal((one,)).needed) == (otherwise, needed)


def test_eligibility_is_judged_to_the_second_so_that_what_was_just_entered_counts(
    cast: dict[str, User], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    registration = Registration("B-07", typed_date("2022-03-05"), "female", "51")
    woman_screened = participant_registered(cast["coordinator1"], site=site, registration=registration)
    entered = datetime(2026, 6, 1, 16, 42, 41, tzinfo=UTC)
    monkeypatch.setattr(eligible, "trial_now", lambda: entered + timedelta(seconds=2))
    folder = participant_rows(woman_screened).folder
    at = eligible.moment_shown(woman_screened, folder)
    assert at >= entered
    result = eligible.judged(woman_screened, folder, at)
    content = eligible.content_of(woman_screened, folder, result)
    assert eligible.moment_shown(woman_screened, folder, content["at"]) == at, "what is signed is what was shown"
