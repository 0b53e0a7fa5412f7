"""Pages of the ledger by the number of an event: as quick at its end as at its beginning, however long it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from theratrial.web.ledger.models import Event

PER_PAGE: Final = 50
COUNTED: Final = 10_000
"""Events that are counted; of more a page says that there are more."""
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, newest first."""

    events: tuple[Event, ...]
    newer: int | None
    """Number of the event after which the newer page lies; None: there is none."""
    older: int | None
    """Number of the event before which the older page lies; None: there is none."""
    count: int
    """Of all that are wanted, at most `COUNTED`."""
    uncounted: bool
    """Whether there are more than `count`."""


def event_page(events: QuerySet[Event], before: str, after: str) -> EventPage:
    """The newest events, or those `before` or `after` an event as a query string names it. One to three queries."""
    found, newer, older = _chosen(events, _number(before), _number(after))
    # All that there is stands on the page: no need to look through the ledger a second time.
    whole = not newer and not older
    count = len(found) if whole else events.order_by()[: COUNTED + 1].count()
    return EventPage(
        tuple(found),
        found[0].seq if found and newer else None,
        found[-1].seq if found and older else None,
        min(count, COUNTED),
        count > COUNTED,
    )


def _chosen(events: QuerySet[Event], before: int | None, after: int | None) -> tuple[list[Event], bool, bool]:
    """A page, and whether newer and older ones exist."""
    if after is not None:
        found = list(events.filter(seq__gt=after).order_by("seq")[: PER_PAGE + 1])
        if len(found) >= PER_PAGE:
            return found[PER_PAGE - 1 :: -1], len(found) > PER_PAGE, True
        # Less than a page is newer: the newest page is the one to see.
    if before is not None and after is None:
        events = events.filter(seq__lt=before)
    found = list(events.order_by("-seq")[: PER_PAGE + 1])
    return found[:PER_PAGE], before is not None and after is None, len(found) > PER_PAGE


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= _LARGEST else None
