"""The overview: one picture of everybody, what waits, and nothing shown to whom it is not meant for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from theratrial.protocol.reader import shipped_protocol_bytes
from theratrial.registry.reader import shipped_registration
from theratrial.simulation.cohort import SEED_PROTOCOL
from theratrial.web.capture.models import Record
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Signature
from theratrial.web.participants.models import Participant
from theratrial.web.participants.standing import standing
from theratrial.web.people.models import User
from theratrial.web.people.selectors import site_is_active
from theratrial.web.results.gates_waiting import gate_states
from theratrial.web.results.models import Computation, ParticipantResultRow, TrialResultRow
from theratrial.web.setup_site import DEMONSTRATION_PASSWORD, SETUP, demonstration_made
from theratrial.web.trials.models import ProtocolVersion, Trial
from theratrial.web.trials.overview import recruitment
from theratrial.web.trials.selectors import protocol_in_force

As = Callable[[str], Client]


@pytest.fixture
def computed(cohort: Trial) -> Computation:
    """A finished computation: P01 with a dose above its limit and one without an upper bound."""
    with act(SETUP, "test"):
        made = Computation.objects.create(
            kind="trial", state="done", requested_by="test", requested_at=timezone.now(), finished_at=timezone.now()
        )
        TrialResultRow.objects.create(
            computation=made, content={"endpoint": {"sentence": "2 of 3 responded"}}, digest="0" * 64
        )
        doses = [
            {
                "region_id": "kidneys",
                "title": "Kidneys",
                "kind": "organ",
                "limit_Gy": 23.0,
                "judged_upper_Gy": {"value": 24.5},
            },
            {
                "region_id": "liver",
                "title": "Liver",
                "kind": "organ",
                "limit_Gy": 30.0,
                "judged_upper_Gy": {"value": None},
            },
        ]
        ParticipantResultRow.objects.create(
            computation=made, participant=Participant.objects.get(code="P01"),
            content={"cumulative_doses": doses, "response": {"category": "PR"}}, digest="0" * 64,
        )  # fmt: skip
    return made


def test_everybody_treated_has_a_lane_and_the_same_in_words(cohort: Trial, client_of: As) -> None:
    page = client_of("investigator1").get("/").content.decode()
    treated = [one for one in Participant.objects.all() if standing(one).sessions]
    assert page.count('<rect class="lane"') == len(treated) == 3
    assert (
        page.count('<g class="session">') == sum(len(standing(one).sessions) for one in treated) + 1
    )  # and the legend
    for one in treated:
        assert standing(one).sessions[0][1].date().isoformat() in page


def test_the_endpoint_is_seen_only_by_whom_the_protocol_allows_and_named_interim(
    computed: Computation, client_of: As
) -> None:
    page = client_of("investigator1").get("/").content.decode()
    assert "2 of 3 responded" in page
    assert "interim" in page
    for username in ("coordinator1", "nuclear1", "monitor1", "manager1"):
        assert "2 of 3 responded" not in client_of(username).get("/").content.decode()


def test_a_dose_above_its_limit_and_one_without_upper_bound_are_said(computed: Computation, client_of: As) -> None:
    page = client_of("physicist1").get("/").content.decode()
    assert "24.5 / 23 Gy" in page
    assert "1 of 1 above" in page
    assert "1 without upper bound" in page
    assert "24.5 / 23 Gy" not in client_of("coordinator1").get("/").content.decode()


def test_every_count_of_the_overview_is_in_the_digits_that_were_chosen(computed: Computation, client_of: As) -> None:
    with act(SETUP, "test"):
        User.objects.filter(username="investigator1").update(persian_digits=True)
    page = client_of("investigator1").get("/").content.decode()
    cards = re.sub(r"<svg.*?</svg>|<[^>]*>", " ", page.split('<div class="cards">')[1].split("<footer")[0], flags=re.S)
    assert re.search("[۰-۹]+ treated of [۰-۹]+", cards)
    assert re.search("[۰-۹.]+ / [۰-۹]+ Gy", cards)
    assert re.findall(r"(?<![\w.-])[0-9]+ (?:treated|open|answered|without)\b", cards) == []


def test_doses_not_computed_are_said_to_be_missing_and_not_zero(cohort: Trial, client_of: As) -> None:
    assert "Not computed yet" in client_of("physicist1").get("/").content.decode()


def test_a_gate_waits_from_the_opening_of_its_visit_until_every_role_has_signed(cohort: Trial) -> None:
    one = Participant.objects.get(code="P01")
    with act(SETUP, "test"):
        Record.objects.filter(participant=one, table="administrations", cells__session__in=["2", "3"]).update(
            entered_in_error=True
        )
        Record.objects.filter(participant=one, table__in=("visits", "dispositions")).update(entered_in_error=True)
    protocol = protocol_in_force()
    given = standing(one).sessions[0][1]

    def at(days: int) -> dict[str, str]:
        day = datetime.fromordinal(given.date().toordinal() + days).replace(hour=12, tzinfo=UTC)
        return gate_states([standing(one)], protocol, day)

    assert at(41) == {}
    assert at(42) == {"P01/1": "waiting"}
    for number, role in enumerate(("oncologist", "nuclear_medicine_physician")):
        assert at(43) == {"P01/1": "waiting"}, number
        with act(SETUP, "test"):
            Signature.objects.create(
                signer=f"s{number}", printed_name="S", role=role, signed_at=timezone.now(),
                meaning="approved", kind="gate",
                key="P01/1", participant="P01", content={}, digest="0" * 64, ledger_seq=1, ledger_hash="", software="t",
            )  # fmt: skip
    assert at(43) == {"P01/1": "signed"}


def test_recruitment_is_held_against_the_dates_of_the_registration_record() -> None:
    plan = shipped_registration(SEED_PROTOCOL).recruitment
    day = datetime(2022, 3, 1, tzinfo=UTC)
    people = [SimpleNamespace(standing=SimpleNamespace(sessions=((1, day),))) for _ in range(4)]
    curve = recruitment(people, date(2023, 6, 21), 15, plan)  # type: ignore[arg-type]
    assert curve is not None
    assert (curve.first, curve.last) == (date(2022, 1, 21), date(2023, 6, 21))
    assert (curve.treated, curve.target, curve.expected_today) == (4, 15, 15)
    half = recruitment(people, date(2022, 10, 6), 15, plan)  # type: ignore[arg-type]
    assert half is not None
    assert half.expected_today == 8  # 258 of 516 days: 7.5


@pytest.mark.parametrize("number", [3, 30])
def test_the_overview_costs_the_same_queries_for_3_and_for_30_participants(
    db: None, client_of: As, django_assert_max_num_queries: Callable[[int], object], number: int
) -> None:
    demonstration_made(participants=number)
    client = client_of("investigator1")
    # A dozen of them judge the registration record; three find whose serious events there are, and read their reports.
    with django_assert_max_num_queries(41):  # type: ignore[attr-defined]
        assert client.get("/?all=1").status_code == 200


def test_who_sees_the_trial_and_no_participants_is_shown_none(cohort: Trial, client_of: As) -> None:
    page = client_of("registrant1").get("/").content.decode()
    assert "P01" not in page
    assert "Protocol" in page


def test_progress_of_a_computation_is_shown(cohort: Trial, client_of: As) -> None:
    assert client_of("coordinator1").get("/progress/").content.decode().strip() == ""
    with act(SETUP, "test"):
        Computation.objects.create(kind="trial", state="running", requested_by="test", requested_at=timezone.now())
    assert "being computed" in client_of("coordinator1").get("/progress/").content.decode()


def test_every_conflict_of_the_protocol_is_listed_with_its_sentences_and_decision(cohort: Trial, client_of: As) -> None:
    page = client_of("monitor1").get("/protocol/").content.decode()
    for conflict in protocol_in_force().conflicts:
        assert escape(conflict.title) in page
    assert "assumption of the demonstration" in page


def test_conflicts_and_clauses_have_their_titles_and_questions_in_persian(cohort: Trial, client_of: As) -> None:
    client = client_of("monitor1")
    client.cookies["theratrial_language"] = "fa"
    page = client.get("/protocol/").content.decode()
    for conflict in protocol_in_force().conflicts:
        assert conflict.titles["fa"] in page, conflict.id
        assert conflict.questions["fa"] in page, conflict.id
        assert escape(conflict.question) not in page
    assert "نوتروفیل دست‌کم" in page


def _changed() -> bytes:
    text = shipped_protocol_bytes(SEED_PROTOCOL).decode()
    changed = text.replace("label: Platelet count,", "label: Platelets by the new form,")
    assert changed != text
    return changed.encode()


def _released(client: Client, content: bytes = b"") -> int:
    if content:
        file = SimpleUploadedFile("protocol.yaml", content)
        assert client.post("/protocol/versions/load/", {"file": file}).status_code == 302
    page = client.get("/protocol/versions/2/").content.decode()
    digest = re.search(r'name="digest" value="([^"]*)"', page)
    assert digest is not None
    given = {
        "digest": digest[1],
        "reason": "new form",
        "sign_username": "investigator1",
        "sign_password": DEMONSTRATION_PASSWORD,
    }
    return client.post("/protocol/versions/2/release/", given).status_code


def test_D4_a_new_form_version_alters_no_stored_value_and_each_record_keeps_its_version(
    cohort: Trial, client_of: As
) -> None:
    before = {one.pk: (one.cells, one.version, one.protocol_version_id) for one in Record.objects.all()}
    assert _released(client_of("investigator1"), _changed()) == 302
    assert Trial.objects.get().in_force == ProtocolVersion.objects.get(number=2)
    assert {one.pk: (one.cells, one.version, one.protocol_version_id) for one in Record.objects.all()} == before
    paper = client_of("coordinator1").get("/participants/P01/worksheets/screening/0/").content.decode()
    assert "Platelets by the new form" in paper
    assert client_of("coordinator1").get("/protocol/versions/1/clauses/").status_code == 200


def test_V2_a_version_is_released_only_by_signature_and_D8_sites_then_need_its_approval(
    cohort: Trial, client_of: As
) -> None:
    client = client_of("investigator1")
    assert (
        client.post("/protocol/versions/load/", {"file": SimpleUploadedFile("p.yaml", _changed())}).status_code == 302
    )
    assert client.post("/protocol/versions/2/release/", {"reason": "new form"}).status_code == 422
    assert Trial.objects.get().in_force.number == 1  # type: ignore[union-attr]
    site = Participant.objects.get(code="P01").site
    assert site_is_active(site)
    assert _released(client) == 302
    assert Signature.objects.get(kind="protocol").content["sha256"] == hashlib.sha256(_changed()).hexdigest()
    assert not site_is_active(site)


@pytest.mark.parametrize("content", [b"", b"a: [", b"schema_version: '9'", b"\xff\xfe", b"x" * 5_000_000])
def test_a_file_that_is_no_protocol_is_refused_with_what_is_wrong(cohort: Trial, client_of: As, content: bytes) -> None:
    answer = client_of("investigator1").post(
        "/protocol/versions/load/", {"file": SimpleUploadedFile("p.yaml", content)}
    )
    assert answer.status_code == 422
    assert ProtocolVersion.objects.count() == 1


def test_nobody_else_loads_or_releases_a_version(cohort: Trial, client_of: As) -> None:
    for username in ("coordinator1", "manager1", "administrator1"):
        client = client_of(username)
        assert client.post("/protocol/versions/load/", {}).status_code == 403
        assert client.post("/protocol/versions/1/release/", {}).status_code == 403
