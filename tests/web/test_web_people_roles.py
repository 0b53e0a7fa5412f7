"""Roles, delegation, ethics approvals, the matrix and the review of access."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from theratrial.errors import InputError
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event, Signature
from theratrial.web.ledger.signing import content_digest
from theratrial.web.people import roles, site_logs
from theratrial.web.people.matrix_table import matrix_rows
from theratrial.web.people.models import Assignment, Delegation, EthicsApproval, Site, User
from theratrial.web.people.permissions import matrix, may
from theratrial.web.people.selectors import access_review_content, review_states, site_is_active, who_could
from theratrial.web.setup_site import DEMONSTRATION_PASSWORD, SETUP
from theratrial.web.trials.models import ProtocolVersion, Trial

SNAPSHOT = Path(__file__).parent / "roles-and-permissions.csv"
BEFORE, DURING = datetime(2021, 6, 1, tzinfo=UTC), datetime(2023, 6, 1, tzinfo=UTC)


@pytest.fixture
def newcomer(site: Site) -> User:
    with act(SETUP, "test.set-up"):
        return User.objects.create_user("newcomer1", DEMONSTRATION_PASSWORD, printed_name="Newcomer One")


def test_U2_the_matrix_is_the_one_that_was_reviewed() -> None:
    """Who changes roles.yaml changes this file too: then the change is seen."""
    with SNAPSHOT.open(encoding="utf-8", newline="") as stream:
        assert matrix_rows() == list(csv.reader(stream))


def test_U2_the_matrix_is_exported_as_a_file(cast: dict[str, User], client_of: Callable[[str], Client]) -> None:
    text = client_of("monitor1").get("/people/matrix.csv").content.decode()
    assert list(csv.reader(text.splitlines())) == matrix_rows()


def test_U7_no_role_holds_two_duties_that_exclude_each_other() -> None:
    for role in matrix().roles.values():
        assert not [pair for pair in matrix().conflicts if set(pair) <= role.permissions], role.id


def test_U7_a_conflicting_role_is_refused_with_the_reason(
    cast: dict[str, User], client_of: Callable[[str], Client], site: Site
) -> None:
    answer = client_of("administrator1").post(
        "/people/person/coordinator1/role/", {"role": "monitor", "site": site.code}
    )
    assert answer.status_code == 422
    assert "exclude each other" in answer.content.decode()
    assert not cast["coordinator1"].assignments.filter(role="monitor").exists()


def test_U3_a_granted_role_keeps_from_when_and_by_whom(
    cast: dict[str, User], newcomer: User, site: Site, client_of: Callable[[str], Client]
) -> None:
    client_of("administrator1").post("/people/person/newcomer1/role/", {"role": "monitor", "site": site.code})
    held = Assignment.objects.get(user=newcomer)
    assert (held.role, held.site, held.granted_by, held.ends_at) == ("monitor", site, "administrator1", None)
    assert may(User.objects.get(pk=newcomer.pk), "source.verify", site=site)


def test_U3_an_ended_role_stays_with_its_end_and_gives_nothing(
    cast: dict[str, User], site: Site, client_of: Callable[[str], Client]
) -> None:
    held = cast["monitor1"].assignments.get()
    client_of("administrator1").post(f"/people/role/{held.pk}/end/", {"reason": "left the project"})
    held.refresh_from_db()
    assert held.ended_by == "administrator1"
    assert held.ends_at is not None
    assert not may(User.objects.get(username="monitor1"), "source.verify", site=site)
    assert client_of("monitor1").get("/people/").status_code == 403


def test_U3_a_role_does_not_end_without_a_reason(cast: dict[str, User]) -> None:
    with pytest.raises(InputError, match="why the role ends"):
        roles.role_end(cast["administrator1"], cast["monitor1"].assignments.get(), reason=" ")


def test_U3_nobody_grants_a_role_to_herself(cast: dict[str, User], site: Site) -> None:
    with pytest.raises(InputError, match="to herself"):
        roles.role_grant(cast["administrator1"], cast["administrator1"], role="monitor", site=site)


def test_U3_who_manages_one_site_grants_nothing_at_all_sites(
    cast: dict[str, User], newcomer: User, site: Site, other_site: Site
) -> None:
    with act(SETUP, "test.set-up"):
        held = cast["administrator1"].assignments.get()
        held.site = site
        held.save()
    manager = User.objects.get(username="administrator1")
    for where in (None, other_site):
        with pytest.raises(InputError, match="may not grant roles there"):
            roles.role_grant(manager, newcomer, role="monitor", site=where)
    assert roles.role_grant(manager, newcomer, role="monitor", site=site).pk


def test_U3_who_could_sign_a_gate_on_a_day_is_answered_from_the_lines_of_that_day(cast: dict[str, User]) -> None:
    assert not who_could("gate.sign", at=BEFORE)
    assert [one.user.username for one in who_could("gate.sign", at=DURING)] == ["nuclear1", "nuclear2", "oncologist1"]
    with act(SETUP, "test.set-up"):
        line = cast["oncologist1"].delegations.get()
        line.ends_on = date(2023, 1, 1)
        line.save()
    assert [one.user.username for one in who_could("gate.sign", at=DURING)] == ["nuclear1", "nuclear2"]


def test_U3_the_question_is_asked_in_the_jalali_calendar_too(
    cast: dict[str, User], client_of: Callable[[str], Client]
) -> None:
    client = client_of("monitor1")
    assert "Oncologist One" in client.get("/people/who/?permission=gate.sign&day=1402/03/11").content.decode()
    assert "Nobody could" in client.get("/people/who/?permission=gate.sign&day=1400/03/11").content.decode()
    assert client.get("/people/who/?permission=gate.sign&day=soon").status_code == 422
    assert client.get("/people/who/?permission=everything").status_code == 422


def test_U9_without_a_line_of_the_delegation_log_a_role_enters_nothing(cast: dict[str, User], site: Site) -> None:
    assert may(cast["coordinator1"], "records.enter", site=site)
    site_logs.delegation_end(
        cast["investigator1"], cast["coordinator1"].delegations.get(), ends_on=date(2022, 1, 2), reason="left"
    )
    assert not may(User.objects.get(username="coordinator1"), "records.enter", site=site)
    assert may(User.objects.get(username="coordinator1"), "participants.view", site=site)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": []}, "at least one task"),
        ({"tasks": ["gate"]}, "No role of"),
        ({"trained_on": "2023-02-01"}, "before being trained"),
        ({"ends_on": "2022-12-01"}, "end lies before"),
        ({"trained_on": "31.31.2022"}, "Trained on"),
        ({"starts_on": ""}, "give the day"),
    ],
)
def test_U9_a_line_that_cannot_be_right_is_refused_with_the_reason(
    cast: dict[str, User], site: Site, client_of: Callable[[str], Client], change: dict[str, Any], message: str
) -> None:
    right = {
        "username": "coordinator1",
        "site": site.code,
        "tasks": ["enter"],
        "trained_on": "1401/10/11",
        "starts_on": "2023-01-02",
    }
    client, before = client_of("investigator1"), Delegation.objects.count()
    answer = client.post("/people/delegation/authorise/", {**right, **change})
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert Delegation.objects.count() == before
    assert client.post("/people/delegation/authorise/", right).status_code == 302
    assert Delegation.objects.latest("pk").trained_on == date(2023, 1, 1)


def test_D8_a_site_is_active_only_with_a_standing_approval_of_the_version_in_force(
    cast: dict[str, User], site: Site, trial: Trial, client_of: Callable[[str], Client]
) -> None:
    assert site_is_active(site)
    with act(SETUP, "test.set-up"):
        newer = ProtocolVersion.objects.create(
            number=2, label="two", yaml=trial.in_force.yaml, sha256="0" * 64, loaded_at=timezone.now()
        )
    assert not site_is_active(site, newer)
    form = {"site": site.code, "version": "2", "committee": "C", "reference": "R", "approved_on": "1401/01/15"}
    assert client_of("investigator1").post("/people/ethics/record/", form).status_code == 302
    assert site_is_active(site, newer)
    assert not site_is_active(site, newer, on=date(2022, 4, 3))
    assert site_is_active(site, newer, on=date(2022, 4, 4))


def test_D8_a_withdrawn_approval_ends_the_activity_of_the_site(
    cast: dict[str, User], site: Site, client_of: Callable[[str], Client]
) -> None:
    approval = EthicsApproval.objects.get(site=site)
    answer = client_of("investigator1").post(
        f"/people/ethics/{approval.pk}/withdraw/", {"withdrawn_on": "2023-01-01", "reason": "letter of the committee"}
    )
    assert answer.status_code == 302
    assert site_is_active(site, on=date(2022, 12, 31))
    assert not site_is_active(site)


def test_U8_the_review_of_access_is_signed_and_falls_due_again(
    cast: dict[str, User], site: Site, client_of: Callable[[str], Client]
) -> None:
    client, now = client_of("investigator1"), timezone.now()
    assert review_states([site], now=now)[0].overdue
    content = access_review_content(site, now=now)
    assert {line["account"] for line in content["accounts"]} == set(cast)
    answer = client.post(
        f"/people/review/{site.pk}/sign/",
        {
            "digest": content_digest("access_review", site.code, content),
            "sign_username": "investigator1",
            "sign_password": DEMONSTRATION_PASSWORD,
        },
    )
    assert answer.status_code == 302
    signature = Signature.objects.get(kind="access_review")
    assert signature.role == "principal_investigator"
    assert not review_states([site], now=now)[0].overdue
    assert review_states([site], now=now + timedelta(days=182))[0].overdue
    assert "Investigator One" in client.get(f"/people/review/{site.pk}/").content.decode()


def test_U8_a_role_granted_after_the_report_was_shown_stops_its_signing(
    cast: dict[str, User], newcomer: User, site: Site, client_of: Callable[[str], Client]
) -> None:
    shown = content_digest("access_review", site.code, access_review_content(site, now=timezone.now()))
    roles.role_grant(cast["administrator1"], newcomer, role="monitor", site=site)
    answer = client_of("investigator1").post(
        f"/people/review/{site.pk}/sign/",
        {"digest": shown, "sign_username": "investigator1", "sign_password": DEMONSTRATION_PASSWORD},
    )
    assert answer.status_code == 422
    assert not Signature.objects.exists()


def test_A9_granting_and_ending_a_role_are_events_of_the_ledger(
    cast: dict[str, User], newcomer: User, site: Site
) -> None:
    held = roles.role_grant(cast["administrator1"], newcomer, role="monitor", site=site)
    roles.role_end(cast["administrator1"], held, reason="mistake")
    found = Event.objects.filter(entity="people_assignment", entity_id=str(held.pk)).order_by("seq")
    assert [(one.action, one.actor, one.reason) for one in found] == [
        ("role.grant", "administrator1", ""),
        ("role.end", "administrator1", "mistake"),
    ]


@pytest.mark.parametrize(
    "page", ["/people/", "/people/delegation/", "/people/who/?permission=gate.sign", "/people/review/"]
)
def test_pages_ask_the_database_as_often_for_many_people_as_for_few(
    cast: dict[str, User],
    site: Site,
    client_of: Callable[[str], Client],
    page: str,
    django_assert_max_num_queries: Any,
) -> None:
    client = client_of("monitor1")
    with act(SETUP, "test.set-up"):
        for number in range(40):
            user = User.objects.create_user(f"more{number}", printed_name=f"More {number}")
            Assignment.objects.create(
                user=user, role="oncologist", site=site, starts_at=DURING, granted_by="administrator1"
            )
            Delegation.objects.create(
                user=user, site=site, tasks=["gate"], trained_on=DURING, starts_on=DURING, authorised_by="investigator1"
            )
    with django_assert_max_num_queries(25):
        assert client.get(page).status_code == 200
