"""The frame of the site."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from theratrial.web.people.models import User
from theratrial.web.trials.models import Trial


def test_who_is_not_signed_in_is_sent_to_sign_in(client: Client, trial: Trial) -> None:
    answer = client.get("/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/people/sign-in/")


def test_sign_in_with_the_right_password_leads_to_the_overview(client: Client, cast: dict[str, User]) -> None:
    answer = client.post("/people/sign-in/", {"username": "coordinator1", "password": "a-password-for-trying-out"})
    assert answer.status_code == 302
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_wrong_password_signs_nobody_in(client: Client, cast: dict[str, User], password: str) -> None:
    client.post("/people/sign-in/", {"username": "coordinator1", "password": password})
    assert client.get("/").status_code == 302


def test_an_administrator_of_accounts_sees_nothing_of_the_trial(
    cast: dict[str, User], client_of: Callable[[str], Client]
) -> None:
    assert client_of("administrator1").get("/").status_code == 403
