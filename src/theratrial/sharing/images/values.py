"""What a release is made of and what is said about it. Only what stays home names a participant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from theratrial.errors import InputError
from theratrial.sharing.images.clocks import Clock
from theratrial.sharing.images.comparison import Agreement
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.leaks import Leak

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, done, in all)."""


@dataclass(frozen=True, slots=True)
class Person:
    """A participant as the mapping has it: never part of a release."""

    code: str
    shift_days: int
    zone_minutes: int
    """The offset from UTC that the participant was first met with; no longer used, mappings of old have it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be released, and how.

    Parameters
    ----------
    source
        Folder of DICOM files, any depth.
    out
        Folder to make; must not exist.
    people
        Participants of earlier releases under this key (PatientID -> code and shift): they keep them.
    reviewed
        SeriesInstanceUIDs whose pictures a person has looked at and found nobody named in them.
    also_own
        PatientID -> further strings of the participant (a name from the records) that must not be found.
    protocol_id
        Public number of the trial, put where the objects name their protocol; "" removes it.
    """

    source: Path
    out: Path
    key: ReleaseKey
    people: dict[str, Person] = field(default_factory=dict)
    reviewed: frozenset[str] = frozenset()
    also_own: dict[str, tuple[str, ...]] = field(default_factory=dict)
    protocol_id: str = ""
    excluded: frozenset[str] = frozenset()
    """PatientIDs of those who withdrew the use of their data: nothing of theirs is shared."""
    clocks: Mapping[str, Clock] = field(default_factory=dict)
    """PatientID -> clock of the participant, where the images are those of a trial: as in its shared tables."""


@dataclass(frozen=True, slots=True)
class SeriesProof:
    """One released series: its numbers before and after."""

    code: str
    series: str
    """Folder of the series in the release."""
    modality: str
    objects: int
    pixels_identical: int
    """Objects whose stored pixel bytes are the same, compressed ones included."""
    with_pixels: int
    agreements: tuple[Agreement, ...]
    changed_numbers: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing that may not change has changed."""
        return (
            self.pixels_identical == self.with_pixels
            and all(one.agrees for one in self.agreements)
            and not self.changed_numbers
        )


DATA_USE_WITHDRAWN: Final = "its participant withdrew the use of the data"
"""Why all of somebody's images stay home. Said at home only: how many she has tells how far she came."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """Something that does not leave. `place` and `series_uid` are for those at home only."""

    because: str
    needs_a_look: bool
    modality: str
    place: str
    series_uid: str = ""
    picture: bytes = b""
    """PNG for the person who looks."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was released, what was done to it, and the proof."""

    release: str
    participants: int
    objects: int
    series: tuple[SeriesProof, ...]
    actions: tuple[tuple[str, str, int], ...]
    """(element with its path, what was done, how often)."""
    withheld: tuple[tuple[str, str, int], ...]
    """(modality, why, how many) of those who share their data."""
    intervals_compared: int
    intervals_off: int
    references_before: int
    references_after: int
    unmapped_uids: int
    strings_searched: int
    dates_searched: int
    uids_searched: int
    ordinary_not_searched: int
    too_short_not_searched: int
    leaks: tuple[Leak, ...]
    files: tuple[tuple[str, str], ...]
    """(path in the release, sha256)."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Every reason why this must not leave, with its number; empty if it may."""
        found = [f"{leak.file}: a {leak.kind} of a participant stands in {leak.place}" for leak in self.leaks]
        for one in self.series:
            if one.pixels_identical != one.with_pixels:
                found.append(f"{one.series}: pixels differ in {one.with_pixels - one.pixels_identical} objects")
            for seen in one.agreements:
                if not seen.agrees:
                    found.append(
                        f"{one.series}: {seen.quantity}: {_shown(seen.before)} before, "
                        f"{_shown(seen.after)} after; {seen.said}"
                    )
            found += [
                f"{one.series}: {place} is neither unchanged nor moved as it must be" for place in one.changed_numbers
            ]
        if self.intervals_off:
            found.append(f"{self.intervals_off} of {self.intervals_compared} intervals between scans changed")
        if self.references_before != self.references_after:
            found.append(f"{self.references_before} references between objects before, {self.references_after} after")
        if self.unmapped_uids:
            found.append(f"{self.unmapped_uids} UIDs in the release are not those given by the key")
        return tuple(found)


def _shown(value: float | None) -> str:
    return "not computable" if value is None else f"{value:.9g}"


class ReleaseRefused(InputError):
    """The proof failed: nothing was released. Carries the report with the numbers."""

    def __init__(self, report: Report) -> None:
        self.report = report
        faults = report.faults
        more = f"\n  and {len(faults) - 8} more" if len(faults) > 8 else ""
        super().__init__(
            f"the release is refused, nothing was written: {len(faults)} fault(s)\n"
            + "\n".join(f"  {fault}" for fault in faults[:8])
            + more
        )


class NothingShared(InputError):
    """Nothing in the folder may leave as it is. Carries what was withheld, for the person who looks."""

    def __init__(self, message: str, withheld: tuple[Withheld, ...]) -> None:
        self.withheld = withheld
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Released:
    """A release that was made."""

    report: Report
    people: dict[str, Person]
    withheld: tuple[Withheld, ...]
