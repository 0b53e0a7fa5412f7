"""What stands in the place of each value: ids, moments, UIDs, and sentences that name any of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Final

from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.values import Person

WITHHELD: Final = "[withheld]"
"""In the place of typed words inside a sentence of the product."""
NO_DATE: Final = "[date]"
"""In the place of a date of nobody in particular: it has no shift."""
_UID: Final = re.compile(r"(?<![\d.])\d+(?:\.\d+){5,}(?![\d.])")
_MOMENT: Final = re.compile(
    r"(?<!\d)(\d{4})-(\d\d)-(\d\d)(?:([T ])(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)([+-]\d\d:\d\d|Z)?)?(?!\d)"
)
_WORD_EDGE: Final = r"(?<![\w-]){}(?![\w-])"
_SHORTEST_TYPED: Final = 3
"""Shorter typed words (``no``, ``2``) would take ordinary words out of sentences."""


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Replaces what belongs to somebody; made with `cleaner_of`.

    Parameters
    ----------
    people
        Participant -> her code and shift.
    labels
        Original id (site, batch, camera, staff code ...) -> its label.
    typed
        Free texts of the records that nobody has read and allowed.
    """

    key: ReleaseKey
    people: Mapping[str, Person]
    labels: Mapping[str, str]
    typed: tuple[str, ...]
    _ids: re.Pattern[str] | None = None
    _words: re.Pattern[str] | None = None

    def code(self, participant: str) -> str:
        """Code of a participant.

        Raises
        ------
        KeyError
            She is not shared: whatever is hers must be left out before.
        """
        return self.people[participant].code

    def label(self, original: str) -> str:
        """Label of an id; the id itself where it belongs to nobody (an item of the protocol)."""
        return self.labels.get(original, original)

    def moved(self, value: date, participant: str) -> date:
        """A day or moment, moved; intervals stay what they are.

        A moment keeps its time of day; its offset is lowered by that of the participant's place, which would tell it.
        """
        person = self.people[participant]
        if not isinstance(value, datetime):
            return value + timedelta(days=person.shift_days)
        offset = value.utcoffset()
        if offset is None:
            return value + timedelta(days=person.shift_days)
        fixed = value.replace(tzinfo=timezone(offset - timedelta(minutes=person.zone_minutes)))
        return fixed + timedelta(days=person.shift_days)

    def sentence(self, text: str, participant: str = "") -> str:
        """A text of the product: ids, UIDs and dates in it replaced, typed words taken out.

        Parameters
        ----------
        participant
            Whose dates are in it; "" where nobody knows, then no date stays.
        """
        if not text:
            return text
        said = text
        if self._words is not None:
            said = self._words.sub(WITHHELD, said)
        if self._ids is not None:
            said = self._ids.sub(lambda found: self._known(found.group()), said)
        said = _UID.sub(lambda found: self.key.uid(found.group()), said)
        return _MOMENT.sub(lambda found: self._moment(found, participant), said)

    def _known(self, original: str) -> str:
        person = self.people.get(original)
        return person.code if person is not None else self.labels[original]

    def _moment(self, found: re.Match[str], participant: str) -> str:
        if participant not in self.people:
            return NO_DATE
        year, month, day, between, time, zone = found.groups()
        try:
            when: date = date(int(year), int(month), int(day))
            if zone and time:
                when = datetime.fromisoformat(f"{when}T{time}{zone.replace('Z', '+00:00')}")
        except ValueError:
            return NO_DATE
        moved = self.moved(when, participant)
        if isinstance(moved, datetime):
            return moved.isoformat(sep=between)
        return moved.isoformat() + (f"{between}{time}" if time else "")


def cleaner_of(
    key: ReleaseKey, people: Mapping[str, Person], labels: Mapping[str, str], typed: Iterable[str]
) -> Cleaner:
    """A cleaner; longer ids and texts are looked for first, so that none is replaced by half."""
    ids = sorted({*people, *labels}, key=lambda one: (-len(one), one))
    words = sorted(
        {one.strip() for one in typed if len(one.strip()) >= _SHORTEST_TYPED}, key=lambda one: (-len(one), one)
    )
    return Cleaner(key, dict(people), dict(labels), tuple(words), _any_of(ids), _any_of(words))


def _any_of(texts: list[str]) -> re.Pattern[str] | None:
    if not texts:
        return None
    return re.compile(_WORD_EDGE.format("(?:" + "|".join(re.escape(one) for one in texts) + ")"))
