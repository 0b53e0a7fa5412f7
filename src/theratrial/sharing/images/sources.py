"""What lies in the folder that is to be shared: by participant, with what would give each away and what must stay."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from theratrial.errors import InputError
from theratrial.imaging.catalogue import Catalogue, CatalogueSeries, catalogue
from theratrial.imaging.fastload import dataset_from_file
from theratrial.imaging.guard import readable
from theratrial.sharing.images.admission import SCREEN_CLASSES, has_pixels, verdict
from theratrial.sharing.images.burned_in import text_like
from theratrial.sharing.images.clocks import StatedOffsets
from theratrial.sharing.images.files import read_object
from theratrial.sharing.images.gather import gather
from theratrial.sharing.images.own_strings import OwnStrings
from theratrial.sharing.images.picture import png
from theratrial.sharing.images.values import DATA_USE_WITHDRAWN, Asked, Person, Progress, Withheld

_LOOKED_AT_PER_SERIES = 3


@dataclass(slots=True)
class Participant:
    """One participant's series, strings and what is withheld."""

    patient_id: str
    series: list[CatalogueSeries] = field(default_factory=list)
    own: OwnStrings = field(default_factory=OwnStrings)
    order: dict[Path, tuple[int, str]] = field(default_factory=dict)
    """File -> InstanceNumber and path, for the order of the files in the release."""
    offsets: dict[str, StatedOffsets] = field(default_factory=dict)
    """StudyInstanceUID -> what its objects say of their offset from UTC."""

    @property
    def study_offsets(self) -> dict[str, int]:
        """StudyInstanceUID -> the one offset by which its objects are shown, where they state any."""
        return {uid: said.shown for uid, said in self.offsets.items() if said.shown is not None}


def read_sources(asked: Asked, progress: Progress) -> tuple[list[Participant], list[Withheld], int]:
    """Participants with what may leave, what may not, and the number of files seen.

    Raises
    ------
    InputError
        If the folder is missing or holds nothing that may leave.
    """
    seen = catalogue(asked.source, progress=lambda done, total: progress("looking", done, total))
    withheld = _unusable(seen)
    people: dict[str, Participant] = {}
    for one in seen.series:
        if one.patient_id.strip() in asked.excluded:
            withheld += [
                Withheld(DATA_USE_WITHDRAWN, False, one.modality, str(path), one.series_instance_uid)
                for path in one.files
            ]
            continue
        name = one.patient_id.strip() or f"study {one.study_instance_uid}"
        people.setdefault(name, Participant(name)).series.append(one)
    done, total = 0, sum(len(one.files) for one in seen.series)
    for person in people.values():
        for text in asked.also_own.get(person.patient_id, ()):
            person.own.add_name(text)
        kept = []
        for one in person.series:
            left = _admitted(one, person, asked, withheld)
            done += len(one.files)
            progress("judging", done, total)
            if left is not None:
                kept.append(left)
        person.series = kept
    return [person for person in people.values() if person.series], withheld, seen.files_seen


def _unusable(seen: Catalogue) -> list[Withheld]:
    used = {str(path) for one in seen.series for path in one.files}
    found = []
    for problem in seen.problems:
        if problem.place not in used and not Path(problem.place).is_dir():
            found.append(
                Withheld("cannot be read as a whole DICOM object", False, "", f"{problem.place}: {problem.message}")
            )
    for note in seen.notes:
        if note.place not in used:
            copy = "identical copy" in note.message
            because = "is an identical copy of another object" if copy else "is no DICOM object"
            found.append(Withheld(because, False, "", f"{note.place}: {note.message}"))
    return found


def _admitted(
    one: CatalogueSeries, person: Participant, asked: Asked, withheld: list[Withheld]
) -> CatalogueSeries | None:
    """The series with the files that may leave; None where none may. Gathers the participant's strings on the way."""
    reviewed = one.series_instance_uid in asked.reviewed
    kept: list[Path] = []
    for path in one.files:
        try:
            with readable(path):
                header = dataset_from_file(path)
                gather(header, person.own)
                person.offsets.setdefault(str(header.get("StudyInstanceUID") or ""), StatedOffsets()).add(header)
                judged = verdict(header, reviewed=reviewed)
                person.order[path] = (_whole(header.get("InstanceNumber")), str(path))
        except InputError as error:
            withheld.append(Withheld("cannot be read as a whole DICOM object", False, one.modality, str(error)))
            continue
        if judged.admitted:
            kept.append(path)
        else:
            picture = _picture(path) if judged.needs_a_look else b""
            place = str(path)
            withheld.append(
                Withheld(judged.because, judged.needs_a_look, one.modality, place, one.series_instance_uid, picture)
            )
    if kept and not reviewed and (seen := _burned_in(one, kept)) is not None:
        withheld += [replace(seen, place=str(path)) for path in kept]
        return None
    if not kept:
        return None
    return replace(one, files=tuple(sorted(kept, key=lambda path: person.order[path])), instances=len(kept))


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _burned_in(one: CatalogueSeries, files: list[Path]) -> Withheld | None:
    """Text-like strokes in the corners: of every NM and screen picture, of some slices of other series."""
    every = one.modality == "NM" or one.sop_class_uid in SCREEN_CLASSES
    chosen = (
        files if every else [files[i] for i in sorted({0, len(files) // 2, len(files) - 1})][:_LOOKED_AT_PER_SERIES]
    )
    if one.modality == "SEG":
        return None
    for path in chosen:
        try:
            frames = _frames(path)
        except InputError as error:
            because = "its pixels cannot be decoded: whether a name is burned in cannot be seen"
            return Withheld(because, False, one.modality, str(error), one.series_instance_uid)
        if frames is None:
            continue
        seen = text_like(frames)
        if seen:
            first = seen[0]
            because = f"shows what looks like {first.characters} characters of text in a corner"
            picture = png(frames[first.frame])
            return Withheld(because, True, one.modality, str(path), one.series_instance_uid, picture)
    return None


def _frames(path: Path) -> Any:
    """Frames ``(n, ny, nx)`` or, in colour, ``(n, ny, nx, 3)`` as stored; None where the object has none.

    Raises
    ------
    InputError
        If they cannot be decoded.
    """
    with readable(path):
        dataset = read_object(path)
        if not has_pixels(dataset) or "PixelData" not in dataset:
            return None
        try:
            values = np.asarray(dataset.pixel_array)
        except Exception as error:  # noqa: BLE001 - decoders raise whatever a broken byte provokes
            raise InputError(f"{path.name}: its pixels cannot be decoded ({type(error).__name__})") from None
        colour = int(dataset.get("SamplesPerPixel", 1) or 1) > 1
    return values if values.ndim == (4 if colour else 3) else values[None]


def _picture(path: Path) -> bytes:
    try:
        frames = _frames(path)
    except InputError:
        return b""
    return b"" if frames is None else png(frames[len(frames) // 2])


def person_of(participant: Participant, asked: Asked) -> Person:
    """Code, date shift and time zone of a participant: those of earlier releases, else new ones."""
    known = asked.people.get(participant.patient_id)
    if known is not None:
        return known
    offsets = participant.own.offsets_minutes
    return Person(
        asked.key.participant_code(participant.patient_id),
        asked.key.shift_days(participant.patient_id, participant.own.dates),
        min(offsets) if offsets else 0,
    )


def shifted_dates(participant: Participant, person: Person) -> set[Any]:
    """The dates of a participant as they stand in the release."""
    return {
        day + timedelta(days=person.shift_days)
        for day in participant.own.dates
        if 1 <= day.toordinal() + person.shift_days <= 3_652_059
    }
