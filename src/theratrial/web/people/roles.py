"""Granting and ending roles: never to oneself, never two duties that exclude each other."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.ledger.act import act
from theratrial.web.people.labels import permission_text, role_text
from theratrial.web.people.models import Assignment, Site, User
from theratrial.web.people.permissions import matrix, may, roles_held, sites_of


def may_at(user: Any, permission: str, site: Site | None) -> bool:
    """Whether `user` may do `permission` at `site`; at every site where it is None."""
    if site is not None:
        return may(user, permission, site=site)
    return may(user, permission) and len(sites_of(user, permission)) == Site.objects.count()


def conflict_of(user: User, role: str) -> str:
    """Why `user` cannot hold `role` beside the roles held now (U7); empty where nothing stands against it."""
    new = matrix().roles[role].permissions
    for held in roles_held(user):
        old = matrix().roles[held].permissions if held in matrix().roles else frozenset()
        for one, other in matrix().conflicts:
            if (one in new and other in old) or (other in new and one in old):
                return _(
                    "%(role)s and %(held)s exclude each other in one account: who may “%(one)s” must not “%(other)s”."
                ) % {
                    "role": role_text(role),
                    "held": role_text(held),
                    "one": permission_text(one),
                    "other": permission_text(other),
                }
    return ""


def role_grant(actor: Any, user: User, *, role: str, site: Site | None, reason: str = "") -> Assignment:
    """Give a role from now on.

    Raises
    ------
    InputError
        It is one's own account, the role is unknown, held already or excluded by another, or the account is closed.
    """
    if user.pk == actor.pk:
        raise InputError(_("Nobody grants a role to herself; ask another administrator."))
    if role not in matrix().roles:
        raise InputError(_("There is no role “%(role)s”.") % {"role": role})
    if not may_at(actor, "people.manage", site):
        raise InputError(_("You may not grant roles there; your own role is for other sites."))
    with act(actor, "role.grant", reason=reason.strip()):
        current = User.objects.select_for_update().get(pk=user.pk)
        if not current.is_active:
            raise InputError(_("The account is closed; open it again first."))
        if current.assignments.filter(role=role, site=site, ends_at=None).exists():
            raise InputError(_("The role is held there already."))
        if why := conflict_of(current, role):
            raise InputError(why)
        return Assignment.objects.create(
            user=current, role=role, site=site, starts_at=timezone.now(), granted_by=actor.get_username()
        )


def role_end(actor: Any, assignment: Assignment, *, reason: str) -> None:
    """End a role now; the line stays.

    Raises
    ------
    InputError
        It has ended, no reason is given, or it is another site's.
    """
    if not reason.strip():
        raise InputError(_("Say why the role ends; it goes into the ledger."))
    if not may_at(actor, "people.manage", assignment.site):
        raise InputError(_("You may not end roles there; your own role is for other sites."))
    with act(actor, "role.end", reason=reason.strip()):
        current = Assignment.objects.select_for_update().get(pk=assignment.pk)
        if current.ends_at is not None:
            raise InputError(_("The role has ended already."))
        current.ends_at, current.ended_by = timezone.now(), actor.get_username()
        current.save()
