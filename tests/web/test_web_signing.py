"""Signatures: who, when, what it means, bound to exactly what was shown (21 CFR 11.50, 11.70, 11.200)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.test import Client
from django.urls import include, path
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.web.access import requires
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Note, Signature, SignedRow
from theratrial.web.ledger.signing import (
    NotConfirmed,
    canonical,
    content_digest,
    is_authentic,
    is_valid,
    row_id,
    sign,
    signature_withdraw,
    signatures_of,
    valid_signatures,
)
from theratrial.web.people.models import Site, User
from theratrial.web.setup_site import DEMONSTRATION_PASSWORD

CONTENT = {"verdict": "proceed", "absorbed_dose_Gy": 3.25, "clauses": ["dose", "blood"]}
DIGEST = content_digest("gate", "P01/2", CONTENT)


@requires("gate.sign")
def _signing_page(request: HttpRequest) -> HttpResponse:
    shown = {"kind": "gate", "key": "P01/2", "digest": DIGEST, "meaning": "approved", "action": "/sign-test/"}
    if request.method == "POST":
        try:
            sign(request, kind="gate", key="P01/2", content=CONTENT, meaning="approved", rows=[Site.objects.get()])
        except NotConfirmed as refusal:
            return render(request, "ledger/sign_form.html", {**shown, "refusal": str(refusal)}, status=422)
    return render(
        request,
        "ledger/sign_form.html" if request.GET.get("form") else "ledger/signatures.html",
        {**shown, "signatures": signatures_of("gate", "P01/2")},
    )


urlpatterns = [path("", include("theratrial.web.urls")), path("sign-test/", _signing_page)]
pytestmark = pytest.mark.urls(__name__)


def _post(client: Client, **fields: str) -> Any:
    both = {"digest": DIGEST, "sign_username": "oncologist1", "sign_password": DEMONSTRATION_PASSWORD}
    return client.post("/sign-test/", {**both, **fields})


@pytest.fixture
def oncologist(cast: dict[str, User], client_of: Callable[[str], Client]) -> Client:
    return client_of("oncologist1")


def test_S1_a_signature_shows_printed_name_time_zone_and_meaning(oncologist: Client) -> None:
    text = _post(oncologist).content.decode()
    assert "Oncologist One" in text
    assert "approved" in text
    assert "Asia/Tehran" in text
    assert "valid" in text


def test_S1_a_signature_keeps_exactly_what_was_shown(oncologist: Client) -> None:
    _post(oncologist)
    signature = Signature.objects.get()
    assert signature.content == CONTENT
    assert (signature.signer, signature.role, signature.digest) == ("oncologist1", "oncologist", DIGEST)
    assert signature.signed_at.utcoffset().total_seconds() == 0


def test_V3_a_signature_names_the_software_and_the_protocol(oncologist: Client, trial: Any) -> None:
    _post(oncologist)
    software = Signature.objects.get().software
    assert software.startswith("theratrial ")
    assert trial.in_force.sha256[:8] in software


def test_S2_a_signature_copied_to_another_record_is_detected(oncologist: Client) -> None:
    _post(oncologist)
    signature = Signature.objects.get()
    assert is_valid(signature, CONTENT)
    signature.key = "P02/2"
    assert not is_authentic(signature)
    assert not is_valid(signature, CONTENT)


def test_S2_altered_content_is_detected(oncologist: Client) -> None:
    _post(oncologist)
    signature = Signature.objects.get()
    signature.content["absorbed_dose_Gy"] = 3.26
    assert not is_authentic(signature)


def test_S2_what_changed_after_it_was_shown_is_not_signed(oncologist: Client) -> None:
    answer = _post(oncologist, digest=content_digest("gate", "P01/2", {**CONTENT, "verdict": "stop"}))
    assert answer.status_code == 422
    assert "has changed meanwhile" in answer.content.decode()
    assert not Signature.objects.exists()


def test_S3_a_signature_does_not_stand_on_changed_content(oncologist: Client) -> None:
    _post(oncologist)
    assert valid_signatures("gate", "P01/2", CONTENT)
    assert not valid_signatures("gate", "P01/2", {**CONTENT, "verdict": "stop"})


def test_S3_the_rows_it_rests_on_are_kept_as_the_database_names_them(oncologist: Client, site: Site) -> None:
    _post(oncologist)
    assert SignedRow.objects.values_list("entity", "entity_id").get() == ("people_site", row_id(site))


def test_S3_a_withdrawn_signature_stays_visible_with_its_reason(oncologist: Client, cast: dict[str, User]) -> None:
    _post(oncologist)
    signature_withdraw(cast["oncologist1"], Signature.objects.get(), reason="wrong session")
    text = oncologist.get("/sign-test/").content.decode()
    assert "void" in text
    assert "wrong session" in text
    assert not is_valid(Signature.objects.get(), CONTENT)


def test_S5_nobody_withdraws_the_signature_of_another(oncologist: Client, cast: dict[str, User]) -> None:
    _post(oncologist)
    with pytest.raises(InputError, match="only who signed"):
        signature_withdraw(cast["investigator1"], Signature.objects.get(), reason="I may all")


@pytest.mark.parametrize("missing", ["sign_username", "sign_password"])
def test_S4_the_first_signing_of_a_session_needs_both_components(oncologist: Client, missing: str) -> None:
    assert _post(oncologist, **{missing: ""}).status_code == 422
    assert not Signature.objects.exists()


def test_S4_a_later_signing_needs_the_password_only(oncologist: Client, cast: dict[str, User]) -> None:
    assert "sign_username" in oncologist.get("/sign-test/?form=1").content.decode()
    _post(oncologist)
    signature_withdraw(cast["oncologist1"], Signature.objects.get(), reason="again")
    assert "sign_username" not in oncologist.get("/sign-test/?form=1").content.decode()
    assert _post(oncologist, sign_username="").status_code == 200
    assert _post(oncologist, sign_username="", sign_password="").status_code == 422


def test_S4_a_new_session_needs_both_again(oncologist: Client, client_of: Callable[[str], Client]) -> None:
    _post(oncologist)
    assert _post(client_of("oncologist1"), sign_username="").status_code == 422


def test_S5_nobody_signs_with_the_account_of_another(oncologist: Client) -> None:
    answer = _post(oncologist, sign_username="nuclear1")
    assert answer.status_code == 422
    assert "for herself only" in answer.content.decode()
    assert not Signature.objects.exists()


def test_S5_an_administrator_cannot_sign(cast: dict[str, User], client_of: Callable[[str], Client]) -> None:
    assert _post(client_of("administrator1"), sign_username="administrator1").status_code == 403


def test_S6_failed_signings_lock_the_account_for_the_right_password_too(oncologist: Client) -> None:
    for _ in range(5):
        _post(oncologist, sign_password="wrong")
    assert _post(oncologist).status_code == 403
    assert not Signature.objects.exists()
    answer = Client().post(
        "/people/sign-in/", {"username": "oncologist1", "password": DEMONSTRATION_PASSWORD, "next": "/"}
    )
    assert answer.status_code == 403


def test_S6_a_failed_signing_is_noted_with_account_and_cause(oncologist: Client) -> None:
    _post(oncologist, sign_password="wrong")
    noted = Note.objects.get(action="sign.failed")
    assert noted.detail["account"] == "oncologist1"
    assert noted.detail["what"] == "password"
    assert "wrong" not in str(noted.detail.values())


def test_S8_an_account_with_a_device_signs_with_a_code_that_counts_once(
    oncologist: Client, cast: dict[str, User]
) -> None:
    with act(cast["oncologist1"], "test.set-up"):
        device = TOTPDevice.objects.create(user=cast["oncologist1"], name="phone", confirmed=True)
    assert _post(oncologist).status_code == 422
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    code = f"{totp(device.bin_key):06d}"
    assert _post(oncologist, sign_code=code).status_code == 200
    signature_withdraw(cast["oncologist1"], Signature.objects.get(), reason="again")
    assert _post(oncologist, sign_code=code).status_code == 422


def test_S8_a_code_can_be_required_of_everybody(oncologist: Client, settings: Any) -> None:
    settings.TOTP_REQUIRED_FOR_SIGNING = True
    answer = _post(oncologist)
    assert answer.status_code == 422
    assert "no device" in answer.content.decode()


def test_signing_twice_by_a_double_click_signs_once(oncologist: Client) -> None:
    _post(oncologist)
    _post(oncologist)
    assert Signature.objects.count() == 1


def test_a_signer_is_not_confirmed_inside_an_act(oncologist: Client, cast: dict[str, User], rf: Any) -> None:
    request = rf.post("/sign-test/")
    request.user = cast["oncologist1"]
    with act(cast["oncologist1"], "test"), pytest.raises(RuntimeError, match="before the act"):
        sign(request, kind="gate", key="P01/2", content=CONTENT, meaning="approved")


_NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_LEAVES = st.none() | st.booleans() | _NUMBERS | st.text('abآ é"\\')


@given(st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner), max_leaves=8))
def test_canonical_text_read_and_written_again_is_the_same(value: Any) -> None:
    text = canonical({"value": value})
    assert canonical(json.loads(text)) == text


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object()])
def test_content_that_is_not_plain_is_not_signed(value: Any) -> None:
    with pytest.raises(InputError, match="cannot be signed"):
        canonical({"value": value})
