"""The two logs of a site: tasks delegated to trained people, and ethics approvals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.ledger.act import act
from theratrial.web.people.labels import tasks_text
from theratrial.web.people.models import Delegation, EthicsApproval, Site, User
from theratrial.web.people.permissions import matrix, may, roles_held
from theratrial.web.trials.models import ProtocolVersion


def tasks() -> tuple[str, ...]:
    """Every task that must be delegated, in the order of the matrix."""
    return tuple(dict.fromkeys(one.task for one in matrix().permissions.values() if one.task))


def tasks_of(user: Any, site: Site) -> frozenset[str]:
    """Tasks that the roles `user` holds at `site` can use."""
    roles = [matrix().roles[role] for role in roles_held(user, site=site) if role in matrix().roles]
    return frozenset(matrix().permissions[one].task for role in roles for one in role.permissions) - {""}


def delegation_authorise(
    actor: Any,
    user: User,
    *,
    site: Site,
    wanted: Sequence[str],
    trained_on: date,
    starts_on: date,
    ends_on: date | None,
) -> Delegation:
    """A line of the delegation log, authorised by the principal investigator.

    Raises
    ------
    InputError
        No task, a task that no role of the person can use, training after the start, or an end before it.
    """
    if not may(actor, "delegation.authorise", site=site):
        raise InputError(_("You may not authorise lines of this site's delegation log."))
    if not wanted:
        raise InputError(_("Choose at least one task."))
    if useless := sorted(set(wanted) - tasks_of(user, site)):
        raise InputError(
            _("No role of %(name)s at this site can use: %(tasks)s. Have the role granted first.")
            % {"name": user, "tasks": tasks_text(useless)}
        )
    if trained_on > starts_on:
        raise InputError(_("The training lies after the start; nobody works before being trained."))
    if ends_on is not None and ends_on < starts_on:
        raise InputError(_("The end lies before the start."))
    if trained_on > timezone.now().date():
        raise InputError(_("A training that is still to come cannot be recorded as done."))
    with act(actor, "delegation.authorise"):
        return Delegation.objects.create(
            user=user,
            site=site,
            tasks=sorted(wanted),
            trained_on=trained_on,
            starts_on=starts_on,
            ends_on=ends_on,
            authorised_by=actor.get_username(),
        )


def delegation_end(actor: Any, line: Delegation, *, ends_on: date, reason: str) -> None:
    """End a line; its last day is `ends_on`.

    Raises
    ------
    InputError
        It has ended, the end lies before its start, or no reason is given.
    """
    if not reason.strip():
        raise InputError(_("Say why the delegation ends; it goes into the ledger."))
    if not may(actor, "delegation.authorise", site=line.site):
        raise InputError(_("You may not end lines of this site's delegation log."))
    with act(actor, "delegation.end", reason=reason.strip()):
        current = Delegation.objects.select_for_update().get(pk=line.pk)
        if current.ends_on is not None and current.ended_by:
            raise InputError(_("The line has ended already."))
        if ends_on < current.starts_on:
            raise InputError(_("The end lies before the start."))
        current.ends_on, current.ended_by = ends_on, actor.get_username()
        current.save()


def ethics_record(
    actor: Any, *, site: Site, version: ProtocolVersion, committee: str, reference: str, approved_on: date
) -> EthicsApproval:
    """Record an ethics committee's approval of a protocol version for a site.

    Raises
    ------
    InputError
        Committee or reference is missing, or the day is still to come.
    """
    if not may(actor, "ethics.record", site=site):
        raise InputError(_("You may not record approvals of this site."))
    if not committee.strip() or not reference.strip():
        raise InputError(_("Give the committee and the reference of its letter."))
    if approved_on > timezone.now().date():
        raise InputError(_("The day of approval is still to come."))
    with act(actor, "ethics.record"):
        return EthicsApproval.objects.create(
            site=site,
            protocol_version=version,
            committee=committee.strip(),
            reference=reference.strip(),
            approved_on=approved_on,
        )


def ethics_withdraw(actor: Any, approval: EthicsApproval, *, withdrawn_on: date, reason: str) -> None:
    """Record that an approval was withdrawn; the site is not active for that version from then on.

    Raises
    ------
    InputError
        It was withdrawn before, the day does not fit, or no reason is given.
    """
    if not reason.strip():
        raise InputError(_("Say why the approval was withdrawn; it goes into the ledger."))
    if not may(actor, "ethics.record", site=approval.site):
        raise InputError(_("You may not record approvals of this site."))
    if not approval.approved_on <= withdrawn_on <= timezone.now().date():
        raise InputError(_("The day of withdrawal lies before the approval or is still to come."))
    with act(actor, "ethics.withdraw", reason=reason.strip()):
        current = EthicsApproval.objects.select_for_update().get(pk=approval.pk)
        if current.withdrawn_on is not None:
            raise InputError(_("The approval was withdrawn already."))
        current.withdrawn_on = withdrawn_on
        current.save()
