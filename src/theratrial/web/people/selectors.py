"""People, roles, delegation and ethics, read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db.models import Max, Prefetch
from django.utils import timezone

from theratrial.web.ledger.models import Event, Note, Signature
from theratrial.web.ledger.selectors import now_of_ledger
from theratrial.web.people.models import Assignment, Delegation, EthicsApproval, Site, User
from theratrial.web.people.permissions import matrix, may, roles_held, sites_of
from theratrial.web.trials.models import ProtocolVersion

ACCESS_REVIEW_DAYS: Final = 180
REVIEW_KIND: Final = "access_review"
FAILURES: Final = ("sign-in.failed", "sign.failed")


def people_with_rights() -> list[User]:
    """Every account with its roles and delegations, in four queries."""
    reached = now_of_ledger()
    return [
        _rights_known(user, reached)
        for user in User.objects.order_by("username").prefetch_related(
            Prefetch("assignments", Assignment.objects.select_related("site").order_by("starts_at", "pk")),
            Prefetch("delegations", Delegation.objects.select_related("site").order_by("starts_on", "pk")),
        )
    ]


def _rights_known(user: Any, reached: datetime) -> User:
    """Rights judged from what was fetched already, not by three more queries for each person."""
    user._theratrial_reached = reached
    user._theratrial_grants = [(a.role, a.site_id, a.starts_at, a.ends_at, a.ended_by) for a in user.assignments.all()]
    user._theratrial_delegations = [(d.site_id, d.tasks, d.starts_on, d.ends_on) for d in user.delegations.all()]
    found: User = user
    return found


def grants_now(user: User, now: datetime) -> list[Assignment]:
    """Roles held at `now`, of a person from `people_with_rights`."""
    return [a for a in user.assignments.all() if a.starts_at <= now and (a.ends_at is None or now < a.ends_at)]


@dataclass(frozen=True, slots=True)
class Able:
    """Somebody who could do something at a moment: by which roles, and for which sites."""

    user: User
    roles: tuple[str, ...]
    sites: tuple[Site, ...]


def who_could(permission: str, *, at: datetime, sites: frozenset[int] | None = None) -> list[Able]:
    """Who could do `permission` at the moment `at`, role and delegation both in force then (U3).

    Parameters
    ----------
    sites
        Ids of the sites that are asked about; None: all.

    Accounts that are closed today are among them: they may have been open.

    Raises
    ------
    KeyError
        There is no such permission.
    """
    asked = [site for site in Site.objects.order_by("code") if sites is None or site.pk in sites]
    able = []
    holding = {key for key, role in matrix().roles.items() if permission in role.permissions}
    for user in people_with_rights():
        user.is_active = True
        where = tuple(site for site in asked if may(user, permission, site=site, at=at))
        if where:
            able.append(Able(user, tuple(r for r in roles_held(user, at=at) if r in holding), where))
    return able


def site_is_active(site: Site, version: ProtocolVersion | None = None, *, on: date | None = None) -> bool:
    """Whether an ethics approval of the protocol version (None: that in force) stands for the site (D8)."""
    from theratrial.web.trials.selectors import the_trial

    wanted = version or the_trial().in_force
    day = on or timezone.now().date()
    return any(
        one.approved_on <= day and (one.withdrawn_on is None or day < one.withdrawn_on)
        for one in EthicsApproval.objects.filter(site=site, protocol_version=wanted)
    )


def last_sign_ins(usernames: Iterable[str]) -> dict[str, str]:
    """Account name -> instant of the last sign-in, from the ledger."""
    found = Event.objects.filter(action="sign-in", actor__in=list(usernames))
    return dict(found.values("actor").annotate(last=Max("effective_at")).values_list("actor", "last"))


def access_review_content(site: Site, *, now: datetime) -> dict[str, Any]:
    """What is reviewed and signed: every account that can do anything at the site, with roles and delegated tasks."""
    lines = []
    people = [user for user in people_with_rights() if user.is_active]
    last = last_sign_ins(user.username for user in people)
    for user in people:
        roles = [a for a in grants_now(user, now) if a.site_id in (None, site.pk)]
        delegated = [
            d
            for d in user.delegations.all()
            if d.site_id == site.pk and d.starts_on <= now.date() and (d.ends_on is None or now.date() <= d.ends_on)
        ]
        if roles:
            lines.append(
                {
                    "account": user.username,
                    "printed_name": user.printed_name,
                    "roles": [
                        {"role": a.role, "since": a.starts_at.date().isoformat(), "granted_by": a.granted_by}
                        for a in roles
                    ],
                    "tasks": sorted({task for d in delegated for task in d.tasks}),
                    "last_sign_in": last.get(user.username, "")[:10],
                }
            )
    return {"site": site.code, "accounts": lines}


@dataclass(frozen=True, slots=True)
class ReviewState:
    """When a site's access was reviewed last, and whether it is due again."""

    site: Site
    last: Signature | None
    due_on: date | None
    overdue: bool


def review_states(sites: Iterable[Site], *, now: datetime) -> list[ReviewState]:
    """The state of the access review of each site, in one query."""
    last: dict[str, Signature] = {}
    for signature in Signature.objects.filter(kind=REVIEW_KIND, voided_at=None).order_by("signed_at"):
        last[signature.key] = signature
    states = []
    for site in sites:
        found = last.get(site.code)
        due = (found.signed_at + timedelta(days=ACCESS_REVIEW_DAYS)).date() if found else None
        states.append(ReviewState(site, found, due, due is None or due < now.date()))
    return states


def failures_noted(limit: int = 200) -> list[dict[str, Any]]:
    """The last failures to sign in or to sign, with their instants."""
    notes = list(Note.objects.filter(action__in=FAILURES).order_by("-pk")[:limit])
    events = Event.objects.filter(entity="ledger_note", entity_id__in=[str(note.pk) for note in notes])
    at = dict(events.values_list("entity_id", "effective_at"))
    return [{"action": note.action, "at": at.get(str(note.pk), ""), **note.detail} for note in notes]


def sites_seen(viewer: Any) -> frozenset[int] | None:
    """Sites whose people `viewer` sees; None: everybody, also who has no role yet."""
    found = frozenset(sites_of(viewer, "people.view"))
    return None if found == frozenset(Site.objects.values_list("pk", flat=True)) else found


def of_sites(lines: Iterable[Any], sites: frozenset[int] | None) -> list[Any]:
    """Roles or delegations at these sites, and those that hold at every site."""
    return [one for one in lines if sites is None or one.site_id is None or one.site_id in sites]


def is_seen(user: User, sites: frozenset[int] | None) -> bool:
    """Whether the person has, or had, something to do at one of the sites."""
    return sites is None or bool(of_sites(user.assignments.all(), sites) or of_sites(user.delegations.all(), sites))
