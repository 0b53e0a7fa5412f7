"""Signing in, locks, one-time codes, time-outs, passwords, accounts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import get_hasher
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from theratrial.errors import InputError
from theratrial.web import settings as shipped_settings
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event, Note
from theratrial.web.people import accounts
from theratrial.web.people.lockout import lock_release, locked_accounts
from theratrial.web.people.models import Issue, User
from theratrial.web.people.sessions import SEEN, STARTED
from theratrial.web.setup_site import DEMONSTRATION_PASSWORD, SETUP

GOOD = "seven blue camels walking"


def _sign_in(client: Client, username: str = "coordinator1", password: str = DEMONSTRATION_PASSWORD) -> Any:
    return client.post("/people/sign-in/", {"username": username, "password": password, "next": "/people/account/"})


def _fail(times: int, username: str = "coordinator1") -> None:
    for _ in range(times):
        _sign_in(Client(), username, "wrong")


def _aged(client: Client, **minutes: float) -> None:
    session = client.session
    for key, ago in minutes.items():
        session[{"seen": SEEN, "started": STARTED}[key]] = int(timezone.now().timestamp() - ago * 60)
    session.save()


def test_U4_the_right_password_is_refused_while_locked(cast: dict[str, User]) -> None:
    _fail(5)
    assert _sign_in(Client()).status_code == 403
    assert [one.username for one in locked_accounts()] == ["coordinator1"]


def test_U4_four_failures_lock_nothing(cast: dict[str, User]) -> None:
    _fail(4)
    assert _sign_in(Client()).status_code == 302


def test_U4_the_lock_is_of_the_account_from_whatever_browser(cast: dict[str, User]) -> None:
    for number in range(5):
        Client(REMOTE_ADDR=f"10.0.0.{number}", HTTP_USER_AGENT=f"browser {number}").post(
            "/people/sign-in/", {"username": "coordinator1", "password": "wrong"}
        )
    assert _sign_in(Client(REMOTE_ADDR="10.0.0.99")).status_code == 403
    assert _sign_in(Client(), "monitor1").status_code == 302


def test_U4_the_lock_ends_when_the_page_says_and_no_failure_prolongs_it(cast: dict[str, User], settings: Any) -> None:
    settings.AXES_COOLOFF_TIME = timedelta(minutes=30)
    _fail(5)
    ends_at = locked_accounts()[0].ends_at
    assert ends_at is not None
    assert timedelta(minutes=29) < ends_at - timezone.now() <= timedelta(minutes=30)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=29))
    page = _sign_in(Client())
    assert page.status_code == 403
    assert "The lock ends by itself" in page.content.decode()
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=31))
    assert _sign_in(Client()).status_code == 302


def test_U4_administrators_see_the_lock_and_release_it_with_a_reason(
    cast: dict[str, User], client_of: Callable[[str], Client]
) -> None:
    _fail(5)
    client = client_of("administrator1")
    assert "coordinator1" in client.get("/people/failures/").content.decode()
    form = {"username": "coordinator1"}
    assert client.post("/people/failures/release/", {**form, "reason": ""}).status_code == 422
    assert client.post("/people/failures/release/", {**form, "reason": "called her back"}).status_code == 302
    assert _sign_in(Client()).status_code == 302
    assert Event.objects.filter(action="account.release", actor="administrator1", reason="called her back").exists()


def test_U4_nobody_releases_the_own_account(cast: dict[str, User]) -> None:
    _fail(5, "administrator1")
    with pytest.raises(InputError, match="another administrator"):
        lock_release(cast["administrator1"], "administrator1", reason="it was me")


def test_A9_failed_sign_ins_are_noted_with_the_account_and_without_what_was_typed(cast: dict[str, User]) -> None:
    _sign_in(Client(), "coordinator1", "nearly-my-password")
    noted = Note.objects.get(action="sign-in.failed")
    assert noted.detail["account"] == "coordinator1"
    assert "nearly" not in str(noted.detail)
    assert Event.objects.get(action="sign-in.failed").actor_kind == "system"
    attempt = AccessAttempt.objects.get()
    assert "nearly" not in attempt.post_data + attempt.get_data


def test_A9_signing_in_and_out_are_events(cast: dict[str, User]) -> None:
    client = Client()
    _sign_in(client)
    client.post("/people/sign-out/")
    assert list(Event.objects.filter(actor="coordinator1").values_list("action", flat=True)) == ["sign-in", "sign-out"]


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"])
def test_sign_in_leads_to_no_other_site(cast: dict[str, User], target: str) -> None:
    form = {"username": "coordinator1", "password": DEMONSTRATION_PASSWORD, "next": target}
    assert Client().post("/people/sign-in/", form)["Location"] == "/"


def test_the_address_asked_for_survives_signing_in_with_its_query(cast: dict[str, User]) -> None:
    client = Client()
    asked = client.get("/people/who/?permission=gate.sign&day=2023-01-01")
    page = client.get(asked["Location"])
    assert page.context["next"] == "/people/who/?permission=gate.sign&day=2023-01-01"


@pytest.fixture
def device(cast: dict[str, User]) -> TOTPDevice:
    with act(SETUP, "test.set-up"):
        made: TOTPDevice = TOTPDevice.objects.create(user=cast["coordinator1"], name="phone", confirmed=True)
    return made


def test_U6_with_a_device_the_password_alone_signs_nobody_in(device: TOTPDevice) -> None:
    client = Client()
    assert _sign_in(client)["Location"] == "/people/sign-in/code/"
    assert client.get("/people/account/").status_code == 302
    answer = client.post("/people/sign-in/code/", {"code": f"{totp(device.bin_key):06d}"})
    assert answer["Location"] == "/people/account/"
    assert client.get("/people/account/").status_code == 200


def test_U6_wrong_codes_lock_the_account(device: TOTPDevice) -> None:
    client = Client()
    _sign_in(client)
    wrong = f"{(totp(device.bin_key) + 500_000) % 1_000_000:06d}"
    for _ in range(5):
        client.post("/people/sign-in/code/", {"code": wrong})
    assert locked_accounts(["coordinator1"])
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    client.post("/people/sign-in/code/", {"code": f"{totp(device.bin_key):06d}"})
    assert client.get("/people/account/").status_code == 302


def test_U6_a_device_is_in_use_only_after_a_code_of_it_was_given(
    cast: dict[str, User], client_of: Callable[[str], Client]
) -> None:
    client = client_of("coordinator1")
    assert client.get("/people/account/device/qr.svg").status_code == 404
    client.post("/people/account/device/", {"begin": "1"})
    picture = client.get("/people/account/device/qr.svg")
    assert picture["Content-Type"] == "image/svg+xml"
    begun = TOTPDevice.objects.get()
    assert client.post("/people/account/device/", {"code": "000000"}).status_code == 422
    assert not TOTPDevice.objects.get().confirmed
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    assert client.post("/people/account/device/", {"code": f"{totp(begun.bin_key):06d}"}).status_code == 302
    assert TOTPDevice.objects.get().confirmed
    assert client.get("/people/account/device/qr.svg").status_code == 404


def test_U6_an_administrator_takes_a_lost_device_off(device: TOTPDevice, client_of: Callable[[str], Client]) -> None:
    form = {"do": "device", "reason": "phone lost, seen in person"}
    assert client_of("administrator1").post("/people/person/coordinator1/account/", form).status_code == 302
    assert not TOTPDevice.objects.exists()


def test_U5_an_idle_session_ends_and_its_address_is_kept(
    cast: dict[str, User], client_of: Callable[[str], Client], settings: Any
) -> None:
    client = client_of("coordinator1")
    client.get("/people/account/")
    _aged(client, seen=settings.IDLE_MINUTES - 1)
    assert client.get("/people/account/").status_code == 200
    _aged(client, seen=settings.IDLE_MINUTES + 1)
    answer = client.get("/people/account/")
    assert answer["Location"] == "/people/sign-in/?next=%2Fpeople%2Faccount%2F"
    assert client.get("/people/account/").status_code == 302


def test_U5_a_session_ends_after_a_working_day_however_busy(
    cast: dict[str, User], client_of: Callable[[str], Client], settings: Any
) -> None:
    client = client_of("coordinator1")
    client.get("/people/account/")
    _aged(client, seen=0, started=settings.ABSOLUTE_HOURS * 60 + 1)
    assert client.get("/people/account/").status_code == 302
    assert Note.objects.get(action="session.end").detail == {"account": "coordinator1", "why": "absolute"}


def test_U5_pages_that_ask_by_themselves_keep_nobody_signed_in(
    cast: dict[str, User], client_of: Callable[[str], Client], settings: Any
) -> None:
    client = client_of("coordinator1")
    client.get("/people/account/")
    _aged(client, seen=settings.IDLE_MINUTES - 1)
    client.get("/people/account/", headers={"X-Background": "1"})
    assert timezone.now().timestamp() - client.session[SEEN] > 60
    client.get("/people/account/")
    assert timezone.now().timestamp() - client.session[SEEN] < 60


def _too_late(client: Client, settings: Any) -> Any:
    client.get("/people/account/")
    _aged(client, seen=settings.IDLE_MINUTES + 1)
    return client.post(
        "/people/issues/report/", {"text": "a long text typed slowly", "page": "/x", "sign_password": "secret"}
    )


def test_U5_what_was_typed_before_the_time_out_is_kept_and_counts_only_when_sent_again(
    cast: dict[str, User], client_of: Callable[[str], Client], settings: Any
) -> None:
    client = client_of("coordinator1")
    assert _too_late(client, settings)["Location"] == "/people/sign-in/?next=%2Fpeople%2Fresume%2F"
    assert not Issue.objects.exists()
    client.post(
        "/people/sign-in/",
        {"username": "coordinator1", "password": DEMONSTRATION_PASSWORD, "next": "/people/resume/"},
    )
    page = client.get("/people/resume/").content.decode()
    assert 'action="/people/issues/report/"' in page
    assert "a long text typed slowly" in page
    assert "secret" not in page
    assert not Issue.objects.exists()
    client.post("/people/resume/")
    assert "a long text" not in client.get("/people/resume/").content.decode()


def test_U5_what_one_person_typed_is_not_shown_to_the_next_at_the_same_machine(
    cast: dict[str, User], client_of: Callable[[str], Client], settings: Any
) -> None:
    client = client_of("coordinator1")
    _too_late(client, settings)
    _sign_in(client, "monitor1")
    assert "a long text" not in client.get("/people/resume/").content.decode()
    assert not any("a long text" in str(one.get_decoded()) for one in Session.objects.all())


def test_U5_a_participants_code_is_kept_and_a_one_time_code_is_not(
    cast: dict[str, User], client_of: Callable[[str], Client], settings: Any
) -> None:
    client = client_of("coordinator1")
    client.get("/people/account/")
    _aged(client, seen=settings.IDLE_MINUTES + 1)
    client.post("/participants/register/", {"code": "P77", "sign_code": "123456"})
    assert client.session["theratrial_kept_entry"]["fields"] == [["code", "P77"]]
    other = client_of("coordinator1")
    other.get("/people/account/")
    _aged(other, seen=settings.IDLE_MINUTES + 1)
    other.post("/people/account/device/", {"code": "123456"})
    assert "theratrial_kept_entry" not in other.session


def test_U5_a_forged_entry_after_the_time_out_is_not_kept(cast: dict[str, User], settings: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast["coordinator1"], "theratrial.web.people.backend.AccountBackend")
    _too_late(client, settings)
    assert "theratrial_kept_entry" not in client.session


def test_U6_sessions_end_at_once_with_the_account(cast: dict[str, User], client_of: Callable[[str], Client]) -> None:
    client = client_of("coordinator1")
    assert client.get("/people/account/").status_code == 200
    accounts.account_close(cast["administrator1"], cast["coordinator1"], reason="left")
    assert client.get("/people/account/").status_code == 302
    assert _sign_in(Client()).status_code == 200  # the sign-in page again


def test_U6_signing_out_everywhere_ends_every_session_of_the_account(
    cast: dict[str, User], client_of: Callable[[str], Client]
) -> None:
    here, there, another = client_of("coordinator1"), client_of("coordinator1"), client_of("monitor1")
    here.post("/people/account/sign-out-everywhere/")
    assert there.get("/people/account/").status_code == 302
    assert another.get("/people/account/").status_code == 200


def test_U6_a_temporary_password_is_shown_once_and_must_be_changed_first(
    cast: dict[str, User], client_of: Callable[[str], Client]
) -> None:
    form = {"username": "newcomer1", "printed_name": "Newcomer One"}
    page = client_of("administrator1").post("/people/open/", form)
    password = page.context["password"]
    assert password in page.content.decode()
    client = Client()
    assert _sign_in(client, "newcomer1", password).status_code == 302
    assert client.get("/people/account/")["Location"] == "/people/account/password/"
    answer = client.post(
        "/people/account/password/", {"old_password": password, "new_password": GOOD, "again_password": GOOD}
    )
    assert answer.status_code == 302
    assert client.get("/people/account/").status_code == 200
    assert not Event.objects.filter(payload_digest=password).exists()


def test_U6_an_old_password_must_be_changed(
    cast: dict[str, User], client_of: Callable[[str], Client], settings: Any
) -> None:
    with act(SETUP, "test.set-up"):
        user = cast["coordinator1"]
        user.password_changed_at = timezone.now() - timedelta(days=settings.PASSWORD_MAXIMUM_AGE_DAYS)
        user.save()
    assert client_of("coordinator1").get("/people/account/")["Location"] == "/people/account/password/"


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("short", "too short"),
        ("password1234", "too common"),
        ("coordinator1", "too similar"),
        ("904826173550", "entirely numeric"),
    ],
)
def test_U6_a_weak_password_is_refused(
    cast: dict[str, User], client_of: Callable[[str], Client], new: str, message: str
) -> None:
    answer = client_of("coordinator1").post(
        "/people/account/password/",
        {"old_password": DEMONSTRATION_PASSWORD, "new_password": new, "again_password": new},
    )
    assert answer.status_code == 422
    assert message in answer.content.decode()


def test_U6_passwords_are_kept_as_argon2(settings: Any) -> None:
    assert shipped_settings.PASSWORD_HASHERS[0].endswith("Argon2PasswordHasher")
    settings.PASSWORD_HASHERS = shipped_settings.PASSWORD_HASHERS
    assert get_hasher().encode(GOOD, "saltsaltsalt").startswith("argon2$argon2id$")


def test_S5_a_name_is_never_given_again(cast: dict[str, User]) -> None:
    accounts.account_close(cast["administrator1"], cast["coordinator1"], reason="left")
    for name in ("coordinator1",):
        with pytest.raises(InputError, match="never given again"):
            accounts.account_open(cast["administrator1"], username=name, printed_name="Another Person")


@pytest.mark.parametrize("name", ["", "Ab", "a", "1abc", "a b c", "کاربر", "a" * 65])
def test_U7_a_name_that_is_no_account_name_is_refused(cast: dict[str, User], name: str) -> None:
    with pytest.raises(InputError, match="no account name"):
        accounts.account_open(cast["administrator1"], username=name, printed_name="Person")


def test_nobody_closes_or_resets_the_own_account_as_administrator(cast: dict[str, User]) -> None:
    administrator = cast["administrator1"]
    for service in (accounts.account_close, accounts.password_reset, accounts.device_taken_off):
        with pytest.raises(InputError):
            service(administrator, administrator, reason="why not")


def test_language_is_chosen_before_signing_in_and_kept_by_the_account(cast: dict[str, User]) -> None:
    client = Client()
    client.post("/people/language/", {"language": "fa", "next": "/people/sign-in/"})
    assert 'dir="rtl"' in client.get("/people/sign-in/").content.decode()
    _sign_in(client)
    assert 'dir="ltr"' in client.get("/people/account/").content.decode()
    client.post("/people/account/", {"language": "fa", "calendar": "jalali", "persian_digits": "on"})
    page = client.get("/people/account/").content.decode()
    assert 'dir="rtl"' in page
    assert "۱۴" in page
    assert client.post("/people/account/", {"language": "xx", "calendar": "lunar"}).status_code == 422


def test_V5_an_issue_is_reported_answered_and_exported(
    cast: dict[str, User], client_of: Callable[[str], Client]
) -> None:
    reporter, manager = client_of("coordinator1"), client_of("manager1")
    reporter.post("/people/issues/report/", {"text": "=1+1 does not add up", "page": "/participants/"})
    issue = Issue.objects.get()
    assert (issue.reported_by, issue.state) == ("coordinator1", "open")
    assert "does not add up" not in client_of("monitor1").get("/people/issues/").content.decode()
    assert reporter.post(f"/people/issues/{issue.pk}/answer/", {"answer": "mine"}).status_code == 403
    manager.post(f"/people/issues/{issue.pk}/answer/", {"answer": "it does now", "close": "1"})
    assert "it does now" in reporter.get("/people/issues/").content.decode()
    assert manager.post(f"/people/issues/{issue.pk}/answer/", {"answer": "again"}).status_code == 422
    text = manager.get("/people/issues.csv").content.decode()
    assert "'=1+1 does not add up" in text
    assert "it does now" in text
