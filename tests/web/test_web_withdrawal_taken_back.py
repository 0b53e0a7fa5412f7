"""Who consents again after a withdrawal is asked what becomes of it, and every room of the site follows the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client

from theratrial.forms.moments import TypedInstant, typed_date
from theratrial.web.capture.models import Record
from theratrial.web.exports.scope import data_use_withdrawn
from theratrial.web.participants import consent, guards
from theratrial.web.participants.models import Participant
from theratrial.web.participants.screening import Registration, participant_registered
from theratrial.web.participants.standing import standing
from theratrial.web.participants.states import consent_state
from theratrial.web.people.models import Site, User
from theratrial.web.trials.models import Trial

As = Callable[[str], Client]
LU = "lu177_trastuzumab"
FORM = {
    "form_version": "1.0", "language": "fa", "signed_on": "2022-03-05", "signed_time": "09:30",
    "obtained_by": "coordinator1", "witness": "", "copy_given": "yes",
}  # fmt: skip
AGAIN = {**FORM, "form_version": "2.0", "signed_on": "2022-05-01"}
BETWEEN, LATER = datetime(2022, 4, 10, tzinfo=UTC), datetime(2022, 5, 2, tzinfo=UTC)
URL = "/participants/B-01/consent/record/"


@pytest.fixture
def gone(cast: dict[str, User], site: Site, client_of: As) -> Callable[..., Participant]:
    """A woman who withdrew these kinds on 2022-04-01."""
    woman = participant_registered(
        cast["coordinator1"], site=site, registration=Registration("B-01", typed_date("2022-03-05"), "female", "51")
    )

    def withdraws(*kinds: str) -> Participant:
        assert client_of("coordinator1").post(URL, FORM).status_code == 302
        when = TypedInstant(datetime(2022, 4, 1, 6, tzinfo=UTC), "gregorian", "2022-04-01")
        for kind in kinds:
            consent.consent_withdrawn(cast["coordinator1"], woman, kind=kind, at=when, reason="her wish")
        return woman

    return withdraws


def withdrawn_words(reasons: list[str]) -> bool:
    return any("withdrawn" in one for one in reasons)


def test_a_signature_after_a_withdrawal_is_not_recorded_before_she_was_asked(
    gone: Callable[..., Participant], client_of: As
) -> None:
    gone("treatment")
    answer = client_of("coordinator1").post(URL, AGAIN)
    assert answer.status_code == 422
    assert "what becomes of her withdrawal" in answer.content.decode()
    assert Record.objects.filter(table="consents").count() == 1


@pytest.mark.parametrize("kind", consent.KINDS)
def test_a_withdrawal_that_she_takes_back_stands_until_her_signature_in_guards_state_and_exports(
    gone: Callable[..., Participant], client_of: As, kind: str
) -> None:
    woman = gone(kind)
    assert client_of("coordinator1").post(URL, {**AGAIN, f"withdrawal_{kind}": "back"}).status_code == 302
    assert withdrawn_words(guards.may_inject(woman, LU, BETWEEN))
    assert not withdrawn_words(guards.may_inject(woman, LU, LATER))
    assert standing(woman).withdrawals == {}
    assert consent_state(standing(woman), Trial.objects.get()).key == "given"
    assert data_use_withdrawn() == frozenset()
    page = client_of("coordinator1").get("/participants/B-01/consent/").content.decode()
    assert "taken back by the form of version 2.0" in page


def test_who_signs_a_new_version_and_stays_withdrawn_from_treatment_is_not_treated(
    gone: Callable[..., Participant], client_of: As
) -> None:
    woman = gone("treatment", "data_use")
    answers = {"withdrawal_treatment": "stays", "withdrawal_data_use": "stays"}
    assert client_of("coordinator1").post(URL, {**AGAIN, **answers}).status_code == 302
    assert withdrawn_words(guards.may_inject(woman, LU, LATER))
    assert standing(woman).withdrawals.keys() == {"treatment", "data_use"}
    assert data_use_withdrawn() == {"B-01"}


def test_one_withdrawal_may_stay_while_another_is_taken_back(gone: Callable[..., Participant], client_of: As) -> None:
    woman = gone("treatment", "data_use")
    answers = {"withdrawal_treatment": "stays", "withdrawal_data_use": "back"}
    assert client_of("coordinator1").post(URL, {**AGAIN, **answers}).status_code == 302
    assert standing(woman).withdrawals.keys() == {"treatment"}
    assert data_use_withdrawn() == frozenset()
    assert guards.may_do_procedure(woman, LATER) == []


def test_the_same_version_is_signed_again_only_after_a_withdrawal(
    gone: Callable[..., Participant], client_of: As
) -> None:
    gone()
    client = client_of("coordinator1")
    same = {**AGAIN, "form_version": "1.0"}
    assert "signed version 1.0 already" in client.post(URL, same).content.decode()
    given = {"kind": "all", "confirmed": "yes", "at_on": "2022-04-01", "at_time": "10:00", "reason": "her wish"}
    client.post("/participants/B-01/consent/withdraw/", given)
    assert client.post(URL, {**same, "withdrawal_all": "back"}).status_code == 302


def test_a_form_of_consent_beside_the_page_of_consent_does_not_take_a_withdrawal_back_in_passing(
    gone: Callable[..., Participant], client_of: As
) -> None:
    gone("treatment")
    answers = {
        "i-form_version": "2.0", "i-language": "fa", "i-signed_at": "2022-05-01 09:30",
        "i-obtained_by": "coordinator1", "i-copy_given": "yes", "incomplete": "on",
    }  # fmt: skip
    answer = client_of("coordinator1").post("/records/participant/B-01/form/consent/?visit=screening", answers)
    assert "would take that back" in answer.content.decode()
    assert Record.objects.filter(table="consents").count() == 1
