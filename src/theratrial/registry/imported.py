"""What reading a file of a registry gave: the record, and every piece that found no place in it."""

from __future__ import annotations

from dataclasses import dataclass

from theratrial.registry.record import RegistrationRecord


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A piece of the source that is not in the record: never dropped silently."""

    where: str
    """Place in the source: line, element or JSON path."""
    name: str
    """Its label, element or key."""
    value: str
    why: str
    suggestion: str = ""
    """What was probably meant, for a person to decide; never taken by itself."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A record read from a foreign file."""

    record: RegistrationRecord
    format: str
    """One of ``yaml``, ``irct-text``, ``irct-html``, ``irct-pdf``, ``ictrp-xml``, ``ictrp-xml-131``, ``ictrp-portal``,
    ``ctgov-json``."""
    unplaced: tuple[Unplaced, ...] = ()
    notes: tuple[str, ...] = ()
    """What was repaired on reading, and how: padded titles trimmed, an encoding found, a phase that a spreadsheet had
    turned into a date."""
