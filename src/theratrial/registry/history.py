"""The versions of a record: nothing is deleted, every update is a new version with who, when and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from theratrial.errors import InputError
from theratrial.registry.difference import Change, difference
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import Text


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the record; number 0 is the first registration."""

    number: int
    record: RegistrationRecord
    made_at: datetime
    author: str
    """Account or function, never a person's name."""
    reason: Text
    sent_on: date | None = None
    """Day on which the registry received it; None while it is only ours."""


@dataclass(frozen=True, slots=True)
class History:
    """All versions, oldest first, numbered 0, 1, 2 without a gap."""

    versions: tuple[Version, ...]

    def __post_init__(self) -> None:
        numbers = [version.number for version in self.versions]
        if not numbers or numbers != list(range(len(numbers))):
            raise InputError(f"versions are numbered 0, 1, 2 ... without a gap; got {numbers}")
        times = [version.made_at for version in self.versions]
        if times != sorted(times):
            raise InputError("a version was made before the one that it replaces")
        for version in self.versions[1:]:
            if not version.reason:
                raise InputError(f"version {version.number} gives no reason; an update says why")

    @property
    def current(self) -> Version:
        """The newest version."""
        return self.versions[-1]

    @property
    def update_count(self) -> int:
        """How often the record was updated since its registration."""
        return len(self.versions) - 1

    @property
    def last_update(self) -> date:
        """Day of the newest version, in the zone of its time stamp."""
        return self.current.made_at.date()

    def changes(self, old: int, new: int) -> tuple[Change, ...]:
        """What differs between two versions by number, in either direction.

        Raises
        ------
        InputError
            There is no such version.
        """
        for number in (old, new):
            if not 0 <= number < len(self.versions):
                raise InputError(f"there is no version {number}; 0 to {len(self.versions) - 1} exist")
        return difference(self.versions[old].record, self.versions[new].record)
