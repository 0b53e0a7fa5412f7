"""The proof of a release: every file read afresh from the disk, compared with what it was made of, and searched."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path

from pydicom.dataset import Dataset

from theratrial.imaging.catalogue import CatalogueSeries, catalogue
from theratrial.imaging.fastload import header
from theratrial.imaging.guard import readable
from theratrial.imaging.times import seconds_between
from theratrial.sharing.images.clocks import CLOCK_TAGS, Moves, shown_interval_s
from theratrial.sharing.images.comparison import agreements, changed_numbers
from theratrial.sharing.images.files import pixel_hash, read_object
from theratrial.sharing.images.gather import uids_of
from theratrial.sharing.images.leaks import MOST_SHOWN, Leak, leaks_in_object
from theratrial.sharing.images.moments import Shift, by_clock
from theratrial.sharing.images.own_strings import OwnStrings, Search
from theratrial.sharing.images.quantities import quantities
from theratrial.sharing.images.sources import Participant, shifted_dates
from theratrial.sharing.images.values import DATA_USE_WITHDRAWN, Asked, Person, Progress, Report, SeriesProof, Withheld
from theratrial.sharing.unfinished import MARKER

_OWN_UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
_REPORTS = frozenset(("report.json", "report.html"))
_MEANWHILE = frozenset((MARKER,))
"""While a release is made; a finished one has no such file."""


@dataclass(slots=True)
class Written:
    """One series of a release: pairs of files, before and after."""

    source: CatalogueSeries
    folder: str
    pairs: list[tuple[Path, Path]] = field(default_factory=list)


@dataclass(slots=True)
class Part:
    """A participant's part of a release."""

    participant: Participant
    person: Person
    search: Search
    moves: Moves
    series: list[Written] = field(default_factory=list)


@dataclass(slots=True)
class _Tally:
    """What is counted over the whole release."""

    leaks: list[Leak] = field(default_factory=list)
    series: list[SeriesProof] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    intervals: int = 0
    intervals_off: int = 0
    references_before: int = 0
    references_after: int = 0
    unmapped: int = 0


def parts_of(participants: Sequence[Participant], people: dict[str, Person], asked: Asked) -> list[Part]:
    """Each participant with the search for everybody's strings and the participant's own dates.

    Dates are searched for in their owner's files alone: the shifted date of one may well be a date of another.
    """
    everyone = OwnStrings().merged(one.own for one in participants)
    parts = []
    for one in participants:
        person = people[one.patient_id]
        own = OwnStrings(everyone.strings, everyone.name_parts, one.own.dates, everyone.uids)
        moves = Moves(person.shift_days, asked.clocks.get(one.patient_id), one.study_offsets)
        parts.append(Part(one, person, own.search(shifted=shifted_dates(one, person)), moves))
    return parts


def checked(
    asked: Asked,
    parts: Sequence[Part],
    root: Path,
    actions: Counter[tuple[str, str]],
    withheld: Sequence[Withheld],
    progress: Progress,
) -> Report:
    """The report on a release that lies at `root`; whether it may leave is in its `faults`."""
    tally = _Tally()
    done, total = 0, sum(len(made.pairs) for part in parts for made in part.series)
    for part in parts:
        was, now = _Uids(), _Uids()
        first = len(tally.series)
        for made in part.series:
            _check_files(made, part, asked, tally, root, was, now)
            done += len(made.pairs)
            progress("proving", done, total)
        tally.references_before += was.resolved
        tally.references_after += now.resolved
        _prove(part, first, root, tally, asked)
    allowed = _REPORTS if root == asked.out else _REPORTS | _MEANWHILE
    tally.leaks += _strangers(root, {name for name, _ in tally.files}, allowed)
    search = parts[0].search
    return Report(
        release=asked.key.release,
        participants=len(parts),
        objects=done,
        series=tuple(tally.series),
        actions=tuple((place, what, count) for (place, what), count in sorted(actions.items())),
        withheld=_counted(withheld),
        intervals_compared=tally.intervals,
        intervals_off=tally.intervals_off,
        references_before=tally.references_before,
        references_after=tally.references_after,
        unmapped_uids=tally.unmapped,
        strings_searched=len(search.inside) + len(search.words),
        dates_searched=sum(len(part.search.dates) for part in parts),
        uids_searched=len(search.uids),
        ordinary_not_searched=search.ordinary,
        too_short_not_searched=search.too_short,
        leaks=tuple(tally.leaks[:MOST_SHOWN]),
        files=tuple(sorted(tally.files)),
    )


def _strangers(root: Path, known: set[str], allowed: frozenset[str]) -> list[Leak]:
    """Files in the release that were not made from anything: their names are not told, they may be names."""
    found = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()} - known - allowed
    return [Leak("file that does not belong", "a file of the release", "its name")] * len(found)


def _counted(withheld: Iterable[Withheld]) -> tuple[tuple[str, str, int], ...]:
    counts = Counter((one.modality or "-", one.because) for one in withheld if one.because != DATA_USE_WITHDRAWN)
    return tuple((modality, because, count) for (modality, because), count in sorted(counts.items()))


def _check_files(made: Written, part: Part, asked: Asked, tally: _Tally, root: Path, was: _Uids, now: _Uids) -> None:
    """Each file afresh from the disk: pixels, numbers and moments, UIDs, strings."""
    identical = with_pixels = 0
    changed: dict[str, None] = {}
    for before_path, after_path in made.pairs:
        shown_as = str(after_path.relative_to(root))
        with readable(before_path):
            before, after = read_object(before_path), read_object(after_path)
            data = after_path.read_bytes()
            tally.leaks += leaks_in_object(after, data, shown_as, part.search)
            old, new = pixel_hash(before), pixel_hash(after)
            with_pixels += bool(old)
            identical += bool(old) and old == new
            mapped = {asked.key.uid(uid) for uid in was.take(before)}
            shift = part.moves.of(before)
            by_clock(before, shift)
            changed.update(dict.fromkeys(changed_numbers(before, after, shift)))
            tally.unmapped += len(now.take(after) - mapped)
        tally.files.append((shown_as, hashlib.sha256(data).hexdigest()))
    code = made.folder.split("/")[0]
    tally.series.append(
        SeriesProof(
            code, made.folder, made.source.modality, len(made.pairs), identical, with_pixels, (), tuple(changed)
        )
    )


@dataclass(slots=True)
class _Uids:
    """UIDs of the objects of one participant: what is there, and what each object names."""

    there: set[str] = field(default_factory=set)
    named: list[str] = field(default_factory=list)

    def take(self, dataset: Dataset) -> set[str]:
        """Note the UIDs of an object; all of them."""
        found = uids_of(dataset)
        own = {str(dataset.get(name, "")) for name in _OWN_UIDS}
        self.there |= own | {str(dataset.get("FrameOfReferenceUID", ""))}
        self.named += sorted(found - own)
        return found

    @property
    def resolved(self) -> int:
        """How many of the named ones are there: an instance, a series, a study or a frame of reference."""
        return sum(uid in self.there for uid in self.named)


def _prove(part: Part, first: int, root: Path, tally: _Tally, asked: Asked) -> None:
    """The quantities of all series of one participant and the intervals between them."""
    after = {s.series_instance_uid: s for s in catalogue(root / part.person.code).series}
    before_images = [made.source for made in part.series]
    zone = part.moves.clock.zone if part.moves.clock is not None else None
    after_images = list(after.values())
    for index, made in enumerate(part.series, start=first):
        new = after.get(asked.key.uid(made.source.series_instance_uid))
        now = quantities(new, after_images, zone and UTC) if new is not None else {}
        compared = agreements(quantities(made.source, before_images, zone), now)
        tally.series[index] = replace(tally.series[index], agreements=compared)
    _compare_intervals(before_images, after, part.moves, tally, asked)


def _compare_intervals(
    before: list[CatalogueSeries], after: dict[str, CatalogueSeries], moves: Moves, tally: _Tally, asked: Asked
) -> None:
    """Every scan against the first, to the microsecond; where the clocks were changed between, by the clock."""
    timed = [(s, s.acquired_at) for s in before if s.acquired_at is not None]
    if not timed:
        return
    first, first_at = timed[0]
    zone = moves.clock.zone if moves.clock is not None else None
    shift = _shift_of(first, moves)
    first_after = after.get(asked.key.uid(first.series_instance_uid))
    for one, at in timed[1:]:
        now = after.get(asked.key.uid(one.series_instance_uid))
        tally.intervals += 1
        if now is None or first_after is None or now.acquired_at is None or first_after.acquired_at is None:
            tally.intervals_off += 1
            continue
        was = shown_interval_s(at, first_at, (_shift_of(one, moves), shift), zone)
        tally.intervals_off += seconds_between(now.acquired_at, first_after.acquired_at) != was


def _shift_of(one: CatalogueSeries, moves: Moves) -> Shift:
    return moves.of(header(one.files[0], CLOCK_TAGS))
