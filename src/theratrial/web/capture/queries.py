"""Queries: questions about an item, their states as ODM 2.0 names them, and every step a message of a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from theratrial.errors import InputError
from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.capture.locking import unlocked_or_refused
from theratrial.web.capture.models import Query, QueryMessage, Record
from theratrial.web.ledger.act import SystemActor, act
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site
from theratrial.web.people.permissions import may, sites_of

EDIT_CHECKS: Final = SystemActor("edit-checks")
SYSTEM: Final = "system:"
STATES: Final = ("open", "answered", "closed", "cancelled")
PENDING: Final = ("open", "answered")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a query: from which states, to which (empty: it stays), and who may take it (any of)."""

    name: str
    label: Any
    done: Any
    sources: tuple[str, ...]
    target: str
    permissions: tuple[str, ...]


OPENING: Final = Step("open", gettext_lazy("Open"), gettext_lazy("opened"), (), "open", ("queries.raise",))
STEPS: Final = {
    step.name: step
    for step in (
        Step("answer", gettext_lazy("Answer"), gettext_lazy("answered"), ("open",), "answered", ("queries.answer",)),
        Step("close", gettext_lazy("Close"), gettext_lazy("closed"), PENDING, "closed", ("queries.raise",)),
        Step(
            "reopen", gettext_lazy("Open again"), gettext_lazy("opened again"), ("answered", "closed"), "open",
            ("queries.raise",),
        ),
        Step("cancel", gettext_lazy("Cancel"), gettext_lazy("cancelled"), PENDING, "cancelled", ("queries.raise",)),
        Step(
            "comment", gettext_lazy("Comment"), gettext_lazy("commented"), PENDING, "",
            ("queries.raise", "queries.answer"),
        ),
    )
}  # fmt: skip
TURN: Final = {"open": "queries.answer", "answered": "queries.raise"}
"""State -> permission of those whose turn it is."""


def steps_of(user: Any, query: Query) -> list[Step]:
    """Steps that `user` may take with the query as it stands."""
    return [step for step in STEPS.values() if query.state in step.sources and _allowed(user, step, query.site)]


def visible_queries(user: Any) -> QuerySet[Query]:
    """Queries of the user's sites; those about participants only for who may see participants.

    Those about lesion readings that are hidden from a reader are hidden too.
    """
    from theratrial.web.results.blinding import hidden_records

    sites, participants = sites_of(user, "queries.view"), sites_of(user, "participants.view")
    shared = Q(participant=None) & (Q(site=None) | Q(site__in=sites))
    own = Q(participant__site__in=[pk for pk in sites if pk in participants])
    found = Query.objects.filter(shared | own).select_related("participant", "record", "site")
    hidden = hidden_records(user).records
    return found.exclude(record__in=hidden) if hidden else found


def query_raised(
    actor: Any,
    text: str,
    *,
    record: Record | None = None,
    column: str = "",
    subject: str = "",
    participant: Participant | None = None,
    site: Site | None = None,
) -> Query:
    """A question of a person about a cell, or about a subject that has no record yet.

    Raises
    ------
    InputError
        There is no text, nothing it is about, or the table has no such column.
    LockedError
        The data are locked; frozen data may be asked about.
    PermissionError
        The person may not raise queries at that site.
    """
    participant, site = _whose(record, participant, site)
    if not _allowed(actor, OPENING, site):
        raise PermissionError("queries.raise")
    with act(actor, "query.open"):
        unlocked_or_refused(participant, record)
        return _opened(actor.get_username(), "manual", text, record, column, subject, participant, site)


def query_stepped(actor: Any, query: Query, step: str, text: str) -> Query:
    """Take a step: answer, close, reopen, cancel, comment.

    Raises
    ------
    InputError
        There is no such step from the state the query is in by now, or no text.
    LockedError
        The data are locked.
    PermissionError
        The step needs another permission.
    """
    wanted = STEPS.get(step)
    if wanted is None:
        raise InputError(_("there is no step %(got)s; there are: %(known)s") % {"got": step, "known": ", ".join(STEPS)})
    if not _allowed(actor, wanted, query.site):
        raise PermissionError(" | ".join(wanted.permissions))
    if not text.strip() and (step != "close" or query.state != "answered"):
        # An answered query is settled by its answer; one that nobody answered needs the words of who closes it.
        raise InputError(_("a step of a query needs words: say what was found or what is asked"))
    with act(actor, f"query.{step}", reason=text.strip()):
        current = Query.objects.select_for_update(of=("self",)).select_related("participant", "record").get(pk=query.pk)
        unlocked_or_refused(current.participant, current.record)
        if current.state not in wanted.sources:
            raise InputError(
                _("the query is %(state)s by now, so this step cannot be taken; look at the thread and decide anew")
                % {"state": state_label(current.state)}
            )
        return _moved(current, wanted, actor.get_username(), text)


def system_query(
    rule: str,
    text: str,
    *,
    record: Record | None = None,
    column: str = "",
    subject: str = "",
    participant: Participant | None = None,
    site: Site | None = None,
    actor: SystemActor = EDIT_CHECKS,
) -> Query | None:
    """The query of a rule; None where people have settled it for what is stored now.

    At most one pending query per rule and item. A person's closing or cancelling holds until the record changes
    (for a subject: until the text of the rule does), so running all rules again changes nothing.

    Raises
    ------
    LockedError
        The data are locked.
    """
    participant, site = _whose(record, participant, site)
    with act(actor, "query.open", reason=rule):
        same = _of_rule(rule, record, column, subject, participant)
        if pending := same.filter(state__in=PENDING).first():
            return pending
        settled = same.filter(state__in=("closed", "cancelled")).order_by("-closed_at", "-pk").first()
        if settled is not None and _settled_by_person(settled) and _as_it_was(settled, record, text):
            return None
        unlocked_or_refused(participant, record)
        return _opened(SYSTEM + actor.name, "system", text, record, column, subject, participant, site, rule=rule)


def system_query_resolved(
    rule: str,
    *,
    record: Record | None = None,
    column: str = "",
    subject: str = "",
    participant: Participant | None = None,
    actor: SystemActor = EDIT_CHECKS,
    text: str = "",
) -> int:
    """Close the pending query of a rule whose condition holds by now; how many were closed (0 or 1)."""
    participant, _site = _whose(record, participant, None)
    with act(actor, "query.close", reason=rule):
        pending = list(
            _of_rule(rule, record, column, subject, participant).filter(state__in=PENDING).select_for_update()
        )
        for query in pending:
            unlocked_or_refused(participant, record)
            said = text or "The rule that raised this query is satisfied by the values stored now."
            _moved(query, STEPS["close"], SYSTEM + actor.name, said)
    return len(pending)


def state_label(state: str) -> str:
    """A state in the user's language."""
    return {"open": _("Open"), "answered": _("Answered"), "closed": _("Closed"), "cancelled": _("Cancelled")}[state]


def _allowed(user: Any, step: Step, site: Site | None) -> bool:
    return any(may(user, permission, site=site) for permission in step.permissions)


def _whose(
    record: Record | None, participant: Participant | None, site: Site | None
) -> tuple[Participant | None, Site | None]:
    participant = record.participant if record else participant
    return participant, (record.site if record else site) or (participant.site if participant else None)


def _at(record: Record) -> str:
    """The item as it was when it was asked about, or settled: the origin that traces name."""
    return f"record:{record.table}/{record.pk}@{record.version}"


def _of_rule(
    rule: str, record: Record | None, column: str, subject: str, participant: Participant | None
) -> QuerySet[Query]:
    queries = Query.objects.filter(kind="system", rule=rule, participant=participant)
    return queries.filter(record=record, column=column) if record else queries.filter(record=None, subject=subject)


def _settled_by_person(query: Query) -> bool:
    last = query.messages.filter(step__in=("close", "cancel")).last()
    return last is not None and not last.author.startswith(SYSTEM)


def _as_it_was(query: Query, record: Record | None, text: str) -> bool:
    return query.subject == _at(record) if record else query.text == text


def _opened(
    author: str,
    kind: str,
    text: str,
    record: Record | None,
    column: str,
    subject: str,
    participant: Participant | None,
    site: Site | None,
    *,
    rule: str = "",
) -> Query:
    if not text.strip():
        raise InputError(_("a query needs a question; write what is unclear"))
    if record is None and not subject:
        raise InputError(_("a query is about a record, or about a visit or image by name; none was given"))
    if record is not None and column and column not in {one.name for one in table_definition(record.table).columns}:
        raise InputError(_("table %(table)s has no column %(column)s") % {"table": record.table, "column": column})
    now = timezone.now()
    query = Query.objects.create(
        participant=participant,
        site=site,
        record=record,
        column=column,
        subject=_at(record) if record else subject[:200],
        kind=kind,
        rule=rule,
        text=text.strip(),
        opened_by=author,
        opened_at=now,
    )
    QueryMessage.objects.create(query=query, author=author, at=now, step="open", text=text.strip())
    return query


def _moved(query: Query, step: Step, author: str, text: str) -> Query:
    now = timezone.now()
    if step.target:
        query.state = step.target
        query.closed_at = now if step.target in ("closed", "cancelled") else None
        if query.closed_at and query.record:
            query.subject = _at(query.record)
        query.save()
    QueryMessage.objects.create(query=query, author=author, at=now, step=step.name, text=text.strip())
    return query
