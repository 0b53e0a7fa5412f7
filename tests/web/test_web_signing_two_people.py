"""What one person asks for, another decides."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from theratrial.errors import InputError
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event, Signature, TwoPersonRequest
from theratrial.web.ledger.signing import content_digest, row_id
from theratrial.web.ledger.two_person import decide_two, request_two
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site, User
from theratrial.web.setup_site import SETUP


@pytest.fixture
def asked(cast: dict[str, User]) -> TwoPersonRequest:
    return request_two(cast["manager1"], kind="unlock", target="trial", reason="a grade was read wrongly")


def test_D3_who_asks_cannot_approve(cast: dict[str, User], asked: TwoPersonRequest) -> None:
    with pytest.raises(InputError, match="cannot approve"):
        decide_two(cast["manager1"], asked, approve=True)
    assert TwoPersonRequest.objects.get().state == "requested"


def test_D3_a_second_person_with_the_right_approves_and_both_stand_in_the_ledger(
    cast: dict[str, User], asked: TwoPersonRequest
) -> None:
    decide_two(cast["manager2"], asked, approve=True)
    assert (TwoPersonRequest.objects.get().state, TwoPersonRequest.objects.get().decided_by) == ("approved", "manager2")
    found = Event.objects.filter(entity="ledger_twopersonrequest").order_by("seq").values_list("action", "actor")
    assert list(found) == [("two-person.unlock.request", "manager1"), ("two-person.unlock.approve", "manager2")]


@pytest.mark.parametrize("username", ["coordinator1", "monitor1", "administrator1"])
def test_D3_who_has_not_the_right_neither_asks_nor_decides(
    cast: dict[str, User], asked: TwoPersonRequest, username: str
) -> None:
    with pytest.raises(PermissionError):
        request_two(cast[username], kind="unlock", target="participant:P01", reason="so")
    with pytest.raises(PermissionError):
        decide_two(cast[username], asked, approve=True)


def test_D3_asking_needs_a_reason_and_refusing_too(cast: dict[str, User], asked: TwoPersonRequest) -> None:
    with pytest.raises(InputError, match="Say why"):
        request_two(cast["manager1"], kind="unlock", target="participant:P01", reason=" ")
    with pytest.raises(InputError, match="refused"):
        decide_two(cast["manager2"], asked, approve=False)


def test_D3_nothing_is_asked_for_twice_nor_decided_twice(cast: dict[str, User], asked: TwoPersonRequest) -> None:
    with pytest.raises(InputError, match="already"):
        request_two(cast["manager2"], kind="unlock", target="trial", reason="me too")
    decide_two(cast["manager2"], asked, approve=False, reason="not needed")
    with pytest.raises(InputError, match="manager2 has decided"):
        decide_two(cast["investigator1"], asked, approve=True)


def test_D3_an_approval_whose_effect_fails_is_no_approval(cast: dict[str, User], asked: TwoPersonRequest) -> None:
    def effect(_request: TwoPersonRequest) -> None:
        raise InputError("it cannot be unlocked")

    with pytest.raises(InputError, match="cannot be unlocked"):
        decide_two(cast["manager2"], asked, approve=True, effect=effect)
    assert TwoPersonRequest.objects.get().state == "requested"


def test_U1_requests_about_participants_of_another_site_are_not_listed(
    cast: dict[str, User], other_site: Site, client_of: Callable[[str], Client]
) -> None:
    with act(SETUP, "test.set-up"):
        Participant.objects.create(code="OTHER-7", site=other_site, screened_on="2022-02-01")
    request_two(cast["investigator1"], kind="unlock", target="participant:OTHER-7", reason="r1")
    request_two(cast["manager1"], kind="unlock", target="trial", reason="r2")
    text = client_of("manager1").get("/ledger/requests/").content.decode()
    assert "r2" in text
    assert "OTHER-7" not in text
    assert "OTHER-7" in client_of("investigator1").get("/ledger/requests/").content.decode()


def test_S3_the_database_voids_a_signature_when_a_row_it_rests_on_changes(cast: dict[str, User], site: Site) -> None:
    content = {"name": site.name}
    with act(cast["investigator1"], "sign"):
        signature = Signature.objects.create(
            signer="investigator1", printed_name="Investigator One", role="principal_investigator",
            signed_at="2023-01-01T00:00:00Z", meaning="approved", kind="site", key=site.code, content=content,
            digest=content_digest("site", site.code, content), ledger_seq=0, ledger_hash="", software="",
        )  # fmt: skip
        signature.rows.create(entity="people_site", entity_id=row_id(site))
    with act(cast["investigator1"], "site.rename", reason="new name"):
        Site.objects.filter(pk=site.pk).update(name="Renamed")
    signature.refresh_from_db()
    assert signature.voided_at is not None
    assert signature.voided_because
