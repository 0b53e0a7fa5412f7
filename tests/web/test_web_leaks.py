"""Leaks: two sites side by side; whoever works at one sees nothing of the other, whatever is asked for."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from tests.web.web_two_sites import MARK, other_site_planted

from theratrial.web.access import OPEN, SIGNED_IN
from theratrial.web.capture.models import Record
from theratrial.web.people.models import Site, User
from theratrial.web.people.permissions import may
from theratrial.web.setup_site import CAST
from theratrial.web.trials.models import Trial

_PARAMETER = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")


def routes(patterns: Any = None, before: str = "", space: str = "") -> Iterator[tuple[str, str, Any]]:
    """(name, route, view) of every address."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver):
            yield from routes(
                one.url_patterns, before + str(one.pattern), f"{one.namespace}:" if one.namespace else space
            )
        elif isinstance(one, URLPattern):
            yield f"{space}{one.name}", before + str(one.pattern), one.callback


@pytest.fixture
def theirs(cohort: Trial) -> dict[str, list[str]]:
    """Ids of the other site by parameter name."""
    return other_site_planted(cohort)


def _clients(usernames: list[str]) -> dict[str, Client]:
    made = {}
    for username in usernames:
        made[username] = Client(raise_request_exception=False)
        made[username].force_login(User.objects.get(username=username), "theratrial.web.people.backend.AccountBackend")
    return made


def _texts(answer: Any) -> list[str]:
    """Everything in an answer, archives opened."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    found = [body.decode("utf-8", "replace"), str(answer.headers)]
    if body[:2] == b"PK":
        with zipfile.ZipFile(BytesIO(body)) as archive:
            found += [archive.read(name).decode("utf-8", "replace") + name for name in archive.namelist()]
    return found


def _filled(name: str, route: str, values: dict[str, list[str]]) -> Iterator[str]:
    app = name.split(":")[0]
    for number in range(2):

        def value(match: re.Match[str], number: int = number) -> str:
            choices = values.get(f"{app}.{match['name']}") or values.get(match["name"]) or ["1"]
            return quote(choices[min(number, len(choices) - 1)], safe="")

        yield "/" + _PARAMETER.sub(value, route)


def _shown_of_theirs(text: str, path: str) -> list[str]:
    """Marks in an answer that the question itself did not hold."""
    return [
        one
        for one in re.findall(MARK + r"[- ][\w -]{0,40}", text)
        if quote(one.strip()) not in path and one.strip() not in path
    ]


SITE_ROLES = [
    member.username
    for member in CAST
    if member.role not in ("statistician", "registrant", "administrator", "principal_investigator")
]


@pytest.mark.timeout(300)
def test_U1_no_page_of_one_site_holds_anything_of_another(cohort: Trial, theirs: dict[str, list[str]]) -> None:
    """Asked with the other site's ids and with one's own, in every address."""
    own = _own_values()
    leaks: dict[str, str] = {}
    users = {user.username: user for user in User.objects.all()}
    clients = _clients(SITE_ROLES)
    for name, route, view in routes():
        permission = view.theratrial_permission
        if permission == OPEN:
            continue
        askers = [one for one in SITE_ROLES if permission == SIGNED_IN or may(users[one], permission)]
        for username in _one_per_kind(askers):
            paths = list(dict.fromkeys([*_filled(name, route, theirs), *_filled(name, route, own)]))
            for path in paths:
                for method in ("get", "post"):
                    with transaction.atomic():
                        answer = getattr(clients[username], method)(
                            path, {"reason": "looked at", "meaning": "approved"}
                        )
                        for text in _texts(answer):
                            shown = _shown_of_theirs(text, path)
                            if name.startswith("registration:"):  # a registry publishes the names of all centres
                                shown = [one for one in shown if one.strip() != f"{MARK} centre"]
                            if shown:
                                leaks[f"{name} {method} {username}"] = (
                                    f"{answer.status_code} {path} {sorted(set(shown))[:4]}"
                                )
                        transaction.set_rollback(True)
                    if name == "people:sign-out" or name == "people:everywhere":
                        clients = _clients(SITE_ROLES)
    assert not leaks, "\n" + "\n".join(f"{key}: {value}" for key, value in leaks.items())


def _one_per_kind(askers: list[str]) -> list[str]:
    """Few who differ most in what they may see."""
    wanted = ("manager1", "coordinator1", "nuclear1", "monitor1", "pharmacist1")
    return [one for one in wanted if one in askers][:1] or askers[:1]


def _own_values() -> dict[str, list[str]]:
    site = Site.objects.order_by("pk").first()
    assert site is not None
    first = Record.objects.filter(table="administrations", site=site).order_by("sequence").first()
    batch = Record.objects.filter(table="batches").first()
    assert first is not None
    assert first.participant is not None
    assert batch is not None
    return {
        "code": [first.participant.code], "session": ["1"], "username": ["coordinator1"], "visit": ["follow_up"],
        "thing": ["follow_up"],
        "form": ["laboratory", "administration"], "column": ["value"], "table": ["consents"],
        "entity": ["capture_record"],
        "entity_id": [str(first.pk)], "record_id": [str(first.pk)], "group": [str(first.group), str(batch.group)],
        "number": ["1"],
        "site": [str(site.pk)], "kind": ["organ"], "test": ["platelets"], "region": ["liver"], "point": ["0"],
        "pharmacy.pk": [str(batch.pk)],
    }  # fmt: skip


LISTS = (
    ("ledger:list", "?participant=" + MARK + "-P01"), ("ledger:list", "?entity=capture_record&page=1"),
    ("ledger:list", "?entity=people_assignment"),
    ("ledger:as-of", "?table=administrations"), ("ledger:as-of", "?table=participants"), ("ledger:as-of",
    "?table=lesion_readings"),
    ("ledger:as-of", "?table=laboratory&participant=" + MARK + "-P01"), ("capture:queries", "?state=all"),
    ("capture:queries", "?q=" + MARK),
    ("participants:list", "?q=" + MARK), ("participants:list", "?state=all"), ("participants:calendar",
    "?month=2022-05"),
    ("trials:overview", "?all=1"), ("people:who", "?permission=records.enter&on=2026-11-23"), ("capture:verify",
    "?show=all"),
)  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("username", ["coordinator1", "manager1", "monitor1", "pharmacist1", "nuclear1"])
def test_U1_no_list_of_one_site_can_be_filtered_to_another(theirs: dict[str, list[str]], username: str) -> None:
    from django.urls import reverse

    client = _clients([username])[username]
    leaks = {}
    for name, query in LISTS:
        answer = client.get(reverse(name) + query)
        for text in _texts(answer):
            if shown := _shown_of_theirs(text, query):
                leaks[name + query] = sorted(set(shown))[:5]
    assert not leaks


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("path", "data"),
    [("/exports/folder/", {}), ("/exports/listings/", {"table": "administrations"}), ("/exports/listings/", {}),
    ("/exports/ledger/", {}),
     ("/ledger/export/", {}), ("/exports/certified-copy/", {}), ("/exports/certified-copy/participant/",
     {"participant": MARK + "-P01"}),
     ("/records/completeness/csv/", {})],
)  # fmt: skip
def test_U1_no_export_of_one_site_holds_anything_of_another(
    theirs: dict[str, list[str]], path: str, data: dict[str, str]
) -> None:
    client = _clients(["manager1"])["manager1"]
    if path == "/exports/certified-copy/participant/":
        data = {"participant": theirs["code"][0], "code": theirs["code"][0]}
    answer = client.post(path, data)
    shown = [one for text in _texts(answer) for one in _shown_of_theirs(text, str(data))]
    assert not shown, (answer.status_code, sorted(set(shown))[:10])


def test_the_marks_are_seen_by_who_may_see_them(theirs: dict[str, list[str]]) -> None:
    """Else the tests above would find nothing whatever leaked."""
    client = _clients(["investigator1"])["investigator1"]
    code = theirs["code"][0]
    for path in (
        f"/participants/{code}/",
        f"/ledger/participant/{code}/",
        f"/records/participant/{code}/",
        "/ledger/as-of/?table=administrations",
    ):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert f"{MARK}-" in answer.content.decode(), path
