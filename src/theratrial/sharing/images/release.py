"""A release of images: cleaned, compared with what it was made of, searched, and only then put in its place."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

from theratrial.errors import InputError, Problem, Problems
from theratrial.imaging.catalogue import CatalogueSeries, catalogue
from theratrial.imaging.fastload import header
from theratrial.sharing.images.check import Part, Written, checked, parts_of
from theratrial.sharing.images.cleaning import Cleaner
from theratrial.sharing.images.files import write_cleaned
from theratrial.sharing.images.report import write_report
from theratrial.sharing.images.sources import Participant, person_of, read_sources
from theratrial.sharing.images.values import (
    Asked,
    NothingShared,
    Person,
    Progress,
    Released,
    ReleaseRefused,
    Report,
    Withheld,
)
from theratrial.sharing.unfinished import begun, finished

_PARTIAL = ".partial"


def _quiet(_what: str, _done: int, _total: int) -> None:
    """No progress shown."""


def make_release(asked: Asked, progress: Progress = _quiet) -> Released:
    """Make a release folder from a folder of DICOM files, with its proof.

    Everything is written beside `asked.out` under another name and gets its name at the very end: an interrupted or
    refused release leaves nothing.

    Raises
    ------
    InputError
        If there is nothing to release, `out` exists, or somebody's own folder stands where it would be made.
    ReleaseRefused
        If any quantity, pixel, interval or reference changed, or anything of a participant was found.
    """
    _check_place(asked)
    participants, withheld, _ = read_sources(asked, progress)
    if not participants:
        raise NothingShared(_nothing(asked, withheld), tuple(withheld))
    people = _people(participants, asked)
    partial = asked.out.with_name(asked.out.name + _PARTIAL)
    begun(partial)
    try:
        report = _made(asked, participants, people, withheld, partial, progress)
        if report.faults:
            raise ReleaseRefused(report)
        write_report(report, partial)
        finished(partial, asked.out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Released(report, {p.patient_id: people[p.patient_id] for p in participants}, tuple(withheld))


def check_release(asked: Asked, progress: Progress = _quiet) -> Report:
    """The proof once more, of a release that lies at `asked.out`, from the files it was made of.

    Raises
    ------
    InputError
        If an object that should be in the release is not there.
    """
    participants, withheld, _ = read_sources(asked, progress)
    if not participants:
        raise NothingShared(_nothing(asked, withheld), tuple(withheld))
    parts = parts_of(participants, _people(participants, asked), asked)
    there = {
        str(header(path, ("SOPInstanceUID",)).get("SOPInstanceUID", "")): path
        for one in catalogue(asked.out).series
        for path in one.files
    }
    missing: list[Problem] = []
    for part in parts:
        for series in _in_order(part.participant.series):
            made = Written(series, f"{part.person.code}/{_folder(series, part.participant.series)}")
            for path in series.files:
                uid = asked.key.uid(str(header(path, ("SOPInstanceUID",)).get("SOPInstanceUID", "")))
                if uid in there:
                    made.pairs.append((path, there[uid]))
                else:
                    missing.append(Problem(made.folder, f"object {uid} is not in the release"))
            part.series.append(made)
    if missing:
        raise Problems(f"{asked.out}: not the whole release", missing)
    return checked(asked, parts, asked.out, Counter(), withheld, progress)


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
    actions: Counter[tuple[str, str]] = Counter()
    parts = parts_of(participants, people, asked)
    done, total = 0, sum(one.instances for p in participants for one in p.series)
    for part in parts:
        cleaner = Cleaner(asked.key, part.person.code, part.moves, part.search, asked.protocol_id, actions)
        for series in _in_order(part.participant.series):
            made = _series_written(series, part, cleaner, root)
            part.series.append(made)
            done += len(made.pairs)
            progress("cleaning", done, total)
    return checked(asked, parts, root, actions, withheld, progress)


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


def _series_written(series: CatalogueSeries, part: Part, cleaner: Cleaner, root: Path) -> Written:
    folder = f"{part.person.code}/{_folder(series, part.participant.series)}"
    made = Written(series, folder)
    (root / folder).mkdir(parents=True)
    order = part.participant.order
    for number, path in enumerate(sorted(series.files, key=lambda p: order[p]), start=1):
        target = root / folder / f"{number:05d}.dcm"
        write_cleaned(path, target, cleaner)
        made.pairs.append((path, target))
    return made
