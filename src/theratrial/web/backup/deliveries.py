"""Images that a site has acknowledged and not registered yet: nobody will send them again, so a backup takes them.

A delivery is known by its row, and what it has brought by its journal and the files in ``images/incoming/<delivery>``.
While a backup is made, a worker may register a delivery: its files then lie in the store and its journal is gone. Hence
journals are read before and after the moment of the database, and a file is looked for wherever it may have gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from theratrial.sharing.archive.packing import Packing
from theratrial.web.backup.snapshot import Snapshot, rows_of, snapshot_taken, tables_of
from theratrial.web.studies.arrivals import JOURNAL, Arrived, lines_of

_TRIES: Final = 3
_HEX: Final = frozenset("0123456789abcdef")
_INCOMING: Final = "images/incoming"
_UNREGISTERED: Final = "images/unregistered"

Journals = Mapping[str, bytes]
"""Delivery -> its journal as it stands on the disk."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that is not wholly registered at the moment of the database."""

    id: str
    state: str
    source: str
    sender: str
    files: int
    """So many the site has said it received."""
    journal: bytes

    @property
    def lines(self) -> list[Arrived]:
        return [one for one in lines_of(self.journal) if one.sha256 and not one.reason]

    @property
    def lost(self) -> bool:
        """Whether what it has brought is told nowhere: no journal, though the site said it has files."""
        handed_over = self.state in ("reading", "failed") and self.files > 0
        return not self.journal and (handed_over or (self.source == "dicom" and self.state == "receiving"))


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What is not registered at the moment of the database."""

    waiting: tuple[Delivery, ...]
    stored: frozenset[str]
    """Hashes of the images that are registered; only where something waits."""


@dataclass(slots=True)
class Waiting:
    """What a backup holds of them."""

    deliveries: int = 0
    files: int = 0
    """Received and not registered."""
    unregistered: int = 0
    """Received, and without a place among the series; kept for an administrator."""

    def as_json(self) -> dict[str, int]:
        return {"deliveries": self.deliveries, "files": self.files, "unregistered": self.unregistered}

    def sentence(self) -> str:
        """For the progress line; empty where there is nothing."""
        said = []
        if self.deliveries:
            said.append(f"not registered yet: {self.files} in {self.deliveries} deliveries")
        if self.unregistered:
            said.append(f"without a place: {self.unregistered}")
        return "; ".join(said)


def journals(folder: Path) -> dict[str, bytes]:
    """Every delivery's journal as it is now."""
    found = {}
    for path in sorted((folder / _INCOMING).glob(f"*/{JOURNAL}")):
        try:
            found[path.parent.name] = path.read_bytes()
        except FileNotFoundError:
            continue  # registered this moment
    return found


@contextmanager
def snapshot_with_deliveries(folder: Path, working: Path, url: str) -> Iterator[tuple[Snapshot, Deliveries]]:
    """The site's database at one moment, and what had been received and not registered at this moment.

    A delivery that came and was registered within the instants between database and journals is caught by another try.
    """
    for attempt in range(_TRIES):
        before = journals(folder)
        with snapshot_taken(folder, working, url) as snapshot:
            found = deliveries_at(snapshot, before, journals(folder))
            if attempt + 1 == _TRIES or not any(one.lost for one in found.waiting):
                yield snapshot, found
                return


def deliveries_at(snapshot: Snapshot, before: Journals, after: Journals) -> Deliveries:
    """What a snapshot knows as received and not, or not wholly, registered."""
    waiting = []
    for row in _rows(snapshot, "studies_upload"):
        if row["source"] == "folder" or row["state"] == "cancelled":
            continue
        journal = after.get(row["id"]) or before.get(row["id"], b"")
        # Of what is done, only what the network brought and the worker has still to set apart is left to be kept.
        if row["state"] == "done" and not (row["source"] == "dicom" and journal):
            continue
        if journal or row["state"] != "receiving" or row["source"] == "dicom":
            sender = row["sender"] or row["received_by"]
            waiting.append(Delivery(row["id"], row["state"], row["source"], sender, row["files"], journal))
    stored = frozenset(row["sha256"] for row in _rows(snapshot, "studies_storedfile")) if waiting else frozenset()
    return Deliveries(tuple(waiting), stored)


def _rows(snapshot: Snapshot, name: str) -> Iterator[dict[str, Any]]:
    table = next(one for one in tables_of(snapshot) if one.name == name)
    names = [column for column, _kind in table.columns]
    for row in rows_of(snapshot, table):
        yield dict(zip(names, row, strict=True))


def deliveries_packed(folder: Path, site: str, made: Packing, found: Deliveries, damage: list[str]) -> Waiting:
    """Put everything received and not registered into a backup; says how much.

    Parameters
    ----------
    site
        Folder of the site's files within the backup.
    damage
        Gets what was acknowledged and is not there.
    """
    seen = Waiting()
    for one in found.waiting:
        if one.lost:
            if one.files:
                damage.append(f"delivery {one.id} of {one.sender}: its {one.files} files are missing")
        elif one.state == "done":
            seen.unregistered += _leftovers_packed(folder, site, made, one, found.stored)
        else:
            seen.deliveries += 1
            seen.files += _delivery_packed(folder, site, made, one, found.stored, damage)
    under_way = {one.id for one in found.waiting}
    for path in sorted((folder / _UNREGISTERED).glob("*/*")):
        if path.parent.name not in under_way and _is_hash(path.name):
            seen.unregistered += _packed(f"{site}/{path.relative_to(folder).as_posix()}", (path,), made, damage)
    return seen


def _delivery_packed(
    folder: Path, site: str, made: Packing, delivery: Delivery, stored: frozenset[str], damage: list[str]
) -> int:
    place = f"{_INCOMING}/{delivery.id}"
    made.add(f"{site}/{place}/{JOURNAL}", delivery.journal)
    named = dict.fromkeys(one.sha256 for one in delivery.lines if _is_hash(one.sha256))
    count = 0
    for sha256 in named:
        if sha256 in stored or _packed(f"{site}/{place}/{sha256}", _places(folder, delivery.id, sha256), made, damage):
            count += 1
        else:
            damage.append(f"delivery {delivery.id} of {delivery.sender}: {sha256} was received and is missing")
    # What a power cut left without its line; when the node starts it gives it one, or takes it for no instance.
    for path in sorted((folder / place).glob("*")):
        if _is_hash(path.name) and path.name not in named and delivery.source == "dicom":
            count += _packed(f"{site}/{place}/{path.name}", (path,), made, [])
    return count


def _leftovers_packed(folder: Path, site: str, made: Packing, delivery: Delivery, stored: frozenset[str]) -> int:
    """What the worker was about to set apart."""
    left = dict.fromkeys(one.sha256 for one in delivery.lines if _is_hash(one.sha256) and one.sha256 not in stored)
    place = f"{site}/{_UNREGISTERED}/{delivery.id}"
    return sum(_packed(f"{place}/{sha256}", _places(folder, delivery.id, sha256), made, []) for sha256 in left)


def _places(folder: Path, delivery: str, sha256: str) -> tuple[Path, ...]:
    """Where a received file may be, in the order in which it wanders."""
    return (
        folder / _INCOMING / delivery / sha256,
        folder / "images" / sha256[:2] / sha256[2:4] / sha256,
        folder / _UNREGISTERED / delivery / sha256,
    )


def _packed(name: str, places: tuple[Path, ...], made: Packing, damage: list[str]) -> bool:
    sha256 = places[0].name
    for path in places:
        try:
            if made.add_file(name, path, expected=sha256) != sha256:
                damage.append(f"{path.parent.name}/{sha256}: its bytes are not those that were received")
        except FileNotFoundError:
            continue
        return True
    return False


def _is_hash(name: str) -> bool:
    return len(name) == 64 and set(name) <= _HEX


__all__ = ["Deliveries", "Delivery", "Waiting", "deliveries_packed", "journals", "snapshot_with_deliveries"]
