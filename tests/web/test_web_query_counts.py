"""Every page needs the same number of queries whatever the number of participants, and whatever their records."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from web_site_pages import Page, pages, signed_in

from theratrial.web.large_site import large_site_made
from theratrial.web.participants import standing

FEW, MANY = 3, 30
ANSWERED_WITHOUT_CONTENT = {
    "people:sign-out": "ends the session that asks",
    "people:device-qr": "there only while a device is being registered",
    "capture:query-ask-subject": "asks for what no record is about: a visit or an image, named in the query string",
    "participants:visit": "needs the kind of a visit that is planned; posts alone record",
    "pharmacy:batch": "asked by its own test",
}
"""Pages that are not asked here, and why."""
OF_RESULTS = frozenset(
    {"results:report", "results:dosimetry-page", "results:trace", "results:curves", "results:limits", "results:leaflet"}
)
"""Of one participant's computed results; nothing is computed here."""
OF_FILES = frozenset(
    f"studies:{name}"
    for name in (
        *("series", "volume", "picture", "emission", "anatomy", "regions", "mip"),
        *("pair", "planar", "planar-content"),
    )
)
"""Read stored images of one series; no file is stored here."""
NOT_MORE_THAN = 60
SLACK = 4
"""More are allowed where a larger cohort has what a small one has not: a withdrawal, a batch of nobody else."""


def _counted(page: Page) -> tuple[int, int]:
    """Status and queries of the page asked a second time: what a process remembers is there."""
    standing._MEMORY.known.clear()
    standing._MEMORY.protocol = ""
    client = signed_in(page.username)
    client.raise_request_exception = False
    client.get(page.path)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(page.path)
        if answer.streaming:
            b"".join(answer.streaming_content)  # type: ignore[arg-type]
    return answer.status_code, len(queries)


def _all_counted() -> dict[str, tuple[int, int]]:
    return {
        f"{one.name} {one.path.partition('?')[2]}": _counted(one)
        for one in pages()
        if one.name not in ANSWERED_WITHOUT_CONTENT
        and one.name not in OF_RESULTS
        and not one.name.startswith("studies:")
    }


_FEW: dict[str, tuple[int, int]] = {}


@pytest.mark.walk
@pytest.mark.timeout(600)
@pytest.mark.parametrize("participants", [FEW, MANY])
def test_every_page_needs_as_many_queries_for_thirty_participants_as_for_three(db: None, participants: int) -> None:
    large_site_made(participants=participants, base=MANY if participants == MANY else FEW)
    counted = _all_counted()
    assert len(counted) > 80
    failed = {name: status for name, (status, _count) in counted.items() if status >= 500}
    assert not failed
    too_many = {name: count for name, (_status, count) in counted.items() if count > NOT_MORE_THAN}
    assert not too_many
    if participants == FEW:
        _FEW.update(counted)
        return
    grown = {name: (few[1], counted[name][1]) for name, few in _FEW.items() if counted[name][1] > few[1] + SLACK}
    assert not grown
