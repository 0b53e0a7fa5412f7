"""The clock by which moments are shared: that of the wall in the trial's place, which stands still around a treatment.

An offset from UTC that changes with summer time gives the date shift away: the day on which it changes is public. So no
shared moment has an offset of its own: each is the time on the wall, written as ``+00:00``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final

from theratrial.imaging.times import in_zone, moment, moment_from_dt
from theratrial.sharing.images.moments import Shift, offset_minutes

STANDS: Final = timedelta(days=14)
"""How long after an administration the clock is not changed: the scans and samples that decay is reckoned over."""
_ACQUIRED: Final = ("Acquisition", "Series", "Content", "Study")
CLOCK_TAGS: Final = (
    "TimezoneOffsetFromUTC",
    "StudyInstanceUID",
    "AcquisitionDateTime",
    *(name + part for name in _ACQUIRED for part in ("Date", "Time")),
)
"""Elements of a header that `Moves.of` looks at."""
_CHANGE_MINUTES: Final = (30, 60)
"""By how much clocks are changed between winter and summer."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The wall clock of one participant.

    From an administration on it is not changed until `STANDS` have passed without another: every interval over which
    something decays stays true to the second. Between such stretches it is the clock of the place, and an interval
    across a change of the clocks is that of the wall.

    Parameters
    ----------
    administered
        When something was given to the participant.
    """

    zone: tzinfo
    administered: tuple[datetime, ...] = ()

    def offset(self, at: datetime) -> timedelta:
        """What the clock is ahead of UTC at a moment; a moment without an offset is one of the place.

        Examples
        --------
        Tehran changed its clocks on 22 March 2022; a session of the day before keeps the old ones:

        >>> from zoneinfo import ZoneInfo
        >>> tehran = ZoneInfo("Asia/Tehran")
        >>> given = datetime(2022, 3, 21, 10, tzinfo=tehran)
        >>> Clock(tehran).offset(datetime(2022, 3, 23, 10, tzinfo=tehran)) / timedelta(hours=1)
        4.5
        >>> Clock(tehran, (given,)).offset(datetime(2022, 3, 23, 10, tzinfo=tehran)) / timedelta(hours=1)
        3.5
        """
        when = self._utc(at)
        began = last = None
        for one in sorted(self._utc(given) for given in self.administered):
            if one > when:
                break
            if last is None or one - last > STANDS:
                began = one
            last = one
        if began is not None and last is not None and when - last <= STANDS:
            when = began
        return when.astimezone(self.zone).utcoffset() or timedelta()

    def wall(self, at: datetime) -> datetime:
        """A moment by this clock, written as one of UTC."""
        return self._utc(at) + self.offset(at)

    def _utc(self, at: datetime) -> datetime:
        return (at if at.tzinfo is not None else at.replace(tzinfo=self.zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Moves:
    """How the moments of one participant's objects move.

    Parameters
    ----------
    clock
        The participant's, where the images are those of a trial.
    studies
        Without a trial: StudyInstanceUID -> minutes by which all objects of the study are shown; see `study_offset`.
    """

    days: int
    clock: Clock | None = None
    studies: Mapping[str, int] = field(default_factory=dict)

    def of(self, header: Any) -> Shift:
        """How those of one object move: all by the same clock, so that every interval in it stays."""
        stated = offset_minutes(str(header.get("TimezoneOffsetFromUTC") or ""))
        if self.clock is None:
            shown = self.studies.get(str(header.get("StudyInstanceUID") or ""), stated)
            return Shift(self.days, shown, 0 if stated is None or shown is None else shown - stated)
        at = acquired(header)
        if at is None:
            return Shift(self.days)
        local = at if stated is None else at.replace(tzinfo=_fixed(stated))
        shown = _minutes(self.clock.offset(local))
        if stated is not None:
            return Shift(self.days, shown, shown - stated)
        own = _minutes(at.replace(tzinfo=self.clock.zone).utcoffset() or timedelta())
        return Shift(self.days, shown, shown - own, self.clock.zone)


def acquired(header: Any) -> datetime | None:
    """When an object was taken or made, as its clock showed; None where it does not say."""
    at = moment_from_dt(str(header.get("AcquisitionDateTime") or ""))
    for name in _ACQUIRED:
        if at is None:
            at = moment(str(header.get(f"{name}Date") or ""), str(header.get(f"{name}Time") or ""))
    if at is None or at.tzinfo is None:
        return at
    stated = offset_minutes(str(header.get("TimezoneOffsetFromUTC") or ""))
    return at.replace(tzinfo=None) if stated is None else at.astimezone(_fixed(stated)).replace(tzinfo=None)


@dataclass(slots=True)
class StatedOffsets:
    """What the objects of one study say of their offset from UTC."""

    objects: Counter[int] = field(default_factory=Counter)
    injections: set[int] = field(default_factory=set)

    def add(self, header: Any) -> None:
        """Note what an object says."""
        stated = offset_minutes(str(header.get("TimezoneOffsetFromUTC") or ""))
        if stated is not None:
            self.objects[stated] += 1
        for item in header.get("RadiopharmaceuticalInformationSequence") or ():
            said = offset_minutes(str(item.get("RadiopharmaceuticalStartDateTime") or "")[-5:])
            if said is not None:
                self.injections.add(said)

    @property
    def shown(self) -> int | None:
        """The one offset by which the study is shown.

        That of most objects; that of the injection, where the clocks were changed between it and the scan.
        """
        most = min(self.objects, key=lambda one: (-self.objects[one], one), default=None)
        if most is None:
            return min(self.injections, default=None)
        return next((one for one in sorted(self.injections) if abs(one - most) in _CHANGE_MINUTES), most)


def shown_interval_s(one: datetime, first: datetime, shifts: tuple[Shift, Shift], zone: tzinfo | None) -> float:
    """What must lie between two scans in the release [s]: the true interval, and by what their clocks differ."""
    one, first = in_zone(one, zone) or one, in_zone(first, zone) or first
    offsets = [shift.shown for shift in shifts]
    if one.tzinfo is None or first.tzinfo is None or None in offsets:
        moved = [
            at.replace(tzinfo=None) + timedelta(minutes=shift.minutes)
            for at, shift in zip((one, first), shifts, strict=True)
        ]
        return (moved[0] - moved[1]).total_seconds()
    true = one.astimezone(UTC) - first.astimezone(UTC)
    return (true + timedelta(minutes=(offsets[0] or 0) - (offsets[1] or 0))).total_seconds()


def _minutes(offset: timedelta) -> int:
    return round(offset.total_seconds() / 60)


def _fixed(minutes: int) -> tzinfo:
    return timezone(timedelta(minutes=minutes))
