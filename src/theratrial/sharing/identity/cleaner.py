"""What stands in the place of each value: ids, moments, UIDs, files, and sentences that name any of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from theratrial.sharing.images.clocks import Clock
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.values import Person

WITHHELD: Final = "[withheld]"
"""In the place of typed words inside a sentence of the product."""
NO_DATE: Final = "[date]"
"""In the place of a date that has no shift, or that the reader would know beside it."""
UID: Final = re.compile(r"(?<![\w.])[0-2](?:\.\d+){2,}(?![\w]|\.\d)")
_OWN_ROOT: Final = "2.25."
"""Root of UIDs made from a UUID (PS3.5 B.2): of three components only."""
_FEWEST_COMPONENTS: Final = 6
"""What has so many is a UID; what has fewer (a version, 1.2.3) only where an image has it."""
DIGEST: Final = re.compile(r"(?:sha256:)?(?<![0-9a-fA-F])([0-9a-f]{64})(?![0-9a-fA-F])")
LINE: Final = re.compile(r"(records/\w+\.csv)#\d+")
"""A line of a table at home: the lines are in the order of enrolment."""
_KEPT_BY_SITE: Final = re.compile(r"record:(\w+)/[0-9a-f]{8}-[0-9a-f-]{27}(?:@\d+)?")
_MOMENT: Final = re.compile(
    r"(?<!\d)(\d{4})-(\d\d)-(\d\d)(?:([T ])(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)([+-]\d\d:\d\d|Z)?)?(?!\d)"
)
_ID_EDGE: Final = r"(?<![\w-]){}(?![\w-])"
_TYPED_EDGE: Final = r"(?<![^\W_]){}(?![^\W_])"
"""Typed words are found inside a longer name too: Fatemeh in ``CT_Fatemeh``."""
SHORTEST_TYPED: Final = 3
"""Shorter typed words (``no``, ``2``) would take ordinary words out of sentences."""
_FILE_LETTERS: Final = 12
_MINUTES_LETTERS: Final = len("09:30")


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Replaces what belongs to somebody; made with `cleaner_of`.

    Parameters
    ----------
    people
        Participant -> her code and shift.
    labels
        Original id (site, batch, camera, staff code ...) -> its label.
    instead
        Typed text that may not be shown -> what stands in its place.
    clocks
        Participant -> the clock her moments are shown by.
    uids
        UIDs of the trial's images.
    public
        Days and digests that stand in the protocol or the registration record: they are nobody's.
    withheld
        (table, column, value) of free texts that nobody has allowed, ordinary words too.
    """

    key: ReleaseKey
    people: Mapping[str, Person]
    labels: Mapping[str, str]
    instead: Mapping[str, str]
    clocks: Mapping[str, Clock] = field(default_factory=dict)
    uids: frozenset[str] = frozenset()
    public: frozenset[str] = frozenset()
    withheld: frozenset[tuple[str, str, str]] = frozenset()
    _ids: re.Pattern[str] | None = None
    _typed: re.Pattern[str] | None = None
    _folded: Mapping[str, str] = field(default_factory=dict)

    @property
    def typed(self) -> tuple[str, ...]:
        """Typed texts that no shared file may have."""
        return tuple(sorted(one for one in self.instead if len(one) >= SHORTEST_TYPED))

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
        """A day or moment, moved by whole days; a moment is shown by her clock and written as one of UTC.

        A moment without an offset from UTC is one of the trial's clock, and stays without.
        """
        days = timedelta(days=self.people[participant].shift_days)
        if not isinstance(value, datetime):
            return value + days
        clock = self.clocks.get(participant)
        if clock is None:
            raise KeyError(f"no clock is known of {self.people[participant].code}")
        wall = clock.wall(value)
        return (wall if value.tzinfo is not None else wall.replace(tzinfo=None)) + days

    def sentence(self, text: str, participant: str = "") -> str:
        """A text of the product: ids, UIDs, files, lines and dates in it replaced, typed words taken out.

        Parameters
        ----------
        participant
            Whose dates are in it; "" where nobody knows, then no date stays but a public one.
        """
        if not text:
            return text
        said = text
        if self._typed is not None:
            said = self._typed.sub(lambda found: self._instead(found.group()), said)
        said = LINE.sub(r"\1", _KEPT_BY_SITE.sub(r"record:records/\1.csv", said))
        if self._ids is not None:
            said = self._ids.sub(lambda found: self._known(found.group()), said)
        said = DIGEST.sub(self._file, said)
        said = UID.sub(lambda found: self._uid(found.group()), said)
        return _MOMENT.sub(lambda found: self._moment(found, participant), said)

    def _instead(self, typed: str) -> str:
        return self.instead.get(typed) or self._folded.get(typed.casefold(), WITHHELD)

    def _known(self, original: str) -> str:
        person = self.people.get(original)
        return person.code if person is not None else self.labels[original]

    def _file(self, found: re.Match[str]) -> str:
        """A label for a digest: who has the file could make the digest and know whose it is."""
        if found[1] in self.public:
            return found.group()
        return "file:" + self.key.label("FILE", found[1], _FILE_LETTERS)

    def _uid(self, found: str) -> str:
        sure = found.startswith(_OWN_ROOT) or found.count(".") + 1 >= _FEWEST_COMPONENTS
        return self.key.uid(found) if sure or found in self.uids else found

    def _moment(self, found: re.Match[str], participant: str) -> str:
        year, month, day, between, time, zone = found.groups()
        public = f"{year}-{month}-{day}" in self.public
        if participant not in self.people:
            return found.group() if public else NO_DATE
        if public:
            # Moved, it would tell the shift to everybody who knows the day; kept, it might be one of hers.
            return NO_DATE
        try:
            if not time:
                return self.moved(date(int(year), int(month), int(day)), participant).isoformat()
            at = datetime.fromisoformat(f"{year}-{month}-{day}T{time}{(zone or '').replace('Z', '+00:00')}")
            moved = self.moved(at, participant)
        except ValueError:
            return NO_DATE
        assert isinstance(moved, datetime)
        return moved.isoformat(sep=between, timespec="minutes" if len(time) == _MINUTES_LETTERS else "auto")


def cleaner_of(
    key: ReleaseKey,
    people: Mapping[str, Person],
    labels: Mapping[str, str],
    instead: Mapping[str, str],
    *,
    clocks: Mapping[str, Clock],
    uids: Iterable[str] = (),
    public: Iterable[str] = (),
    withheld: Iterable[tuple[str, str, str]] = (),
) -> Cleaner:
    """A cleaner; longer ids and texts are looked for first, so that none is replaced by half."""
    texts = {one.strip(): shown for one, shown in instead.items()}
    return Cleaner(
        key,
        dict(people),
        dict(labels),
        texts,
        dict(clocks),
        frozenset(uids),
        frozenset(public),
        frozenset(withheld),
        _any_of({*people, *labels}, _ID_EDGE, re.NOFLAG),
        _any_of((one for one in texts if len(one) >= SHORTEST_TYPED), _TYPED_EDGE, re.IGNORECASE),
        {one.casefold(): shown for one, shown in texts.items()},
    )


def _any_of(texts: Iterable[str], edge: str, flags: re.RegexFlag) -> re.Pattern[str] | None:
    longest = sorted(set(texts), key=lambda one: (-len(one), one))
    if not longest:
        return None
    return re.compile(edge.format("(?:" + "|".join(re.escape(one) for one in longest) + ")"), flags)
