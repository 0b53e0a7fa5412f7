"""Who may do what, where, at which moment: roles held, and tasks delegated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from django.urls import reverse
from django.utils import timezone


@dataclass(frozen=True, slots=True)
class Permission:
    """A right, and the task that must be delegated for it (empty: none)."""

    id: str
    label: str
    task: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """A role and its rights."""

    id: str
    label: str
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The whole of ``roles.yaml``."""

    permissions: dict[str, Permission]
    roles: dict[str, Role]
    conflicts: tuple[tuple[str, str], ...]


@lru_cache(maxsize=1)
def matrix() -> Matrix:
    """Roles and permissions as shipped."""
    content = yaml.safe_load((Path(__file__).parent / "roles.yaml").read_text(encoding="utf-8"))
    permissions = {
        key: Permission(key, value["label"], value.get("task", "")) for key, value in content["permissions"].items()
    }
    roles = {key: Role(key, value["label"], frozenset(value["permissions"])) for key, value in content["roles"].items()}
    for role in roles.values():
        if unknown := role.permissions - permissions.keys():
            raise ValueError(f"role {role.id} names unknown permissions {sorted(unknown)}")
    return Matrix(permissions, roles, tuple((one[0], one[1]) for one in content["conflicts"]))


def _grants(user: Any) -> list[tuple[str, int | None, datetime, datetime | None, str]]:
    """Role, site (None: all), from, to, who ended it: fetched once per request."""
    if not hasattr(user, "_theratrial_grants"):
        user._theratrial_grants = list(
            user.assignments.values_list("role", "site_id", "starts_at", "ends_at", "ended_by")
        )
        user._theratrial_delegations = list(user.delegations.values_list("site_id", "tasks", "starts_on", "ends_on"))
    found: list[tuple[str, int | None, datetime, datetime | None, str]] = user._theratrial_grants
    return found


def _reached(user: Any) -> datetime:
    """Now, but never before the last event of the ledger: what is over does not come back with a clock set back.

    One query, once per request, and only for who has a role or a delegation with an end still to come.
    """
    if not hasattr(user, "_theratrial_reached"):
        from theratrial.web.ledger.selectors import now_of_ledger

        user._theratrial_reached = now_of_ledger()
    reached: datetime = user._theratrial_reached
    return reached


def _over(user: Any, ends: datetime | None, ended_by: str, at: datetime | None) -> bool:
    """Whether a role is over."""
    if ends is None:
        return False
    if at is not None:
        return ends <= at
    return ended_by != "" or ends <= timezone.now() or ends <= _reached(user)


def _past(user: Any, ends_on: date, at: datetime | None) -> bool:
    """Whether the last day of a delegation is past."""
    if at is not None:
        return ends_on < at.date()
    return ends_on < timezone.now().date() or ends_on < _reached(user).date()


def _delegated(user: Any, task: str, site_id: int | None, at: datetime | None) -> bool:
    day = (at or timezone.now()).date()
    return any(
        task in tasks
        and (site_id is None or site == site_id)
        and starts <= day
        and (ends is None or not _past(user, ends, at))
        for site, tasks, starts, ends in user._theratrial_delegations
    )


def may(user: Any, permission: str, *, site: Any = None, at: datetime | None = None) -> bool:
    """Whether `user` may do `permission`, at `site` (None: at any site at all).

    Raises
    ------
    KeyError
        There is no such permission: a misspelt one must not look like a refusal.
    """
    wanted = matrix().permissions[permission]
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return False
    moment = at or timezone.now()
    site_id = getattr(site, "pk", site)
    for role, where, starts, ends, ended_by in _grants(user):
        if role not in matrix().roles or permission not in matrix().roles[role].permissions:
            continue
        if starts > moment or _over(user, ends, ended_by, at):
            continue
        if site_id is not None and where is not None and where != site_id:
            continue
        if not wanted.task or _delegated(user, wanted.task, site_id if site_id is not None else where, at):
            return True
    return False


def sites_of(user: Any, permission: str) -> list[int]:
    """Ids of the sites at which `user` may do `permission`."""
    from theratrial.web.people.models import Site

    return [pk for pk in Site.objects.values_list("pk", flat=True) if may(user, permission, site=pk)]


def roles_held(user: Any, *, site: Any = None, at: datetime | None = None) -> list[str]:
    """Roles that `user` holds now, at `site` or anywhere."""
    moment = at or timezone.now()
    site_id = getattr(site, "pk", site)
    held = [
        role
        for role, where, starts, ends, ended_by in _grants(user)
        if starts <= moment and not _over(user, ends, ended_by, at) and (site_id is None or where in (None, site_id))
    ]
    return list(dict.fromkeys(held))


def home_of(user: Any) -> str:
    """Where a person begins: the overview, or for who may not see it the people, or the own account."""
    if not user.is_authenticated or may(user, "trial.view"):
        return reverse("trials:overview")
    return reverse("people:people" if may(user, "people.view") else "people:account")
