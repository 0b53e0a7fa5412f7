"""Radiation protection on the site: shown, signed by the physicist, printed; refused where data moved on."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from theratrial.web.capture.selectors import live_records
from theratrial.web.capture.services import record_change
from theratrial.web.ledger.models import Signature
from theratrial.web.people.models import User

ClientOf = Callable[[str], Client]
PASSWORD = "a-password-for-trying-out"
PAGE = "/results/participant/P01/protection/"
pytestmark = pytest.mark.usefixtures("computed_site")


def test_the_page_shows_verdict_restrictions_and_sheets(client_of: ClientOf) -> None:
    said = client_of("physicist1").get(PAGE).content.decode()
    assert "may leave" in said
    assert "20 uSv/h" in said.replace("µ", "u") or "Common in Europe" in said
    assert "not signed" in said
    assert "once a medical physicist has signed" in said
    assert ".pdf" not in said


def signed(client: Client) -> None:
    """The physicist signs what the page shows of the first session."""
    said = client.get(PAGE).content.decode()
    form = re.search(r'action="(/results/participant/P01/protection/1/sign/)"(.*?)</form>', said, re.DOTALL)
    assert form is not None
    fields = dict(re.findall(r'name="(kind|key|digest|meaning)" value="([^"]*)"', form[2]))
    answer = client.post(form[1], {**fields, "sign_username": "physicist1", "sign_password": PASSWORD})
    assert answer.status_code == 302


def test_no_sheet_is_printed_before_the_physicist_signed_and_each_is_the_same_after(client_of: ClientOf) -> None:
    client = client_of("coordinator1")
    for language in ("en", "fa"):
        refused = client.get(f"{PAGE}1/{language}.pdf")
        assert refused.status_code == 409
        assert "before a medical physicist has signed" in refused.content.decode()
    assert "ask the medical physicist" in client.get(PAGE).content.decode()
    signed(client_of("physicist1"))
    said = client.get(PAGE).content.decode()
    for language in ("en", "fa"):
        assert f"{PAGE}1/{language}.pdf" in said
        first, second = (client.get(f"{PAGE}1/{language}.pdf") for _ in range(2))
        assert first.status_code == 200
        assert first["Content-Type"] == "application/pdf"
        assert first.content.startswith(b"%PDF")
        assert first.content == second.content
    assert client.get(f"{PAGE}1/de.pdf").status_code == 404
    assert client.get(f"{PAGE}9/en.pdf").status_code == 404


def test_a_changed_reading_voids_the_signature_and_stops_the_sheet(client_of: ClientOf) -> None:
    client = client_of("physicist1")
    signed(client)
    assert Signature.objects.filter(kind="radiation_protection", key="P01/1").count() == 1
    assert "valid" in client.get(PAGE).content.decode()

    record = live_records().filter(table="dose_rates", participant__code="P01", cells__session="1").first()
    assert record is not None
    cells = {**record.cells, "dose_rate_uSv_per_h": "60"}
    record_change(User.objects.get(username="physicist1"), record, cells, seen_version=1, reason="Misread")
    after = client.get(PAGE).content.decode()
    assert "signature void" in after
    assert client.get(f"{PAGE}1/en.pdf").status_code == 409


def test_only_who_signs_doses_may_sign(client_of: ClientOf) -> None:
    client = client_of("coordinator1")
    assert "sign_password" not in client.get(PAGE).content.decode()
    assert client.post(f"{PAGE}1/sign/", {}).status_code == 403


def test_without_sign_in_nothing_is_shown(client: Client) -> None:
    assert client.get(PAGE).status_code in (302, 403)
    assert client.get(f"{PAGE}1/en.pdf").status_code in (302, 403)
