"""Every address of the site that answers GET, filled with things that are there, and who may ask for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from theratrial.web.access import OPEN, SIGNED_IN
from theratrial.web.capture.models import Query, Record
from theratrial.web.large_site import first_treated
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.people.permissions import may
from theratrial.web.results.models import Computation
from theratrial.web.setup_site import CAST
from theratrial.web.studies.models import Series

_PARAMETER = re.compile(r"<(?:\w+:)?(?P<name>\w+)>")
_FIRST_ASKED = ("investigator1", "manager1", "nuclear1", "monitor1", "coordinator1")
NOWHERE = "00000000-0000-0000-0000-000000000000"
WITH_QUERY = {
    "trials:overview": ("all=1",),
    "ledger:as-of": ("table=laboratory",),
    "ledger:list": ("action=records.import", "participant={code}"),
    "registration:record": ("language=both",),
    "registration:check": ("severity=error",),
    "participants:list": ("state=overdue", "sort=-latest"),
}
"""Pages that do other work with a query string."""


@dataclass(frozen=True)
class Page:
    """One address and an account that may see it."""

    name: str
    path: str
    username: str

    def asked(self, client: Client) -> Any:
        return client.get(self.path)


def patterns(found: Any = None, before: str = "", space: str = "") -> Iterator[tuple[str, str, Any]]:
    """(name, route, view) of every address."""
    for one in get_resolver().url_patterns if found is None else found:
        if isinstance(one, URLResolver):
            yield from patterns(
                one.url_patterns, before + str(one.pattern), f"{one.namespace}:" if one.namespace else space
            )
        elif isinstance(one, URLPattern):
            yield f"{space}{one.name}", before + str(one.pattern), one.callback


def _values() -> dict[str, str]:
    code = first_treated()
    one = Participant.objects.get(code=code)
    mine = Record.objects.filter(participant=one).order_by("sequence")
    counts = mine.filter(table="laboratory").first()
    series = Series.objects.filter(participant=one).first()
    query = Query.objects.filter(participant=one, state="open").first()
    selection = mine.filter(table="selection_reads").first()
    computation = Computation.objects.filter(state="done", kind="trial").first()
    return {
        "code": code, "session": "1", "username": "coordinator1", "visit": "follow_up", "form": "laboratory",
        "column": "value", "table": "consents", "entity": "capture_record", "entity_id": str(counts.pk),
        "record_id": str(counts.pk), "group": str(counts.group), "number": str(query.pk) if query else "1",
        "site": str(one.site_id), "series_id": str(series.pk) if series else NOWHERE,
        "upload_id": str(series.upload_id) if series else NOWHERE,
        "record": str(selection.pk) if selection else NOWHERE,
        "kind": "organ", "test": "platelets", "region": "liver", "point": "0", "language": "fa",
        "pk": str(computation.pk) if computation else NOWHERE,
    }  # fmt: skip


def _own_values(name: str, route: str, values: dict[str, str]) -> dict[str, str]:
    """Where a name means something else in one app than in another."""
    if name.startswith("trials:"):
        return {**values, "number": "1"}
    if name.startswith("registration:"):
        return {**values, "number": "0", "old": "0", "new": "0"}
    if "shared/" in route:
        batch = Record.objects.filter(table="batches").first()
        return {**values, "form": "batch", "group": str(batch.group) if batch else NOWHERE}
    of = {
        **{"results:event-edit": "adverse_events", "results:reading-edit": "lesion_readings"},
        **{f"results:serious-{one}": "adverse_events" for one in ("report-new", "sheet", "sheet-pdf")},
        "results:serious-report-edit": "serious_reports",
    }
    if name in of:
        rows = Record.objects.filter(table=of[name]).select_related("participant")
        row = (rows.filter(cells__serious="yes") if "serious-sheet" in name else rows).first()
        return {**values, "pk": str(row.pk), "code": row.participant.code} if row else values
    if name.startswith("pharmacy:"):
        values = {**values, "batch": str(Record.objects.filter(table="batches").values_list("pk", flat=True)[0])}
    return {**values, "pk": "1"} if "<int:pk>" in route else values


def pages() -> list[Page]:
    """Every address, whether it answers GET or not; who asks is the first of the cast who may."""
    values, found = _values(), []
    users = {user.username: user for user in User.objects.all()}
    asking = [users[name] for name in dict.fromkeys((*_FIRST_ASKED, *(member.username for member in CAST)))]
    for name, route, view in patterns():
        permission = getattr(view, "theratrial_permission", None)
        own = _own_values(name, route, values)
        path = "/" + _PARAMETER.sub(lambda match, own=own: own.get(match["name"], "1"), route)
        allowed = (user for user in asking if permission in (OPEN, SIGNED_IN) or may(user, permission))
        username = "" if permission == OPEN else next(allowed).username
        found.append(Page(name, path, username))
        found += [Page(name, f"{path}?{more.format(**own)}", username) for more in WITH_QUERY.get(name, ())]
    return found


def signed_in(username: str) -> Client:
    """A browser of that account."""
    client = Client()
    if username:
        client.force_login(User.objects.get(username=username), "theratrial.web.people.backend.AccountBackend")
    return client
