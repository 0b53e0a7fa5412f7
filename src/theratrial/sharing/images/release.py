"""A release of images: cleaned, compared with what it was made of, searched, and only then put in its place."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset

from theratrial.errors import InputError
from theratrial.imaging.catalogue import CatalogueSeries, catalogue
from theratrial.imaging.guard import readable
from theratrial.imaging.times import seconds_between
from theratrial.sharing.images.cleaning import Cleaner
from theratrial.sharing.images.comparison import agreements, changed_numbers
from theratrial.sharing.images.files import pixel_hash, read_object, write_cleaned
from theratrial.sharing.images.gather import gather
from theratrial.sharing.images.leaks import MOST_SHOWN, Leak, leaks_in_file
from theratrial.sharing.images.moments import Shift
from theratrial.sharing.images.own_strings import OwnStrings, Search
from theratrial.sharing.images.quantities import quantities
from theratrial.sharing.images.report import write_report
from theratrial.sharing.images.sources import Participant, person_of, read_sources, shifted_dates
from theratrial.sharing.images.values import (
    Asked,
    Person,
    Progress,
    Released,
    ReleaseRefused,
    Report,
    SeriesProof,
    Withheld,
)

_PARTIAL = ".partial"
_OWN_UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")


@dataclass(slots=True)
class _Written:
    """One series as written: pairs of files, before and after."""

    source: CatalogueSeries
    folder: str
    pairs: list[tuple[Path, Path]] = field(default_factory=list)


@dataclass(slots=True)
class _Tally:
    """What is counted over the whole release."""

    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    leaks: list[Leak] = field(default_factory=list)
    series: list[SeriesProof] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    intervals: int = 0
    intervals_off: int = 0
    references_before: int = 0
    references_after: int = 0
    unmapped: int = 0
    dates: int = 0


def _quiet(_what: str, _done: int, _total: int) -> None:
    """No progress shown."""


def make_release(asked: Asked, progress: Progress = _quiet) -> Released:
    """Make a release folder from a folder of DICOM files, with its proof.

    Everything is written beside `asked.out` under another name and gets its name at the very end: an interrupted or
    refused release leaves nothing.

    Raises
    ------
    InputError
        If there is nothing to release, or `out` exists.
    ReleaseRefused
        If any quantity, pixel, interval or reference changed, or anything of a participant was found.
    """
    _check_place(asked)
    participants, withheld, _ = read_sources(asked, progress)
    if not participants:
        raise InputError(_nothing(asked, withheld))
    people = _people(participants, asked)
    partial = asked.out.with_name(asked.out.name + _PARTIAL)
    if partial.exists():
        shutil.rmtree(partial)  # what an interrupted release left
    partial.mkdir(parents=True)
    try:
        report = _made(asked, participants, people, withheld, partial, progress)
        if report.faults:
            raise ReleaseRefused(report)
        write_report(report, partial)
        os.rename(partial, asked.out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Released(report, {p.patient_id: people[p.patient_id] for p in participants}, tuple(withheld))


def _check_place(asked: Asked) -> None:
    if asked.out.exists():
        raise InputError(f"{asked.out}: exists already -> give a folder that is not there yet")
    source, out = asked.source.resolve(), asked.out.resolve()
    if out.is_relative_to(source):
        raise InputError(f"{asked.out}: lies inside the folder that is shared -> give a place outside of it")


def _nothing(asked: Asked, withheld: list[Withheld]) -> str:
    if not withheld:
        return f"{asked.source}: holds no DICOM object -> give the folder of the images"
    reasons = Counter(one.because for one in withheld)
    shown = "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(5))
    return f"{asked.source}: nothing in it may be shared: {shown}"


def _people(participants: list[Participant], asked: Asked) -> dict[str, Person]:
    people = {one.patient_id: person_of(one, asked) for one in participants}
    codes = Counter(person.code for person in (people | asked.people).values())
    twice = [code for code, count in codes.items() if count > 1]
    if twice:
        raise InputError(f"two participants would get the code {twice[0]} -> use another name for the release")
    return people


def _made(
    asked: Asked,
    participants: list[Participant],
    people: dict[str, Person],
    withheld: list[Withheld],
    root: Path,
    progress: Progress,
) -> Report:
    tally = _Tally()
    everyone = OwnStrings().merged(one.own for one in participants)
    total = sum(one.instances for p in participants for one in p.series)
    done = 0
    shown: Search | None = None
    for one in participants:
        person = people[one.patient_id]
        # dates are each participant's own: another's shifted date may well be one of them
        own = OwnStrings(everyone.strings, everyone.name_parts, one.own.dates, everyone.uids)
        search = own.search(shifted=shifted_dates(one, person))
        shown = shown or search
        tally.dates += len(search.dates)
        shift = Shift(person.shift_days, person.zone_minutes)
        cleaner = Cleaner(asked.key, person.code, shift, search, asked.protocol_id, tally.actions)
        written, was, now = [], _Uids(), _Uids()
        for series in _in_order(one.series):
            made = _series_written(series, f"{person.code}/{_folder(series, one.series)}", cleaner, root, one)
            written.append(made)
            _check_files(made, search, shift, asked, tally, root, was, now)
            done += len(made.pairs)
            progress("cleaning", done, total)
        tally.references_before += was.resolved
        tally.references_after += now.resolved
        _prove(written, person, root, tally, asked)
        progress("proving", done, total)
    assert shown is not None
    return Report(
        release=asked.key.release,
        participants=len(participants),
        objects=done,
        series=tuple(tally.series),
        actions=tuple((place, what, count) for (place, what), count in sorted(tally.actions.items())),
        withheld=_counted(withheld),
        intervals_compared=tally.intervals,
        intervals_off=tally.intervals_off,
        references_before=tally.references_before,
        references_after=tally.references_after,
        unmapped_uids=tally.unmapped,
        strings_searched=len(shown.inside) + len(shown.words),
        dates_searched=tally.dates,
        uids_searched=len(shown.uids),
        ordinary_not_searched=shown.ordinary,
        too_short_not_searched=shown.too_short,
        leaks=tuple(tally.leaks[:MOST_SHOWN]),
        files=tuple(sorted(tally.files)),
    )


def _counted(withheld: Iterable[Withheld]) -> tuple[tuple[str, str, int], ...]:
    counts = Counter((one.modality or "-", one.because) for one in withheld)
    return tuple((modality, because, count) for (modality, because), count in sorted(counts.items()))


def _in_order(series: list[CatalogueSeries]) -> list[CatalogueSeries]:
    return sorted(series, key=lambda s: (str(s.acquired_at or "9"), s.modality, s.series_instance_uid))


def _folder(one: CatalogueSeries, every: list[CatalogueSeries]) -> str:
    """Where a series goes: study and series by number in the order of time, nothing of an old name."""
    ordered = _in_order(every)
    studies = list(dict.fromkeys(s.study_instance_uid for s in ordered))
    within = [s for s in ordered if s.study_instance_uid == one.study_instance_uid]
    study, number = studies.index(one.study_instance_uid) + 1, within.index(one) + 1
    kind = one.modality if one.modality.isalnum() and one.modality.isascii() else "other"
    return f"study_{study:02d}/series_{number:02d}_{kind}"


def _series_written(
    series: CatalogueSeries, folder: str, cleaner: Cleaner, root: Path, participant: Participant
) -> _Written:
    made = _Written(series, folder)
    (root / folder).mkdir(parents=True)
    for number, path in enumerate(sorted(series.files, key=lambda p: participant.order[p]), start=1):
        target = root / folder / f"{number:05d}.dcm"
        write_cleaned(path, target, cleaner)
        made.pairs.append((path, target))
    return made


def _check_files(
    made: _Written, search: Search, shift: Shift, asked: Asked, tally: _Tally, root: Path, was: _Uids, now: _Uids
) -> None:
    """Each file afresh from the disk: pixels, numbers and moments, UIDs, strings."""
    identical = with_pixels = 0
    changed: dict[str, None] = {}
    for before_path, after_path in made.pairs:
        shown_as = str(after_path.relative_to(root))
        tally.leaks += leaks_in_file(after_path, shown_as, search)
        with readable(before_path):
            before, after = read_object(before_path), read_object(after_path)
            old, new = pixel_hash(before), pixel_hash(after)
            with_pixels += bool(old)
            identical += bool(old) and old == new
            changed.update(dict.fromkeys(changed_numbers(before, after, shift)))
            mapped = {asked.key.uid(uid) for uid in was.take(before)}
            tally.unmapped += len(now.take(after) - mapped)
        with after_path.open("rb") as stream:
            tally.files.append((shown_as, hashlib.file_digest(stream, "sha256").hexdigest()))
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
        found = OwnStrings()
        gather(dataset, found)
        own = {str(dataset.get(name, "")) for name in _OWN_UIDS}
        self.there |= own | {str(dataset.get("FrameOfReferenceUID", ""))}
        self.named += sorted(found.uids - own)
        return found.uids

    @property
    def resolved(self) -> int:
        """How many of the named ones are there: an instance, a series, a study or a frame of reference."""
        return sum(uid in self.there for uid in self.named)


def _prove(written: list[_Written], person: Person, root: Path, tally: _Tally, asked: Asked) -> None:
    """The quantities of all series of one participant, the intervals between them and their references."""
    after = {s.series_instance_uid: s for s in catalogue(root / person.code).series}
    before_images = [made.source for made in written]
    after_images = list(after.values())
    proofs = {proof.series: index for index, proof in enumerate(tally.series)}
    for made in written:
        new = after.get(asked.key.uid(made.source.series_instance_uid))
        now = quantities(new, after_images) if new is not None else {}
        compared = agreements(quantities(made.source, before_images), now)
        index = proofs[made.folder]
        old = tally.series[index]
        tally.series[index] = SeriesProof(
            old.code,
            old.series,
            old.modality,
            old.objects,
            old.pixels_identical,
            old.with_pixels,
            compared,
            old.changed_numbers,
        )
    _compare_intervals(before_images, after, tally, asked)


def _compare_intervals(
    before: list[CatalogueSeries], after: dict[str, CatalogueSeries], tally: _Tally, asked: Asked
) -> None:
    """Every scan against the first, to the microsecond."""
    timed = [(s, s.acquired_at) for s in before if s.acquired_at is not None]
    if not timed:
        return
    first, first_at = timed[0]
    first_after = after.get(asked.key.uid(first.series_instance_uid))
    for one, at in timed[1:]:
        now = after.get(asked.key.uid(one.series_instance_uid))
        tally.intervals += 1
        if now is None or first_after is None or now.acquired_at is None or first_after.acquired_at is None:
            tally.intervals_off += 1
            continue
        was = seconds_between(at, first_at)
        tally.intervals_off += seconds_between(now.acquired_at, first_after.acquired_at) != was
